//! The Leak Workbook's command.

mod args;
mod artefacts;
mod book;
mod cargo;
mod chapters;
mod chart;
mod check;
mod child;
mod exercise;
mod files;
mod measure;
mod problem;
mod profile;
mod progress;
mod quantity;
mod report;
mod run;
mod say;
mod scale;
mod start;
mod state;
mod timeline;
mod verify;
mod workspace;

use args::{Cli, Command};
use clap::Parser;
use problem::{Problem, Result};
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use workspace::Workspace;

/// Counts what the chapters allocate, and knows who holds it.
#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

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
    let ended = run(cli.command.as_ref(), &mut out).and_then(|ending| {
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

fn run(command: Option<&Command>, out: &mut dyn Write) -> Result<Ending> {
    // Found only where it is needed: a profile is read wherever it lies.
    let here = Workspace::find;
    match command {
        None => start::start(&here()?, out),
        Some(Command::List) => start::list(&here()?, out),
        Some(Command::Run(args)) => run::run(&here()?, args, out),
        Some(Command::Check(args)) => check::check(&here()?, args, out),
        Some(Command::Hint(of)) => exercise::hint(&here()?, &of.chapter, out),
        Some(Command::Reset(of)) => exercise::reset(&here()?, &of.chapter, out),
        Some(Command::Solution(of)) => exercise::solution(&here()?, &of.chapter, out),
        Some(Command::Verify(args)) => verify::verify(&here()?, args, out),
        Some(Command::Top(args)) => profile::top(args, out),
        Some(Command::ListSource(args)) => profile::list_source(args, out),
        Some(Command::Diff(args)) => profile::diff(args, out),
        Some(Command::Flamegraph(args)) => profile::flamegraph(args, out),
        Some(Command::Book(args)) => book::book(&here()?, args, out),
        Some(Command::Measure(args)) => {
            let variant = measure::Variant::new(args.fixed);
            measure::child(&args.chapter, variant, &args.into)
        }
    }
}
