//! The book has a program of its own, `leaks-book`: mdBook is a third of all that would have to be compiled before a first run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;
use workbook::{BookArgs, Ending};

const PROGRAM: &str = "leaks-book";

/// `leaks book`: becomes the book's program, which cargo builds first where that is needed.
pub(crate) fn book(workspace: &Workspace, args: &BookArgs) -> Result<Ending> {
    let mut command = program(workspace);
    if args.open {
        command.arg("--open");
    }
    if let Some(file) = &args.pdf {
        command.arg("--pdf").arg(file);
    } else if args.build_only {
        command.arg("--build-only");
    } else {
        command.args(["--port", &args.port.to_string()]);
    }
    become_it(command)
}

/// Cargo, which sees whether the program is up to date; or the program itself where this one was started without cargo.
fn program(workspace: &Workspace) -> Command {
    let cargo = std::env::var_os("CARGO");
    let built = beside_this_one().filter(|program| program.is_file());
    if let (None, Some(program)) = (&cargo, &built) {
        return Command::new(program);
    }
    let mut command = Command::new(cargo.unwrap_or_else(|| OsString::from("cargo")));
    command
        .args(["run", "--package", PROGRAM])
        .arg("--manifest-path")
        .arg(workspace.root.join("Cargo.toml"));
    if built.is_some() {
        command.arg("--quiet");
    } else {
        workbook::note!("The book's program isn't built yet. The first time takes a minute.");
    }
    command.arg("--");
    command
}

fn beside_this_one() -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    Some(this.parent()?.join(name))
}

/// On unix the process itself becomes the program: a signal to this one reaches it.
#[cfg(unix)]
fn become_it(mut command: Command) -> Result<Ending> {
    use std::os::unix::process::CommandExt;
    Err(not_started(&command.exec()))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> Result<Ending> {
    let ended = command.status().map_err(|error| not_started(&error))?;
    std::process::exit(ended.code().unwrap_or(2));
}

fn not_started(error: &std::io::Error) -> Problem {
    Problem::new(format!("can't start the book's program, {PROGRAM}"))
        .because(error)
        .next("Install Rust from https://rustup.rs, or set CARGO to where cargo lies.")
}
