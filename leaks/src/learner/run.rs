//! `leaks run`: measures a chapter's workload and shows what is there to see.

use super::measure::{self, Variant, measure};
use super::state::State;
use crate::show::measured::artefacts::{self, Artefacts};
use crate::show::measured::report;
use crate::show::{Format, json};
use clap::Args;
use detectors::Evidence;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use workbook::Ending;
use workbook::problem::Result;
use workbook::say::{self, BOLD, DIM};
use workbook::workspace::{Chapter, Workspace};

/// What `leaks run` takes.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The chapter's name, as `leaks list` shows it; inside the chapter's folder it needs none
    pub(crate) chapter: Option<String>,
    /// Run the fixed variant
    #[arg(long)]
    pub(crate) fixed: bool,
    /// The folder for profile, flame graph, timeline and report [default: target/leaks/CHAPTER, and /fixed in it]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What `--format json` adds to the evidence.
#[derive(Debug, Serialize)]
struct More<'a> {
    /// Whether the variant behaved as its chapter says.
    as_expected: bool,
    artefacts: &'a Artefacts,
}

/// `leaks run`: status 0 when the leaky variant is caught, or the fixed one is calm.
pub(crate) fn run(workspace: &Workspace, args: &RunArgs, out: &mut dyn Write) -> Result<Ending> {
    let chapter = workspace.chapter_or_here(args.chapter.as_deref(), "run")?;
    let variant = Variant::new(args.fixed);
    let run = Reproduction::measured(workspace, chapter, variant, args.out.as_deref())?;
    if args.format == Format::Json {
        let more = More {
            as_expected: run.is_as_expected(),
            artefacts: &run.write()?,
        };
        let evidence = &run.evidence;
        json(&report::Document { evidence, more }, out)?;
    } else {
        run.show(out)?;
        next(chapter, variant, run.is_as_expected(), out)?;
    }
    if variant == Variant::Leaky && run.is_as_expected() {
        State::change_chapter(&workspace.root, &chapter.name, |done| done.ran = true)?;
    }
    Ok(run.ending())
}

/// A chapter's workload that was measured.
pub(super) struct Reproduction<'w> {
    workspace: &'w Workspace,
    chapter: &'w Chapter,
    variant: Variant,
    evidence: Evidence,
    /// Where its files go.
    folder: PathBuf,
}

impl<'w> Reproduction<'w> {
    /// Measures it. Its files are to go into `folder`, or where the chapter's are.
    pub(super) fn measured(
        workspace: &'w Workspace,
        chapter: &'w Chapter,
        variant: Variant,
        folder: Option<&Path>,
    ) -> Result<Self> {
        let of_chapter = || match variant {
            Variant::Leaky => workspace.artefacts_of(chapter),
            Variant::Fixed => workspace.artefacts_of(chapter).join("fixed"),
        };
        Ok(Reproduction {
            workspace,
            chapter,
            variant,
            evidence: measure(chapter, variant)?,
            folder: folder.map_or_else(of_chapter, Path::to_owned),
        })
    }

    /// Whether the variant behaved as its chapter says.
    fn is_as_expected(&self) -> bool {
        let verdict = self.evidence.verdict;
        match self.variant {
            Variant::Leaky => {
                chapters::named(&self.chapter.name).is_some_and(|known| verdict == known.verdict)
            }
            Variant::Fixed => verdict.is_calm(),
        }
    }

    pub(super) fn ending(&self) -> Ending {
        if self.is_as_expected() {
            Ending::AsWanted
        } else {
            Ending::NotWanted
        }
    }

    /// Shows the report first, then the files: a full disk must not cost the reader the verdict.
    pub(super) fn show(&self, out: &mut dyn Write) -> Result<()> {
        let title = &self.chapter.title;
        writeln!(out, "{BOLD}{title}{BOLD:#}, {}\n", self.variant.name())?;
        report::print(&self.evidence, &self.workspace.root, out)?;
        report::concept(&self.evidence, out)?;
        out.flush()?;
        report::files(&self.write()?, out)
    }

    fn write(&self) -> Result<Artefacts> {
        let Reproduction {
            chapter,
            evidence,
            folder,
            ..
        } = self;
        let mut artefacts = artefacts::write(chapter, self.variant.name(), evidence, folder)?;
        if self.variant == Variant::Fixed {
            let leaky = measure::name(&chapter.name, Variant::Leaky);
            artefacts.both = artefacts::write_both(chapter, &leaky, evidence, folder)?;
        }
        Ok(artefacts)
    }
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
