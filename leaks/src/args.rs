//! The command line: names, options and the help that teaches them.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the chapters and how far you are in each
    ///
    /// Use it to choose what to do next.
    #[command(after_help = "Example: leaks list")]
    List,

    /// Show the next of a chapter's three hints
    ///
    /// Use it when you are stuck. The first is a question; the last nearly names the line.
    #[command(after_help = "Example: leaks hint retained-subslices")]
    Hint(ChapterArg),

    /// Restore a chapter's exercise as it was shipped
    ///
    /// Use it to start over. What you wrote is kept beside the file as exercise.backup-1.rs, -2, ..
    #[command(after_help = "Example: leaks reset retained-subslices")]
    Reset(ChapterArg),

    /// Show the author's solution, once yours has passed
    ///
    /// Use it to compare. It opens when `leaks check` has passed once.
    #[command(after_help = "Example: leaks solution retained-subslices")]
    Solution(ChapterArg),

    /// Build the book and serve it on this machine
    ///
    /// Use it to read, or to write: the open page follows every change. Only this machine can reach it.
    #[command(after_help = "Examples:\n  leaks book --open\n  leaks book --build-only    writes the site to target/book, fails on dead links and empty includes")]
    Book(BookArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ChapterArg {
    /// The chapter's name, as `leaks list` shows it
    pub(crate) chapter: String,
}

#[derive(Debug, Args)]
pub(crate) struct BookArgs {
    /// Open the book in a browser
    #[arg(long, conflicts_with = "build_only")]
    pub(crate) open: bool,
    /// Write the site to target/book and end; faults in the pages end with status 1
    #[arg(long)]
    pub(crate) build_only: bool,
    /// The port on 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 3000, conflicts_with = "build_only")]
    pub(crate) port: u16,
}
