//! Around the learner's file: hints, the way back to how it was shipped, and the solution.

use super::state::State;
use super::{last, shipped};
use clap::Args;
use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use workbook::problem::{Problem, Result};
use workbook::say::{self, BOLD, DIM};
use workbook::workspace::{Chapter, Workspace};
use workbook::{Ending, files};

/// What `leaks hint`, `reset` and `solution` take.
#[derive(Debug, Args)]
pub(crate) struct ChapterArg {
    /// The chapter's name, as `leaks list` shows it; inside the chapter's folder it needs none
    pub(crate) chapter: Option<String>,
}

/// The chapter that is asked for, or the last exercise. `command` is what was asked of it.
fn meant<'w>(workspace: &'w Workspace, of: &ChapterArg, command: &str) -> Result<Cow<'w, Chapter>> {
    let name = of.chapter.as_deref();
    if last::is_meant(workspace, name) {
        return Ok(Cow::Owned(last::chapter(workspace)));
    }
    workspace.chapter_or_here(name, command).map(Cow::Borrowed)
}

/// `leaks hint`: shows the next hint and remembers that it was shown.
pub(crate) fn hint(workspace: &Workspace, of: &ChapterArg, out: &mut dyn Write) -> Result<Ending> {
    let chapter = &meant(workspace, of, "hint")?;
    next_hint(workspace, chapter, out)?;
    let next = say::command(&format!("check {}", chapter.name));
    writeln!(
        out,
        "{DIM}Your file:{DIM:#} {}",
        say::path(&chapter.exercise())
    )?;
    writeln!(out, "{DIM}When you have changed it:{DIM:#} {next}")?;
    Ok(Ending::AsWanted)
}

/// A chapter's hints, of which a reader has seen some.
#[derive(Debug)]
pub(super) struct Hints {
    /// Each with its heading.
    pub(super) seen: Vec<String>,
    pub(super) of: usize,
}

/// The hints that the reader has seen, the first at least; with `next` one more. What is shown is remembered.
pub(super) fn hints_so_far(workspace: &Workspace, chapter: &Chapter, next: bool) -> Result<Hints> {
    let all = all_hints(chapter)?;
    let seen = State::change_chapter(&workspace.root, &chapter.name, |done| {
        done.hints = (done.hints + usize::from(next)).clamp(1, all.len());
        done.hints
    })?;
    Ok(Hints {
        of: all.len(),
        seen: all.into_iter().take(seen).collect(),
    })
}

/// All hints, each with its heading.
fn all_hints(chapter: &Chapter) -> Result<Vec<String>> {
    let file = chapter.hints();
    let hints = split(&files::read(&file)?);
    if hints.is_empty() {
        return Err(Problem::new(format!("{} holds no hint", say::path(&file))));
    }
    let (of, numbered) = (hints.len(), hints.into_iter().enumerate());
    let with_heading = |(n, hint)| format!("{BOLD}Hint {} of {of}{BOLD:#}\n{hint}", n + 1);
    Ok(numbered.map(with_heading).collect())
}

/// Shows the next hint; all of them once more where none is left.
fn next_hint(workspace: &Workspace, chapter: &Chapter, out: &mut dyn Write) -> Result<()> {
    let hints = all_hints(chapter)?;
    let shown = State::change_chapter(&workspace.root, &chapter.name, |done| {
        let before = done.hints.min(hints.len());
        done.hints = (before + 1).min(hints.len());
        before
    })?;
    let (first, last) = if shown < hints.len() {
        (shown, shown + 1)
    } else {
        writeln!(out, "You have seen every hint. Here they are again.\n")?;
        (0, hints.len())
    };
    for hint in &hints[first..last] {
        writeln!(out, "{hint}\n")?;
    }
    Ok(())
}

/// The hints of a file: its parts between lines of `---`.
fn split(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    lines
        .split(|line| line.trim() == "---")
        .map(|part| part.join("\n").trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// `leaks reset`: the exercise as it was shipped. What the learner wrote is kept beside it.
pub(crate) fn reset(workspace: &Workspace, of: &ChapterArg, out: &mut dyn Write) -> Result<Ending> {
    let chapter = &meant(workspace, of, "reset")?;
    restore(workspace, chapter, out)?;
    Ok(Ending::AsWanted)
}

/// Puts the shipped exercise in its place, and keeps what was there.
pub(super) fn restore(workspace: &Workspace, chapter: &Chapter, out: &mut dyn Write) -> Result<()> {
    let file = chapter.exercise();
    let as_shipped = files::read(&chapter.as_shipped())?;
    let written = match fs::read(&file) {
        Ok(written) => Some(written),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Problem::file("read", &file, &error)),
    };
    if written.as_deref() == Some(as_shipped.as_bytes()) {
        writeln!(out, "{} is as it was shipped.", say::path(&file))?;
        return shipped::settle(workspace, chapter);
    }
    let backup = written.map(|written| keep(&file, &written)).transpose()?;
    files::write(&file, as_shipped.as_bytes())?;
    writeln!(out, "{} is as it was shipped again.", say::path(&file))?;
    if let Some(backup) = backup {
        writeln!(out, "What you had written is kept: {}", say::path(&backup))?;
    }
    shipped::settle(workspace, chapter)
}

/// Copies the learner's text beside the file, under a number that is free.
///
/// Beside it and not under `target/`, since `cargo clean` would delete it there.
fn keep(file: &Path, written: &[u8]) -> Result<PathBuf> {
    let mut number = 1_u32;
    loop {
        let backup = file.with_extension(format!("backup-{number}.rs"));
        // `create_new` claims the name, so that two resets at once can't share one.
        match fs::File::create_new(&backup) {
            Ok(_) => {
                files::write(&backup, written)?;
                return Ok(backup);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => {
                return Err(Problem::file("write", &backup, &error)
                    .next("Nothing was changed; your file is as you left it."));
            }
        }
    }
}

/// `leaks solution`: the author's solution, once the reader has found one.
pub(crate) fn solution(
    workspace: &Workspace,
    of: &ChapterArg,
    out: &mut dyn Write,
) -> Result<Ending> {
    let chapter = &meant(workspace, of, "solution")?;
    let name = &chapter.name;
    if !State::read(&workspace.root)?.of(name).passed {
        writeln!(
            out,
            "The solution opens when your own has passed its check once."
        )?;
        writeln!(
            out,
            "{DIM}Check yours:{DIM:#} {}",
            say::command(&format!("check {name}"))
        )?;
        writeln!(
            out,
            "{DIM}Stuck?{DIM:#} {}",
            say::command(&format!("hint {name}"))
        )?;
        return Ok(Ending::NotWanted);
    }
    let file = chapter.solved();
    let text = files::read(&file)?;
    writeln!(out, "{BOLD}{}{BOLD:#}\n", say::path(&file))?;
    write!(out, "{text}")?;
    Ok(Ending::AsWanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_the_parts_between_rules() {
        let text = "\nWhat stays?\n\n---\n\nWho holds it?\n- the index\n---\nCopy.\n---\n";
        assert_eq!(
            split(text),
            ["What stays?", "Who holds it?\n- the index", "Copy."]
        );
    }

    #[test]
    fn a_second_backup_leaves_the_first() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let file = folder.path().join("exercise.rs");
        let first = keep(&file, b"one").expect("writable");
        let second = keep(&file, b"two").expect("writable");
        assert_eq!(fs::read(first).expect("kept"), b"one");
        assert_eq!(fs::read(second).expect("kept"), b"two");
    }
}
