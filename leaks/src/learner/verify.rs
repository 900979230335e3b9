//! `leaks verify`: the author's proof that an exercise can be failed and passed for the right reasons.

use super::cargo::{Build, Tests, build, told};
use crate::show::{Format, json};
use clap::Args;
use detectors::Evidence;
use serde::Serialize;
use std::io::Write;
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::say::{self, BAD, BOLD, DIM, GOOD};
use workbook::workspace::{Chapter, Workspace};

/// What `leaks verify` takes.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The chapter's name; all chapters without one
    pub(crate) chapter: Option<String>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// The proof whose evidence stands for the chapter: the exercise as shipped, which must be caught.
const AS_SHIPPED: &str = "as_shipped_is_caught";

/// The test target that the proofs are a module of, and how their names begin.
const TARGET: &str = "profiled";
const PROOF: &str = "proof::";

/// One chapter's proofs.
#[derive(Debug, Serialize)]
struct Proved {
    chapter: String,
    passed: bool,
    proofs: Vec<Proof>,
    /// What the exercise as shipped does; `None` where it could not be measured.
    #[serde(flatten)]
    as_shipped: Option<Evidence>,
}

#[derive(Debug, Serialize)]
struct Proof {
    name: String,
    passed: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

/// All chapters, under the shape of the one that matters most: the first that fails, else the first.
#[derive(Debug, Serialize)]
struct All<'a> {
    verdict: &'a str,
    class: Option<&'a str>,
    findings: &'a [detectors::Finding],
    readings: &'a [detectors::Reading],
    passed: bool,
    chapters: &'a [Proved],
}

/// `leaks verify`: status 0 when every proof holds.
pub(crate) fn verify(
    workspace: &Workspace,
    args: &VerifyArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    let chapters: Vec<_> = match &args.chapter {
        Some(name) => vec![workspace.chapter(name)?],
        None => workspace.chapters.iter().collect(),
    };
    let mut all = Vec::new();
    for chapter in chapters {
        let proved = prove(workspace, chapter)?;
        if args.format == Format::Text {
            show(&proved, out)?;
        }
        all.push(proved);
    }
    let passed = all.iter().all(|proved| proved.passed);
    if args.format == Format::Json {
        let first = all.iter().find(|proved| !proved.passed).or(all.first());
        let evidence = first.and_then(|proved| proved.as_shipped.as_ref());
        let document = All {
            verdict: evidence.map_or("inconclusive", |e| e.verdict.as_str()),
            class: evidence.and_then(|e| e.class).map(detectors::Class::as_str),
            findings: evidence.map_or(&[], |e| &e.findings),
            readings: evidence.map_or(&[], |e| &e.readings),
            passed,
            chapters: &all,
        };
        json(&document, out)?;
    }
    Ok(if passed {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    })
}

fn prove(workspace: &Workspace, chapter: &Chapter) -> Result<Proved> {
    workbook::note!(format!(
        "{DIM}Building the proof of {}{DIM:#}",
        chapter.name
    ));
    let executable = match build(workspace, chapter, TARGET, None)? {
        Build::Built(executable, warnings) => {
            told(&warnings);
            executable
        }
        Build::Failed(refused) => {
            told(&refused.said);
            return Err(
                Problem::new(format!("the proof of {} doesn't compile", chapter.name))
                    .because("the compiler's message stands above"),
            );
        }
    };
    let tests = Tests::new(chapter, executable)?;
    let mut proofs = Vec::new();
    let mut as_shipped = None;
    for test in tests.names()? {
        let Some(name) = test.strip_prefix(PROOF) else {
            continue;
        };
        workbook::note!(format!("{DIM}Proving {name}{DIM:#}"));
        let said = tests.run(&test)?;
        if name == AS_SHIPPED {
            as_shipped = said.evidence;
        }
        proofs.push(Proof {
            name: name.to_owned(),
            passed: said.passed,
            message: said.message,
        });
    }
    if proofs.is_empty() {
        return Err(
            Problem::new(format!("the proof of {} has no tests", chapter.name)).next(format!(
                "Write them into {}",
                say::path(&chapter.folder.join("tests/profiled/proof.rs"))
            )),
        );
    }
    Ok(Proved {
        chapter: chapter.name.clone(),
        passed: proofs.iter().all(|proof| proof.passed),
        proofs,
        as_shipped,
    })
}

fn show(proved: &Proved, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}", proved.chapter)?;
    for proof in &proved.proofs {
        let words = proof.name.replace('_', " ");
        if proof.passed {
            writeln!(out, "  {GOOD}✓{GOOD:#} {words}")?;
        } else {
            writeln!(out, "  {BAD}✗{BAD:#} {words}")?;
            for line in proof.message.lines() {
                writeln!(out, "      {line}")?;
            }
        }
    }
    Ok(())
}
