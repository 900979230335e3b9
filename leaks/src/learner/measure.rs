//! Measures a chapter's workload: the child's side, and the parent that starts it.
//!
//! The child is this same binary. A workload that panics, hangs or exits then ends the child, and the
//! command can still say what happened.

use super::child::{self, Errors};
use crate::show::measured::progress::Sender;
use crate::show::progress::Line;
use clap::Args;
use detectors::heap::AllocatorSource;
use detectors::{Evidence, Watch};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::workspace::Chapter;

/// What the child is told.
#[derive(Debug, Args)]
pub(crate) struct MeasureArgs {
    pub(crate) chapter: String,
    pub(crate) into: PathBuf,
    #[arg(long)]
    pub(crate) fixed: bool,
}

/// When a measurement that doesn't end is killed. A watch ends itself after a minute unless one iteration hangs.
const DEADLINE: Duration = Duration::from_secs(90);

/// Which of a chapter's two workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    Leaky,
    Fixed,
}

impl Variant {
    pub(crate) fn new(fixed: bool) -> Self {
        if fixed {
            Variant::Fixed
        } else {
            Variant::Leaky
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Variant::Leaky => "leaky",
            Variant::Fixed => "fixed",
        }
    }
}

/// What the evidence of a run is called.
pub(crate) fn name(chapter: &str, variant: Variant) -> String {
    format!("{chapter} ({})", variant.name())
}

/// Measures in a child process, and shows its progress on standard error.
pub(crate) fn measure(chapter: &Chapter, variant: Variant) -> Result<Evidence> {
    let scratch = tempfile::tempdir().map_err(|error| {
        Problem::new("can't make a scratch folder for the measurement")
            .because(error)
            .next("Free some space, or set TMPDIR to a folder that can be written.")
    })?;
    let this = std::env::current_exe()
        .map_err(|error| Problem::new("can't find this command's own file").because(error))?;
    let mut command = Command::new(this);
    command
        .arg("measure")
        .arg(&chapter.name)
        .arg(scratch.path());
    if variant == Variant::Fixed {
        command.arg("--fixed");
    }
    // What a panic says is worth showing; where it was is in the profile's business, not the reader's.
    command.env("RUST_BACKTRACE", "0");
    let mut line = Line::new();
    let ended = child::run_with(command, Errors::Kept, Some(DEADLINE), |text| {
        line.show(text)
    })?;
    drop(line);
    if ended.how.is_success()
        && let Ok(evidence) = Evidence::read(scratch.path())
    {
        return Ok(evidence);
    }
    let words = ended.output.trim_end();
    if !words.is_empty() {
        workbook::note!(format!("Its process printed:\n{words}"));
    }
    Err(Problem::new(format!(
        "{}'s {} workload could not be measured",
        chapter.name,
        variant.name()
    ))
    .because(ended.how)
    .next("The measurement was not over, so there is no verdict."))
}

/// The child: measures, and leaves evidence and profile in `into`.
pub(crate) fn child(args: &MeasureArgs) -> Result<Ending> {
    let MeasureArgs {
        chapter,
        into,
        fixed,
    } = args;
    let variant = Variant::new(*fixed);
    let Some(known) = chapters::named(chapter) else {
        return Err(
            Problem::new(format!("this build has no workload for `{chapter}`"))
                .next("Build the command again: cargo build"),
        );
    };
    let run = match variant {
        Variant::Leaky => known.leaky,
        Variant::Fixed => known.fixed,
    };
    let mut sender = Sender::new();
    let watch = Watch::new(name(chapter, variant))
        // This process is the measurement's alone.
        .heap_source(AllocatorSource::of_process())
        .always_profile()
        .on_progress(move |progress| sender.send(progress));
    let evidence = run(watch);
    evidence
        .write(into)
        .map_err(|error| Problem::file("write the evidence into", into, &error))?;
    Ok(Ending::AsWanted)
}
