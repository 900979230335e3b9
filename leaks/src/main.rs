//! The Leak Workbook's command.

mod args;
mod book;
mod chart;
mod exercise;
mod files;
mod problem;
mod say;
mod scale;
mod start;
mod state;
mod timeline;
mod workspace;

use args::{Cli, Command};
use clap::Parser;
use problem::{Problem, Result};
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use workspace::Workspace;

/// Counts what the chapters allocate; without a running profiler it passes through.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// What was asked: status 0.
    AsWanted,
    /// The verdict is not the wanted one: status 1.
    NotWanted,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = say::stdout();
    let ended = run(cli.command, &mut out).and_then(|ending| {
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
            say::note(format!("{}error:{:#} {problem}", say::BAD, say::BAD));
            ExitCode::from(2)
        }
    }
}

fn run(command: Option<Command>, out: &mut dyn Write) -> Result<Ending> {
    let workspace = Workspace::find()?;
    match command {
        None => start::whereabouts(&workspace, out),
        Some(Command::List) => start::list(&workspace, out),
        Some(Command::Hint(of)) => exercise::hint(&workspace, workspace.chapter(&of.chapter)?, out),
        Some(Command::Reset(of)) => exercise::reset(workspace.chapter(&of.chapter)?, out),
        Some(Command::Solution(of)) => {
            exercise::solution(&workspace, workspace.chapter(&of.chapter)?, out)
        }
        Some(Command::Book(book)) => {
            book::book(&workspace, book.build_only, book.open, book.port, out)
        }
    }
}
