//! The Leak Workbook's command.
//!
//! Its house has floors, and each imports downward only:
//!
//! ```text
//! main
//! args
//! learner | operator | incident
//! load | show
//! ```
//!
//! | part | is |
//! |---|---|
//! | `main` | hands each command what it takes; nobody imports it |
//! | `args` | the commands' names, and the help that says when to use each |
//! | `learner` | where the reader is and does: list, run, check, hint, reset, solution, verify, the book, the wild |
//! | `operator` | a service that runs: serve, load, triage, profiles |
//! | `incident` | the story |
//! | `load` | load on a service, as a plan and a report: the operator's and the incident's |
//! | `show` | what all of them show: reports, charts, files, progress |
//!
//! What stands on one floor doesn't import each other. Below are the libraries: `workbook`, how the command speaks; `detectors`, the
//! instruments; `domain_service`, the service of the story; and the chapters.

mod args;
#[cfg(test)]
mod floors;
mod incident;
mod learner;
mod load;
mod operator;
mod show;

use args::{Cli, Command, Learner, Operator};
use clap::Parser;
use detectors::ProfilingAllocator;
use detectors::allocator::Reporting;
use domain_service::serve;
use learner::{book, check, exercise, measure, run, start, verify, wild};
use operator::{autopsy, profile, triage};
use std::io::Write;
use std::process::ExitCode;
use workbook::Ending;
use workbook::problem::Result;
use workbook::workspace::Workspace;

/// Counts what the chapters allocate, and knows who holds it; and says what was held when there is no more.
#[global_allocator]
static ALLOCATOR: ProfilingAllocator<Reporting> = ProfilingAllocator::new(Reporting::system());

fn main() -> ExitCode {
    let cli = Cli::parse();
    workbook::with_output(|out| match &cli.command {
        None => start::start(&Workspace::find()?, out),
        Some(Command::Learner(command)) => learn(command, out),
        Some(Command::Operator(command)) => operate(command, out),
        Some(Command::Incident(args)) => incident::incident(&Workspace::find()?, args, out),
    })
}

fn learn(command: &Learner, out: &mut dyn Write) -> Result<Ending> {
    // The child of a measurement has no use for it.
    let here = Workspace::find;
    match command {
        Learner::List => start::list(&here()?, out),
        Learner::Run(args) => run::run(&here()?, args, out),
        Learner::Check(args) => check::check(&here()?, args, out),
        Learner::Hint(of) => exercise::hint(&here()?, &of.chapter, out),
        Learner::Reset(of) => exercise::reset(&here()?, &of.chapter, out),
        Learner::Solution(of) => exercise::solution(&here()?, &of.chapter, out),
        Learner::Verify(args) => verify::verify(&here()?, args, out),
        Learner::Wild(args) => wild::wild(&here()?, args, out),
        Learner::Book(args) => book::book(&here()?, args),
        Learner::Measure(args) => measure::child(args),
    }
}

/// None of them needs the workbook: a service runs, and a profile lies, anywhere.
fn operate(command: &Operator, out: &mut dyn Write) -> Result<Ending> {
    match command {
        Operator::Top(args) => profile::top(args, out),
        Operator::ListSource(args) => profile::list_source(args, out),
        Operator::Diff(args) => profile::diff(args, out),
        Operator::Flamegraph(args) => profile::flamegraph(args, out),
        Operator::Graph(args) => profile::graph(args, out),
        Operator::Serve(args) => serve::serve(args, out),
        Operator::Cluster(args) => serve::cluster(args, out),
        Operator::Load(args) => operator::load::load(args, out),
        Operator::Triage(args) => triage::triage(args, out),
        Operator::Autopsy(args) => autopsy::autopsy(args, out),
    }
}
