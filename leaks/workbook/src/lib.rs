//! Where the workbook lies, and how its two programs, `leaks` and `leaks-book`, speak to a reader.

pub mod duration;
pub mod files;
pub mod problem;
pub mod say;
pub mod signals;
pub mod workspace;

use clap::Args;
use problem::{Problem, Result};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// What was asked: status 0.
    AsWanted,
    /// The verdict is not the wanted one: status 1.
    NotWanted,
}

/// What `leaks book` takes, and hands on to `leaks-book`.
#[derive(Debug, Args)]
pub struct BookArgs {
    /// Open the book in a browser
    #[arg(long, conflicts_with = "build_only")]
    pub open: bool,
    /// Write the site to target/book and end; faults in the pages end with status 1
    #[arg(long)]
    pub build_only: bool,
    /// The port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 3000, conflicts_with = "build_only")]
    pub port: u16,
    /// Print the whole book to a PDF file and end; needs Chromium or Chrome
    #[arg(long, value_name = "FILE", conflicts_with_all = ["open", "build_only", "port"])]
    pub pdf: Option<PathBuf>,
}

/// Lets a command write to standard output, tells what went wrong, and turns the ending into a status.
pub fn with_output(command: impl FnOnce(&mut dyn Write) -> Result<Ending>) -> ExitCode {
    let mut out = say::stdout();
    let ended = command(&mut out).and_then(|ending| {
        out.flush()?;
        Ok(ending)
    });
    match ended {
        Ok(Ending::AsWanted) => ExitCode::SUCCESS,
        Ok(Ending::NotWanted) => ExitCode::from(1),
        // The reader of the output has seen enough: `leaks top FILE | head -1`.
        Err(Problem::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        // By convention, 128 and the signal's number.
        Err(Problem::Interrupted) => ExitCode::from(130),
        Err(problem) => {
            crate::note!(format!("{}error:{:#} {problem}", say::BAD, say::BAD));
            ExitCode::from(2)
        }
    }
}
