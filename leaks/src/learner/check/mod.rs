//! `leaks check`: builds the learner's file, tries its behaviour and measures its memory; says it in five lines, and whole where asked.

mod all;
pub(super) mod checked;
pub(super) mod summary;

use super::cargo::told;
use super::child::Stop;
use super::exercise;
use super::last;
use super::next;
use super::shipped;
use super::state::State;
use crate::show::measured::artefacts::{self, Artefacts};
use crate::show::measured::report;
use crate::show::{Format, json};
use checked::{Measured, NoExercise, NotBuilt, Outcome, Unmeasured, Whose, checked};
use clap::Args;
use detectors::{Evidence, Verdict};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use summary::Summary;
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::say::{self, BAD, BOLD, DIM, GOOD};
use workbook::workspace::{Chapter, Workspace};

/// What `leaks check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The chapter's name, as `leaks list` shows it, or your-own-test; inside the chapter's folder it needs none
    #[arg(conflicts_with = "all")]
    pub(crate) chapter: Option<String>,
    /// Say which exercises pass already, each in a line; one that is as shipped isn't measured
    #[arg(long)]
    pub(crate) all: bool,
    /// Do the exercise once more: it comes back as shipped, yours is kept beside it, and so is your progress
    #[arg(long, conflicts_with = "all")]
    pub(crate) again: bool,
    /// Show the whole report below the five lines: chart, windows, sites, who holds what
    #[arg(long, conflicts_with = "all")]
    pub(crate) whole: bool,
    /// The folder for profile, flame graph, timeline and report [default: target/leaks/CHAPTER/exercise]
    #[arg(long, value_name = "DIR", conflicts_with = "all")]
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
struct Nothing<'a> {
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
    if args.all {
        return all::check_all(workspace, args.format, out);
    }
    if last::is_meant(workspace, args.chapter.as_deref()) {
        return last::check(workspace, args.format, out);
    }
    let chapter = workspace.chapter_or_here(args.chapter.as_deref(), "check")?;
    if args.again {
        // In JSON the answer is one document, and nothing stands above it.
        if args.format == Format::Text {
            exercise::restore(workspace, chapter, out)?;
            writeln!(out)?;
        } else {
            exercise::restore(workspace, chapter, &mut say::stderr())?;
        }
    }
    shipped::tell(workspace, chapter)?;
    let stage = &mut |stage: &str| workbook::note!(format!("{DIM}{stage}{DIM:#}"));
    let outcome = checked(workspace, chapter, &Stop::new(), stage)?;
    match &outcome {
        Outcome::NoExercise(nothing) => Err(no_exercise(chapter, nothing)),
        Outcome::NotBuilt(not_built) => Err(refused(chapter, not_built)),
        Outcome::Unmeasured(said) => show_unmeasured(workspace, chapter, args, &outcome, said, out),
        Outcome::Measured(it) => show_measured(workspace, chapter, args, &outcome, it, out),
    }
}

fn no_exercise(chapter: &Chapter, nothing: &NoExercise) -> Problem {
    let file = say::path(&chapter.exercise());
    let back = nothing.back.command(chapter);
    Problem::new(format!("{file} {}", nothing.what)).next(format!("Bring it back: {back}"))
}

/// Why there is nothing to try.
fn refused(chapter: &Chapter, not_built: &NotBuilt) -> Problem {
    told(&not_built.said);
    let above = "the compiler's message stands above";
    match &not_built.whose {
        Whose::Exercise => {
            let file = say::path(&chapter.exercise());
            let reset = say::command(&format!("reset {}", chapter.name));
            Problem::new(format!("{file} doesn't compile"))
                .because(above)
                .next(format!("Mend it and check again. To start over: {reset}"))
        }
        Whose::Workbook(other) => Problem::new(format!("{other} doesn't compile"))
            .because("it isn't as it was shipped, and it is no file of yours")
            .next(format!("Bring it back: git checkout -- {other}")),
        Whose::Cargo => Problem::new(format!("{} can't be built", chapter.name))
            .because("cargo's message stands above"),
    }
}

fn show_measured(
    workspace: &Workspace,
    chapter: &Chapter,
    args: &CheckArgs,
    outcome: &Outcome,
    measured: &Measured,
    out: &mut dyn Write,
) -> Result<Ending> {
    told(&measured.warnings);
    let (passed, verdict) = (measured.passed, measured.evidence.verdict);
    let evidence = &measured.evidence;
    if args.format == Format::Json {
        let artefacts = write_artefacts(workspace, chapter, args.out.clone(), evidence)?;
        let more = More {
            passed,
            artefacts: &artefacts,
        };
        json(&report::Document { evidence, more }, out)?;
    } else {
        five_lines(workspace, chapter, outcome, out)?;
        if args.whole {
            writeln!(out)?;
            whole(workspace, measured, out)?;
        }
        out.flush()?;
        let artefacts = write_artefacts(workspace, chapter, args.out.clone(), evidence)?;
        if args.whole {
            report::files(&artefacts, out)?;
        }
    }
    if passed {
        record_pass(workspace, chapter)?;
    }
    if args.format == Format::Text {
        writeln!(out)?;
        let state = State::read(&workspace.root)?;
        for line in closing(workspace, &state, chapter, passed, verdict) {
            writeln!(out, "{line}")?;
        }
        if !args.whole {
            whole_is_at(chapter, out)?;
        }
    }
    Ok(ending(passed))
}

