//! The loop without a terminal: the five lines after each save, and no keys.

use super::super::check::checked::Outcome;
use super::super::check::closing;
use super::super::check::summary::Summary;
use super::super::shipped;
use super::super::state::State;
use super::save::Saves;
use super::work::{News, Work};
use super::{End, LOOK_EVERY};
use std::io::Write;
use std::thread;
use std::time::Duration;
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::say::{self, BOLD, DIM};
use workbook::workspace::{Chapter, Workspace};

pub(super) fn watch(
    workspace: &Workspace,
    chapter: &Chapter,
    end: &End,
    out: &mut dyn Write,
) -> Result<Ending> {
    let file = say::path(&chapter.exercise());
    writeln!(
        out,
        "{BOLD}{}{BOLD:#}: {file} is checked on every save. Ctrl-C ends.",
        chapter.title
    )?;
    out.flush()?;
    shipped::tell(workspace, chapter)?;
    thread::scope(|scope| {
        let mut saves = Saves::of(chapter.exercise());
        let mut work: Option<Work<'_>> = None;
        let ended = loop {
            if end.is_asked() {
                break Ok(Ending::AsWanted);
            }
            if saves.is_new() {
                work = Some(Work::begin(scope, workspace, chapter, work.take()));
            }
            let told = work.as_mut().and_then(Work::news);
            let Some(news) = told else {
                thread::sleep(LOOK_EVERY);
                continue;
            };
            if let Err(problem) = tell(news, workspace, chapter, out) {
                break Err(problem);
            }
        };
        // The scope waits for the check.
        if let Some(work) = work {
            work.end();
        }
        ended
    })
}

fn tell(news: News, workspace: &Workspace, chapter: &Chapter, out: &mut dyn Write) -> Result<()> {
    match news {
        News::Stage(_) | News::Done(Err(Problem::Interrupted), _) => Ok(()),
        News::Done(Err(problem), _) | News::NotWritten(problem) => {
            workbook::note!(problem);
            Ok(())
        }
        News::Done(Ok(outcome), took) => show(&outcome, took, workspace, chapter, out),
    }
}

fn show(
    outcome: &Outcome,
    took: Duration,
    workspace: &Workspace,
    chapter: &Chapter,
    out: &mut dyn Write,
) -> Result<()> {
    if let Outcome::NotBuilt(not_built) = outcome {
        super::super::cargo::told(&not_built.said);
    }
    let took = format!("checked in {:.1} s", took.as_secs_f64());
    writeln!(out, "\n{BOLD}{}{BOLD:#}, {DIM}{took}{DIM:#}", chapter.name)?;
    let next = if outcome.passed() {
        say::command(&format!("solution {}", chapter.name))
    } else {
        say::command(&format!("hint {}", chapter.name))
    };
    let summary = Summary::of(outcome, chapter, &workspace.root, next);
    for line in summary.lines(say::width()) {
        writeln!(out, "{line}")?;
    }
    if let Some(verdict) = outcome.verdict().filter(|_| outcome.passed()) {
        let state = State::read(&workspace.root)?;
        for line in closing(workspace, &state, chapter, true, verdict) {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    Ok(())
}
