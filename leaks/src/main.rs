//! The Leak Workbook's command.

mod args;
mod artefacts;
mod book;
mod cargo;
mod chart;
mod check;
mod child;
mod exercise;
mod incident;
mod load;
mod measure;
mod profile;
mod progress;
mod quantity;
mod report;
mod run;
mod scale;
mod start;
mod state;
mod timeline;
mod triage;
mod verify;

use args::{Cli, Command};
use clap::Parser;
use detectors::ProfilingAllocator;
use detectors::allocator::Reporting;
use problem::Result;
use std::io::Write;
use std::process::ExitCode;
use workbook::{Ending, files, problem, say, workspace};
use workspace::Workspace;

/// Counts what the chapters allocate, and knows who holds it; and says what was held when there is no more.
#[global_allocator]
static ALLOCATOR: ProfilingAllocator<Reporting> = ProfilingAllocator::new(Reporting::system());

fn main() -> ExitCode {
    let cli = Cli::parse();
    workbook::with_output(|out| run(cli.command.as_ref(), out))
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
        Some(Command::Book(args)) => book::book(&here()?, args),
        Some(Command::Serve(args)) => domain_service::serve::serve(args, out),
        Some(Command::Cluster(args)) => domain_service::serve::cluster(args, out),
        Some(Command::Load(args)) => load::load(args, out),
        Some(Command::Incident(args)) => incident::incident(&here()?, args, out),
        Some(Command::Triage(args)) => triage::triage(args, out),
        Some(Command::Measure(args)) => {
            let variant = measure::Variant::new(args.fixed);
            measure::child(&args.chapter, variant, &args.into)
        }
    }
}
