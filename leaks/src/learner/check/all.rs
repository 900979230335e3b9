//! `leaks check --all`: which exercises pass already, for those who know some of it.

use super::checked::{Outcome, checked};
use super::{ending, record_pass};
use crate::learner::child::Stop;
use crate::learner::shipped;
use crate::show::progress::Line;
use crate::show::{Format, json};
use detectors::Verdict;
use serde::Serialize;
use std::io::Write;
use workbook::Ending;
use workbook::problem::Result;
use workbook::say::{self, BAD, BOLD, DIM, GOOD};
use workbook::workspace::{Chapter, Workspace};

const AS_SHIPPED: &str = "as shipped";

/// One exercise's line.
#[derive(Debug, Serialize)]
struct Told {
    chapter: String,
    passed: bool,
    verdict: Option<Verdict>,
    /// In words: `passes`, `leak`, `as shipped`.
    standing: String,
}

#[derive(Debug, Serialize)]
struct All<'a> {
    passed: usize,
    of: usize,
    exercises: &'a [Told],
}

/// Status 0 when all pass.
pub(super) fn check_all(
    workspace: &Workspace,
    format: Format,
    out: &mut dyn Write,
) -> Result<Ending> {
    let of = workspace.chapters.len();
    let width = workspace.chapters.iter().map(|chapter| chapter.name.len());
    let width = width.max().unwrap_or(0);
    let mut all = Vec::new();
    for (number, chapter) in workspace.chapters.iter().enumerate() {
        let mut line = Line::new();
        line.draw(
            "Checking",
            &format!("{} of {of}, {}", number + 1, chapter.name),
        );
        let told = told(workspace, chapter)?;
        drop(line);
        if format == Format::Text {
            let (mark, colour) = match (told.passed, told.standing.as_str()) {
                (true, _) => ('✓', GOOD),
                (false, AS_SHIPPED) => (' ', DIM),
                (false, _) => ('✗', BAD),
            };
            writeln!(
                out,
                "{colour}{mark}{colour:#} {BOLD}{:width$}{BOLD:#}  {colour}{}{colour:#}",
                told.chapter, told.standing
            )?;
            out.flush()?;
        }
        all.push(told);
    }
    let passed = all.iter().filter(|told| told.passed).count();
    if format == Format::Json {
        let exercises = &all;
        json(
            &All {
                passed,
                of,
                exercises,
            },
            out,
        )?;
    } else {
        writeln!(out, "\n{passed} of {of} exercises pass.")?;
        if let Some(first) = all.iter().find(|told| !told.passed) {
            let watch = say::command(&format!("watch {}", first.chapter));
            writeln!(out, "{DIM}The first that doesn't:{DIM:#} {watch}")?;
        }
    }
    Ok(ending(passed == of))
}

/// An exercise as shipped fails, which CI proves of each: it isn't measured once more.
fn told(workspace: &Workspace, chapter: &Chapter) -> Result<Told> {
    if shipped::is_as_shipped(chapter) {
        return Ok(Told {
            chapter: chapter.name.clone(),
            passed: false,
            verdict: None,
            standing: AS_SHIPPED.to_owned(),
        });
    }
    let outcome = checked(workspace, chapter, &Stop::new(), &mut |_| {})?;
    if outcome.passed() {
        record_pass(workspace, chapter)?;
    }
    let standing = match &outcome {
        outcome if outcome.passed() => "passes".to_owned(),
        Outcome::NoExercise(nothing) => nothing.what.clone(),
        Outcome::NotBuilt(_) => "doesn't compile".to_owned(),
        Outcome::Unmeasured(unmeasured) if unmeasured.works => "could not be measured".to_owned(),
        Outcome::Unmeasured(_) => "doesn't do its work".to_owned(),
        Outcome::Measured(measured) if measured.evidence.verdict.is_calm() => {
            "the checker asks for more".to_owned()
        }
        Outcome::Measured(measured) => measured.evidence.verdict.to_string(),
    };
    Ok(Told {
        chapter: chapter.name.clone(),
        passed: outcome.passed(),
        verdict: outcome.verdict(),
        standing,
    })
}
