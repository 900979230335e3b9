//! A step of the short path, done for the reader: each is a shell's line, and is run as one.

use super::path::Step;
use crate::started::Running;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use workbook::problem::{Problem, Result};
use workbook::say::DIM;

/// Lines of an answer that are shown.
const LINES_MAX: usize = 40;

/// Runs a step's command and shows what it prints. A triage is left to the reader: it takes minutes.
pub(super) fn replayed(
    step: &Step,
    running: &Running,
    root: &Path,
    out: &mut dyn Write,
) -> Result<()> {
    let needs_service = !step.command.starts_with("sed ") && running.left.is_none();
    if needs_service && !running.is_alive() {
        writeln!(
            out,
            "     {DIM}The service has ended, so this isn't run.{DIM:#}"
        )?;
        return Ok(());
    }
    if step.command.contains("triage ") {
        writeln!(
            out,
            "     {DIM}It takes minutes, so it is left to you.{DIM:#}"
        )?;
        return Ok(());
    }
    let failed = |error: std::io::Error| Problem::new("can't run a step of the way").because(error);
    let this = std::env::current_exe().map_err(failed)?;
    let script = script(&step.command, &this);
    let ran = Command::new("sh")
        .args(["-c", &script])
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(failed)?;
    let text = String::from_utf8_lossy(&ran.stdout);
    for line in text.lines().take(LINES_MAX) {
        writeln!(out, "     {line}")?;
    }
    out.flush()?;
    Ok(())
}

/// What is typed, with this very command.
fn script(typed: &str, this: &Path) -> String {
    let this = format!("'{}' ", this.display());
    let typed = typed.replace("cargo run -- ", &this);
    ["top ", "load ", "diff "]
        .iter()
        .fold(typed, |typed, command| {
            typed.replace(&format!("leaks {command}"), &format!("{this}{command}"))
        })
}
