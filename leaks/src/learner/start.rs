//! Where the reader is: the list of chapters, and what is next.

use super::measure::Variant;
use super::next::{elsewhere, next, step, steps};
use super::run::Reproduction;
use super::state::{Done, State};
use std::io::Write;
use workbook::Ending;
use workbook::problem::Result;
use workbook::say::{self, BOLD, DIM, GOOD};
use workbook::workspace::{Chapter, Workspace};

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

/// `leaks` alone: the welcome on the very first run, later how far the reader is and what to type next.
pub(crate) fn start(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
    if State::read(&workspace.root)?.welcomed {
        whereabouts(workspace, out)
    } else {
        match workspace.chapters.first() {
            Some(chapter) => welcome(workspace, chapter, out),
            None => whereabouts(workspace, out),
        }
    }
}

/// The first run: welcomes, and lets the reader see a leak caught before there is anything to read.
fn welcome(workspace: &Workspace, chapter: &Chapter, out: &mut dyn Write) -> Result<Ending> {
    writeln!(out, "{BOLD}Welcome to the Leak Workbook.{BOLD:#}\n")?;
    let words = "Each chapter holds service code that leaks memory in one way, the same code mended, and an \
        exercise for you. Here is the first one leaking, measured on this machine, with the line at fault named:";
    writeln!(out, "{}", say::wrapped(words, "", say::width()))?;
    out.flush()?;
    let reproduction = Reproduction::measured(workspace, chapter, Variant::Leaky, None)?;
    reproduction.show(out)?;
    writeln!(out, "\n{BOLD}Next{BOLD:#}")?;
    step(
        out,
        &format!("run {} --fixed", chapter.name),
        "the same code mended",
    )?;
    steps(chapter, out)?;
    State::change(&workspace.root, |state| {
        state.welcomed = true;
        state.chapters.entry(chapter.name.clone()).or_default().ran = true;
    })?;
    Ok(reproduction.ending())
}

fn whereabouts(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
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
