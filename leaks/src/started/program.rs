//! A program of the workbook that the command doesn't have within itself.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;

/// A program, and how cargo builds it.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// What it is, for who waits.
    pub(crate) what: &'static str,
    /// What cargo builds, and beside what.
    pub(crate) arguments: &'static [&'static str],
    /// How long the first build takes.
    pub(crate) takes: &'static str,
    /// What may be missing.
    pub(crate) needs: &'static str,
}

impl Program {
    /// Where it lies, built if it wasn't.
    pub(crate) fn built(&self, workspace: &Workspace) -> Result<PathBuf> {
        let failed = || Problem::new(format!("can't build {}, {}", self.name, self.what));
        let this = std::env::current_exe().map_err(|error| failed().because(error))?;
        let program = this.with_file_name(format!("{}{}", self.name, std::env::consts::EXE_SUFFIX));
        let cargo = std::env::var_os("CARGO");
        if cargo.is_none() && program.is_file() {
            return Ok(program);
        }
        let is_first = !program.is_file();
        if is_first {
            workbook::note!(format!(
                "{}{} isn't built yet. The first time takes {}.",
                self.what[..1].to_uppercase(),
                &self.what[1..],
                self.takes
            ));
        }
        let built = Command::new(cargo.unwrap_or_else(|| OsString::from("cargo")))
            .arg("build")
            .args(self.arguments)
            .args((!is_first).then_some("--quiet"))
            .arg("--manifest-path")
            .arg(workspace.root.join("Cargo.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| {
                failed()
                    .because(error)
                    .next("Install Rust from https://rustup.rs, or set CARGO to where cargo lies.")
            })?;
        if !built.success() || !program.is_file() {
            return Err(failed().because("cargo said why, above").next(self.needs));
        }
        Ok(program)
    }
}
