//! The book has a program of its own, `leaks-book`: mdBook is a third of all that would have to be compiled before a first run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;
use workbook::{BookArgs, Ending};

const PROGRAM: &str = "leaks-book";

/// Where the program is built for a reader. In the folder of everything else each other command would wait until it is built, two
/// minutes the first time.
const FOLDER: &str = "target/for-book";

/// What a reader is told who has to wait for it.
pub(super) const FIRST_TIME: &str = "The book's program isn't built yet. The first time takes two minutes; other commands work meanwhile.";

/// `leaks book`: becomes the book's program, which cargo builds first where that is needed.
pub(crate) fn book(workspace: &Workspace, args: &BookArgs) -> Result<Ending> {
    if !is_built(workspace) {
        workbook::note!(FIRST_TIME);
    }
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

/// Whether the program was built once: cargo then has little to do.
pub(super) fn is_built(workspace: &Workspace) -> bool {
    beside_this_one().is_some()
        || workspace
            .root
            .join(FOLDER)
            .join("debug")
            .join(file_name())
            .is_file()
}

/// Cargo, which sees whether the program is up to date; or the program itself where this one was started without cargo.
pub(super) fn program(workspace: &Workspace) -> Command {
    let cargo = std::env::var_os("CARGO");
    let beside = beside_this_one();
    if let (None, Some(program)) = (&cargo, &beside) {
        return Command::new(program);
    }
    let mut command = Command::new(cargo.unwrap_or_else(|| OsString::from("cargo")));
    command
        .args(["run", "--package", PROGRAM])
        .arg("--manifest-path")
        .arg(workspace.root.join("Cargo.toml"));
    if beside.is_none() {
        command
            .arg("--target-dir")
            .arg(workspace.root.join(FOLDER))
            // Nobody looks into it with a debugger, and it is built sooner.
            .env("CARGO_PROFILE_DEV_DEBUG", "none");
    }
    if is_built(workspace) {
        command.arg("--quiet");
    }
    command.arg("--");
    command
}

/// The program where everything else was built, as for its authors.
fn beside_this_one() -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    Some(this.parent()?.join(file_name())).filter(|program| program.is_file())
}

fn file_name() -> String {
    format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX)
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
