//! Where the reader is: the list of chapters, and what is next.

use super::measure::Variant;
use super::next::{elsewhere, next, step, steps};
use super::progress;
use super::run::Reproduction;
use super::state::State;
use std::io::Write;
use workbook::Ending;
use workbook::problem::Result;
use workbook::say::{self, BOLD, DIM};
use workbook::workspace::{Chapter, Workspace};

/// `leaks list`: every chapter with its state.
pub(crate) fn list(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
    let state = State::read(&workspace.root)?;
    let names = workspace.chapters.iter().map(|chapter| chapter.name.len());
    let width = names.max().unwrap_or(0);
    for chapter in &workspace.chapters {
        let item = progress::exercise(chapter, &state);
        let (mark, words) = (item.standing.mark(), item.words());
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
