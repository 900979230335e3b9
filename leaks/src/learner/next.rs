//! What to type next, and what for.

use super::state::State;
use std::io::Write;
use workbook::problem::Result;
use workbook::say::{self, BOLD, DIM};
use workbook::workspace::{Chapter, Workspace};

/// The first chapter that isn't passed, and what to type there.
pub(super) fn next(workspace: &Workspace, state: &State, out: &mut dyn Write) -> Result<()> {
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
pub(super) fn steps(chapter: &Chapter, out: &mut dyn Write) -> Result<()> {
    step(out, "book --open", "read the chapter's page")?;
    step(
        out,
        &format!("check {}", chapter.name),
        &format!("check your file, {}", say::path(&chapter.exercise())),
    )?;
    step(out, &format!("hint {}", chapter.name), "when you are stuck")
}

/// One command to type, and what for.
pub(super) fn step(out: &mut dyn Write, arguments: &str, why: &str) -> Result<()> {
    let command = say::command(arguments);
    writeln!(out, "  {BOLD}{command:<46}{BOLD:#}  {DIM}{why}{DIM:#}")?;
    Ok(())
}

/// What is worth a try at any time.
pub(super) fn elsewhere(out: &mut dyn Write) -> Result<()> {
    step(out, "incident", "the whole story: 400 MB, and no leak")?;
    step(
        out,
        "triage --pid N",
        "a process of yours climbs: which verdict?",
    )?;
    step(out, "wild", "real bugs by real crates: is the watch right?")
}
