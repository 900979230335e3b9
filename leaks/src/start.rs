//! Where the reader is: the list of chapters, and what is next.

use crate::problem::Result;
use crate::say::{self, BOLD, DIM, GOOD};
use crate::state::{Done, State};
use crate::workspace::{Chapter, Workspace};
use crate::{Ending, run};
use std::io::Write;

/// `leaks list`: every chapter with its state.
pub(crate) fn list(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
    let state = State::read(&workspace.root)?;
    let names = workspace.chapters.iter().map(|chapter| chapter.name.len());
    let width = names.max().unwrap_or(0);
    for chapter in &workspace.chapters {
        let done = state.of(&chapter.name);
        let (mark, words) = standing(&done);
        writeln!(
            out,
            "{mark} {BOLD}{:width$}{BOLD:#}  {}  {DIM}{words}{DIM:#}",
            chapter.name, chapter.title
        )?;
    }
    writeln!(out)?;
    next(workspace, &state, out)?;
    let all_passed = workspace
        .chapters
        .iter()
        .all(|chapter| state.of(&chapter.name).passed);
    if !all_passed {
        writeln!(out, "\nBeside the chapters:")?;
        elsewhere(out)?;
    }
    Ok(Ending::AsWanted)
}

/// What is worth a try at any time.
fn elsewhere(out: &mut dyn Write) -> Result<()> {
    step(out, "incident", "the whole story: 400 MB, and no leak")?;
    step(
        out,
        "triage --pid N",
        "a process of yours climbs: which verdict?",
    )
}

/// `leaks` alone: the welcome on the very first run, later how far the reader is and what to type next.
pub(crate) fn start(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
    if State::read(&workspace.root)?.welcomed {
        whereabouts(workspace, out)
    } else {
        run::welcome(workspace, out)
    }
}

pub(crate) fn whereabouts(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
    let state = State::read(&workspace.root)?;
    let passed = workspace
        .chapters
        .iter()
        .filter(|chapter| state.of(&chapter.name).passed)
        .count();
    let of = workspace.chapters.len();
    let exercises = if of == 1 { "exercise" } else { "exercises" };
    writeln!(
        out,
        "{BOLD}The Leak Workbook{BOLD:#}: {passed} of {of} {exercises} passed.\n"
    )?;
    next(workspace, &state, out)?;
    Ok(Ending::AsWanted)
}

/// One mark and a few words for what was done in a chapter.
fn standing(done: &Done) -> (String, String) {
    let hints = match done.hints {
        0 => String::new(),
        1 => ", 1 hint".to_owned(),
        n => format!(", {n} hints"),
    };
    if done.passed {
        (format!("{GOOD}✓{GOOD:#}"), format!("passed{hints}"))
    } else if done.ran || done.hints > 0 {
        ("·".to_owned(), format!("begun{hints}"))
    } else {
        (" ".to_owned(), "not begun".to_owned())
    }
}

/// The first chapter that isn't passed, and what to type there.
fn next(workspace: &Workspace, state: &State, out: &mut dyn Write) -> Result<()> {
    let open = workspace
        .chapters
        .iter()
        .find(|chapter| !state.of(&chapter.name).passed);
    let Some(chapter) = open else {
        writeln!(
            out,
            "Every exercise here is passed. Compare yours with the author's:"
        )?;
        for chapter in &workspace.chapters {
            writeln!(
                out,
                "  {}",
                say::command(&format!("solution {}", chapter.name))
            )?;
        }
        writeln!(out, "\nThen:")?;
        return elsewhere(out);
    };
    writeln!(
        out,
        "Next: {BOLD}{}{BOLD:#}, {}",
        chapter.name, chapter.title
    )?;
    if !state.of(&chapter.name).ran {
        step(
            out,
            &format!("run {}", chapter.name),
            "see it leak, with the line named",
        )?;
    }
    steps(chapter, out)
}

/// What to type for the exercise of a chapter.
pub(crate) fn steps(chapter: &Chapter, out: &mut dyn Write) -> Result<()> {
    step(out, "book --open", "read the chapter's page")?;
    step(
        out,
        &format!("check {}", chapter.name),
        &format!("check your file, {}", say::path(&chapter.exercise())),
    )?;
    step(out, &format!("hint {}", chapter.name), "when you are stuck")
}

/// One command to type, and what for.
pub(crate) fn step(out: &mut dyn Write, arguments: &str, why: &str) -> Result<()> {
    let command = say::command(arguments);
    writeln!(out, "  {BOLD}{command:<46}{BOLD:#}  {DIM}{why}{DIM:#}")?;
    Ok(())
}
