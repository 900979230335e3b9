//! The Leak Workbook's command.
//!
//! Its house has floors, and each imports downward only:
//!
//! ```text
//! main
//! args
//! learner | operator | incident | portable
//! load | show | started
//! ```
//!
//! | part | is |
//! |---|---|
//! | `main` | hands each command what it takes; nobody imports it |
//! | `args` | the commands' names, and the help that says when to use each |
//! | `learner` | where the reader is and does: list, run, check, hint, reset, solution, verify, the book, the wild, drills |
//! | `operator` | a service that runs: load, triage, profiles, what a killed one left |
//! | `incident` | the story |
//! | `portable` | builds the operator's part as one file, for machines without Rust |
//! | `load` | load on a service, as a plan and a report: the operator's and the incident's |
//! | `show` | what all of them show: reports, charts, files, progress |
//! | `started` | other programs of the workbook: built, and the drill that runs |
//!
//! What stands on one floor doesn't import each other. Below are the libraries: `workbook`, how the command speaks; `detectors`, the
//! instruments; `domain_service`, the service of the story; and the chapters.
//!
//! Without the feature `whole` the operator's part is all there is, and no library needs C: that is what `portable` builds.

mod args;
#[cfg(test)]
mod floors;
#[cfg(feature = "whole")]
mod incident;
#[cfg(feature = "whole")]
mod learner;
mod load;
mod operator;
#[cfg(feature = "whole")]
mod portable;
mod show;
#[cfg(feature = "whole")]
mod started;
#[cfg(feature = "whole")]
mod whole;

use args::{Cli, Command, Operator};
use clap::Parser;
use operator::{autopsy, profile, triage};
use std::io::Write;
use std::process::ExitCode;
use workbook::Ending;
use workbook::problem::Result;

fn main() -> ExitCode {
    let cli = Cli::parse();
    workbook::with_output(|out| match &cli.command {
        Some(Command::Operator(command)) => operate(command, out),
        #[cfg(feature = "whole")]
        Some(Command::Learner(command)) => whole::learn(command, out),
        #[cfg(feature = "whole")]
        Some(Command::Story(command)) => whole::tell(command, out),
        #[cfg(feature = "whole")]
        None => whole::start(out),
        #[cfg(not(feature = "whole"))]
        None => help(out),
    })
}

/// The command alone, where there is no workbook to start in.
#[cfg(not(feature = "whole"))]
fn help(out: &mut dyn Write) -> Result<Ending> {
    let help = <Cli as clap::CommandFactory>::command().render_help();
    write!(out, "{}", help.ansi())?;
    Ok(Ending::AsWanted)
}

/// None of them needs the workbook: a service runs, and a profile lies, anywhere.
fn operate(command: &Operator, out: &mut dyn Write) -> Result<Ending> {
    match command {
        Operator::Top(args) => profile::top(args, out),
        Operator::ListSource(args) => profile::list_source(args, out),
        Operator::Diff(args) => profile::diff(args, out),
        Operator::Flamegraph(args) => profile::flamegraph(args, out),
        Operator::Graph(args) => profile::graph(args, out),
        Operator::Load(args) => operator::load::load(args, out),
        Operator::Triage(args) => triage::triage(args, out),
        Operator::Autopsy(args) => autopsy::autopsy(args, out),
    }
}
