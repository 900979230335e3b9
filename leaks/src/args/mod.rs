//! The command line: the commands' names, and the help that says when to use each. What a command takes stands with the command.

mod learner;
mod operator;

pub(crate) use learner::Learner;
pub(crate) use operator::Operator;

use crate::incident::IncidentArgs;
use clap::{Parser, Subcommand};

/// The Leak Workbook: watch memory leak, find the line, mend it, prove it.
#[derive(Debug, Parser)]
#[command(
    name = "leaks",
    version,
    disable_help_subcommand = true,
    after_help = "Type `leaks` alone to see where you are and what is next.\n\
        Through cargo, put `cargo run --` in front: cargo run -- run retained-subslices\n\n\
        Status: 0 did what was asked, 1 the verdict is not the wanted one, 2 bad usage or input."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The commands by the part of the house that does them. The help lists them in the order in which a reader meets them: a
/// `display_order` stands where that is another one.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Learner(Learner),

    #[command(flatten)]
    Operator(Operator),

    /// Run the incident that this workbook grew from: 400 MB resident, 7 MB in the heap profile
    ///
    /// Use it to see a whole hunt, from the graph to the cause. Fifteen steps by real processes on this machine, in under four
    /// minutes; a gigabyte of memory should be free. Each step has its question, its command, what came, and what follows. The
    /// first time, jemalloc is built, which takes two minutes more. Where it isn't run by root, the kernel forbids one look, which
    /// is left out. Linux only. Status 1 when a step saw something else than the story says.
    #[command(
        after_help = "Examples:\n  leaks incident\n  leaks incident --short    half the size, the same relations"
    )]
    Incident(IncidentArgs),
}
