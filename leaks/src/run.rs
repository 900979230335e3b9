//! `leaks run`: measures a chapter's workload and shows what is there to see.

use crate::args::{Format, RunArgs};
use crate::artefacts::{self, Artefacts};
use crate::measure::{Variant, measure};
use crate::problem::Result;
use crate::say::{self, BOLD, DIM};
use crate::state::State;
use crate::workspace::{Chapter, Workspace};
use crate::{Ending, report};
use detectors::Evidence;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What `--format json` adds to the evidence.
#[derive(Debug, Serialize)]
struct More<'a> {
    /// Whether the variant behaved as its chapter says.
    as_expected: bool,
    artefacts: &'a Artefacts,
}

/// `leaks run`: status 0 when the leaky variant is caught, or the fixed one is calm.
pub(crate) fn run(workspace: &Workspace, args: &RunArgs, out: &mut dyn Write) -> Result<Ending> {
    let chapter = workspace.chapter(&args.chapter)?;
    let variant = Variant::new(args.fixed);
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| default_folder(workspace, chapter, variant));
    let evidence = measure(chapter, variant)?;
    let as_expected = as_expected(chapter, &evidence, variant);
    if args.format == Format::Json {
        let artefacts = write(chapter, variant, &evidence, &folder)?;
        let more = More {
            as_expected,
            artefacts: &artefacts,
        };
        report::json(
            &report::Document {
                evidence: &evidence,
                more,
            },
            out,
        )?;
    } else {
        show(workspace, chapter, variant, &evidence, &folder, out)?;
        next(chapter, variant, as_expected, out)?;
    }
    if variant == Variant::Leaky && as_expected {
        State::change_chapter(&workspace.root, &chapter.name, |done| done.ran = true)?;
    }
    Ok(if as_expected {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    })
}

/// The first run: welcomes, and lets the reader see a leak caught before there is anything to read.
pub(crate) fn welcome(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
    let Some(chapter) = workspace.chapters.first() else {
        return crate::start::whereabouts(workspace, out);
    };
    let width = say::width();
    writeln!(out, "{BOLD}Welcome to the Leak Workbook.{BOLD:#}\n")?;
    let words = "Each chapter holds service code that leaks memory in one way, the same code mended, and an \
        exercise for you. Here is the first one leaking, measured on this machine, with the line at fault named:";
    writeln!(out, "{}", say::wrapped(words, "", width))?;
    out.flush()?;
    let variant = Variant::Leaky;
    let folder = default_folder(workspace, chapter, variant);
    let evidence = measure(chapter, variant)?;
    show(workspace, chapter, variant, &evidence, &folder, out)?;
    writeln!(out, "\n{BOLD}Next{BOLD:#}")?;
    crate::start::step(
        out,
        &format!("run {} --fixed", chapter.name),
        "the same code mended",
    )?;
    crate::start::steps(chapter, out)?;
    State::change(&workspace.root, |state| {
        state.welcomed = true;
        state.chapters.entry(chapter.name.clone()).or_default().ran = true;
    })?;
    Ok(if as_expected(chapter, &evidence, variant) {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    })
}

fn default_folder(workspace: &Workspace, chapter: &Chapter, variant: Variant) -> PathBuf {
    let folder = workspace.artefacts_of(chapter);
    match variant {
        Variant::Leaky => folder,
        Variant::Fixed => folder.join("fixed"),
    }
}

fn as_expected(chapter: &Chapter, evidence: &Evidence, variant: Variant) -> bool {
    let known = chapters::named(&chapter.name);
    match variant {
        Variant::Leaky => known.is_some_and(|known| evidence.verdict == known.verdict),
        Variant::Fixed => evidence.verdict.is_calm(),
    }
}

fn write(
    chapter: &Chapter,
    variant: Variant,
    evidence: &Evidence,
    folder: &Path,
) -> Result<Artefacts> {
    let mut artefacts = artefacts::write(chapter, variant.name(), evidence, folder)?;
    if variant == Variant::Fixed {
        artefacts.both = artefacts::write_both(chapter, evidence, folder)?;
    }
    Ok(artefacts)
}

/// The report first, then the files: a full disk must not cost the reader the verdict.
fn show(
    workspace: &Workspace,
    chapter: &Chapter,
    variant: Variant,
    evidence: &Evidence,
    folder: &Path,
    out: &mut dyn Write,
) -> Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}, {}\n", chapter.title, variant.name())?;
    report::print(evidence, &workspace.root, out)?;
    report::concept(evidence, out)?;
    out.flush()?;
    let artefacts = write(chapter, variant, evidence, folder)?;
    report::files(&artefacts, out)
}

fn next(chapter: &Chapter, variant: Variant, as_expected: bool, out: &mut dyn Write) -> Result<()> {
    let name = &chapter.name;
    let next = match (as_expected, variant) {
        (true, Variant::Leaky) => format!("run {name} --fixed"),
        (true, Variant::Fixed) => format!("check {name}"),
        (false, _) => {
            writeln!(
                out,
                "\nThis is not what the chapter promises: something else may have disturbed the run."
            )?;
            format!(
                "run {name}{}",
                if variant == Variant::Fixed {
                    " --fixed"
                } else {
                    ""
                }
            )
        }
    };
    writeln!(out, "\n{DIM}Next:{DIM:#} {}", say::command(&next))?;
    Ok(())
}
