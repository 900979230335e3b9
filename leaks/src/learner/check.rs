//! `leaks check`: builds the learner's file, tries its behaviour, then measures its memory.

use super::cargo::{Build, Said, Tests, build};
use super::state::State;
use crate::show::measured::artefacts::{self, Artefacts};
use crate::show::measured::report;
use crate::show::{Format, json};
use clap::Args;
use detectors::{Evidence, Verdict};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::say::{self, BAD, BOLD, DIM, GOOD};
use workbook::workspace::{Chapter, Workspace};

/// What `leaks check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The chapter's name, as `leaks list` shows it
    pub(crate) chapter: String,
    /// The folder for profile, flame graph, timeline and report [default: target/leaks/CHAPTER/exercise]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What `--format json` adds to the evidence.
#[derive(Debug, Serialize)]
struct More<'a> {
    passed: bool,
    artefacts: &'a Artefacts,
}

/// The answer where nothing was measured, in the same shape.
#[derive(Debug, Serialize)]
struct Unmeasured<'a> {
    verdict: &'static str,
    class: Option<&'static str>,
    findings: [(); 0],
    readings: [(); 0],
    passed: bool,
    because: &'a str,
}

/// `leaks check`: status 0 when the exercise does its work and holds nothing that it shouldn't.
pub(crate) fn check(
    workspace: &Workspace,
    args: &CheckArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    let chapter = workspace.chapter(&args.chapter)?;
    let file = say::path(&chapter.exercise());
    workbook::note!(format!("{DIM}Building {file}{DIM:#}"));
    let Build::Built(executable) = build(workspace, chapter, "exercise")? else {
        return Err(Problem::new(format!("{file} doesn't compile"))
            .because("the compiler's message stands above")
            .next(format!(
                "Mend it and check again. To start over: {}",
                say::command(&format!("reset {}", chapter.name))
            )));
    };
    let tests = Tests::new(chapter, executable)?;

    workbook::note!(format!("{DIM}Trying what it does{DIM:#}"));
    let behaviour = tests.run("behaviour")?;
    if !behaviour.passed {
        let what = "It doesn't do its work any more, so its memory wasn't measured";
        return unmeasured(chapter, args, what, &behaviour, out);
    }
    workbook::note!(format!("{DIM}Measuring its memory{DIM:#}"));
    let memory = tests.run("memory")?;
    let Some(evidence) = &memory.evidence else {
        return unmeasured(
            chapter,
            args,
            "Its memory could not be measured",
            &memory,
            out,
        );
    };
    let folder = args.out.clone();
    let folder = folder.unwrap_or_else(|| workspace.artefacts_of(chapter).join("exercise"));
    if args.format == Format::Json {
        let artefacts = artefacts::write(chapter, "exercise", evidence, &folder)?;
        let more = More {
            passed: memory.passed,
            artefacts: &artefacts,
        };
        json(&report::Document { evidence, more }, out)?;
    } else {
        show(workspace, chapter, evidence, &memory, out)?;
        out.flush()?;
        let artefacts = artefacts::write(chapter, "exercise", evidence, &folder)?;
        report::files(&artefacts, out)?;
    }
    if memory.passed {
        State::change_chapter(&workspace.root, &chapter.name, |done| done.passed = true)?;
    }
    if args.format == Format::Text {
        next(workspace, chapter, memory.passed, evidence.verdict, out)?;
    }
    Ok(if memory.passed {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    })
}

/// Nothing was measured: the test's own words, and the same next step.
fn unmeasured(
    chapter: &Chapter,
    args: &CheckArgs,
    what: &str,
    said: &Said,
    out: &mut dyn Write,
) -> Result<Ending> {
    if args.format == Format::Json {
        let because = format!("{what}: {}", said.message);
        let document = Unmeasured {
            verdict: "inconclusive",
            class: None,
            findings: [],
            readings: [],
            passed: false,
            because: &because,
        };
        json(&document, out)?;
    } else {
        writeln!(out, "{BAD}Not yet.{BAD:#} {what}:\n")?;
        writeln!(out, "{}\n", said.message)?;
        hint(chapter, out)?;
    }
    Ok(Ending::NotWanted)
}

fn show(
    workspace: &Workspace,
    chapter: &Chapter,
    evidence: &Evidence,
    memory: &Said,
    out: &mut dyn Write,
) -> Result<()> {
    let file = say::path(&chapter.exercise());
    writeln!(out, "{BOLD}{}{BOLD:#}, {file}\n", chapter.title)?;
    report::print(evidence, &workspace.root, out)?;
    if !memory.passed && evidence.verdict.is_calm() {
        // The measurement is fine and the checker asks for more than that: only its words say what.
        writeln!(out, "\n{}", memory.message)?;
    }
    report::concept(evidence, out)
}

fn next(
    workspace: &Workspace,
    chapter: &Chapter,
    passed: bool,
    verdict: Verdict,
    out: &mut dyn Write,
) -> Result<()> {
    writeln!(out)?;
    if !passed {
        let memory = match verdict {
            Verdict::Leak => "memory stays behind",
            Verdict::Pressure => "it needs too much memory at once",
            Verdict::Retention => "what it freed stays resident",
            Verdict::Steady | Verdict::WarmingUp | Verdict::Inconclusive => {
                "its memory isn't as it should be"
            }
        };
        writeln!(out, "{BAD}Not yet.{BAD:#} It does its work, and {memory}.")?;
        return hint(chapter, out);
    }
    let memory = match chapters::named(&chapter.name).map(|known| known.verdict) {
        Some(Verdict::Pressure) => "it needs little memory at once",
        Some(Verdict::Retention) => "what it freed is given back",
        _ => "nothing stays behind",
    };
    writeln!(
        out,
        "{GOOD}Passed.{GOOD:#} It does its work, and {memory}. Well done!"
    )?;
    let solution = say::command(&format!("solution {}", chapter.name));
    writeln!(out, "{DIM}Compare with the author's:{DIM:#} {solution}")?;
    if let Some(after) = workspace.after(chapter) {
        let run = say::command(&format!("run {}", after.name));
        writeln!(out, "{DIM}The next chapter:{DIM:#} {run}")?;
    }
    Ok(())
}

fn hint(chapter: &Chapter, out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "{DIM}Your file:{DIM:#} {}",
        say::path(&chapter.exercise())
    )?;
    let hint = say::command(&format!("hint {}", chapter.name));
    writeln!(out, "{DIM}Next:{DIM:#} {hint}")?;
    Ok(())
}