/// The exercise passed: once is enough for good.
pub(super) fn record_pass(workspace: &Workspace, chapter: &Chapter) -> Result<()> {
    State::change_chapter(&workspace.root, &chapter.name, |done| done.passed = true)?;
    shipped::settle(workspace, chapter)
}

/// Writes the files of a check where they are looked for.
pub(super) fn write_artefacts(
    workspace: &Workspace,
    chapter: &Chapter,
    folder: Option<PathBuf>,
    evidence: &Evidence,
) -> Result<Artefacts> {
    let folder = folder.unwrap_or_else(|| workspace.artefacts_of(chapter).join("exercise"));
    artefacts::write(chapter, "exercise", evidence, &folder)
}

/// The report that the five lines are the short of.
pub(super) fn whole(workspace: &Workspace, measured: &Measured, out: &mut dyn Write) -> Result<()> {
    let evidence = &measured.evidence;
    report::print(evidence, &workspace.root, out)?;
    if !measured.passed && evidence.verdict.is_calm() {
        // The measurement is fine and the checker asks for more than that: only its words say what.
        writeln!(out, "\n{}", measured.said)?;
    }
    report::concept(evidence, out)
}

/// Nothing was measured: why, in five lines, and the test's own words.
fn show_unmeasured(
    workspace: &Workspace,
    chapter: &Chapter,
    args: &CheckArgs,
    outcome: &Outcome,
    unmeasured: &Unmeasured,
    out: &mut dyn Write,
) -> Result<Ending> {
    let what = if unmeasured.works {
        "Its memory could not be measured"
    } else {
        "It doesn't do its work any more, so its memory wasn't measured"
    };
    if args.format == Format::Json {
        let because = format!("{what}: {}", unmeasured.said);
        let document = Nothing {
            verdict: "inconclusive",
            class: None,
            findings: [],
            readings: [],
            passed: false,
            because: &because,
        };
        json(&document, out)?;
        return Ok(Ending::NotWanted);
    }
    five_lines(workspace, chapter, outcome, out)?;
    writeln!(out)?;
    if args.whole {
        writeln!(out, "{}\n", unmeasured.said)?;
    }
    writeln!(out, "{BAD}Not yet.{BAD:#} {what}.")?;
    if !args.whole {
        whole_is_at(chapter, out)?;
    }
    Ok(Ending::NotWanted)
}

fn five_lines(
    workspace: &Workspace,
    chapter: &Chapter,
    outcome: &Outcome,
    out: &mut dyn Write,
) -> Result<()> {
    let file = say::path(&chapter.exercise());
    writeln!(out, "{BOLD}{}{BOLD:#}, {file}\n", chapter.title)?;
    let next = if outcome.passed() {
        format!("solution {}", chapter.name)
    } else {
        format!("hint {}", chapter.name)
    };
    let summary = Summary::of(outcome, chapter, &workspace.root, say::command(&next));
    for line in summary.lines(say::width()) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn whole_is_at(chapter: &Chapter, out: &mut dyn Write) -> Result<()> {
    let command = say::command(&format!("check {} --whole", chapter.name));
    writeln!(out, "{DIM}The whole report:{DIM:#} {command}")?;
    Ok(())
}

/// What it comes to, in a sentence; and once it passed, what the chapter taught and where to go on.
pub(super) fn closing(
    workspace: &Workspace,
    state: &State,
    chapter: &Chapter,
    passed: bool,
    verdict: Verdict,
) -> Vec<String> {
    let known = chapters::named(&chapter.name);
    if !passed {
        let memory = match verdict {
            Verdict::Leak => "memory stays behind",
            Verdict::Pressure => "it needs too much memory at once",
            Verdict::Retention => "what it freed stays resident",
            Verdict::Steady | Verdict::WarmingUp | Verdict::Inconclusive => {
                "its memory isn't as it should be"
            }
        };
        return vec![format!(
            "{BAD}Not yet.{BAD:#} It does its work, and {memory}."
        )];
    }
    let memory = match known.map(|known| known.verdict) {
        Some(Verdict::Pressure) => "it needs little memory at once",
        Some(Verdict::Retention) => "what it freed is given back",
        _ => "nothing stays behind",
    };
    let mut lines = vec![format!(
        "{GOOD}Passed.{GOOD:#} It does its work, and {memory}. Well done!"
    )];
    if let Some(known) = known {
        let taught = format!("{}: {}.", chapter.name, known.class.definition());
        lines.extend(
            say::wrapped(&taught, "", say::width())
                .lines()
                .map(str::to_owned),
        );
    }
    lines.extend(next::onward(workspace, state, chapter).lines());
    lines
}

fn ending(passed: bool) -> Ending {
    if passed {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    }
}
