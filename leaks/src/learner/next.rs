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

/// Where a reader goes on who has passed a chapter.
pub(super) struct Onward<'w> {
    /// The next one that isn't passed: after this one where there is any, else from the front.
    pub(super) next: Option<&'w Chapter>,
    /// Those before this one that aren't passed.
    pub(super) skipped: Vec<&'w Chapter>,
}

pub(super) fn onward<'w>(workspace: &'w Workspace, state: &State, from: &Chapter) -> Onward<'w> {
    let chapters = &workspace.chapters;
    let place = chapters
        .iter()
        .position(|chapter| chapter.name == from.name);
    let (before, after) = chapters.split_at(place.unwrap_or(0));
    let is_open = |chapter: &&Chapter| chapter.name != from.name && !state.of(&chapter.name).passed;
    let skipped: Vec<&Chapter> = before.iter().filter(is_open).collect();
    // What was begun and left stands nearest, whichever way it lies.
    let begun = skipped
        .iter()
        .copied()
        .find(|chapter| state.of(&chapter.name).is_begun());
    let ahead = after.iter().find(is_open);
    Onward {
        next: begun.or(ahead).or(skipped.first().copied()),
        skipped,
    }
}

impl Onward<'_> {
    /// The same in lines: what to read next, and what was skipped.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(next) = self.next else {
            return vec![
                "Every exercise is passed. The whole story, and real bugs, are left.".to_owned(),
            ];
        };
        let mut lines = vec![format!(
            "{DIM}Read next:{DIM:#} chapters/{name}/README.md, and see it: {}",
            say::command(&format!("run {}", next.name)),
            name = next.name
        )];
        let skipped: Vec<_> = self
            .skipped
            .iter()
            .filter(|chapter| chapter.name != next.name)
            .collect();
        if let Some(first) = skipped.first() {
            let others = match skipped.len() - 1 {
                0 => String::new(),
                1 => ", and one more".to_owned(),
                more => format!(", and {more} more"),
            };
            lines.push(format!(
                "{DIM}You skipped:{DIM:#} {}{others}",
                say::command(&format!("run {}", first.name))
            ));
        }
        lines
    }
}

/// What to type for the exercise of a chapter.
pub(super) fn steps(chapter: &Chapter, out: &mut dyn Write) -> Result<()> {
    step(out, "book --open", "read the chapter's page")?;
    step(
        out,
        &format!("watch {}", chapter.name),
        &format!(
            "check your file on every save: {}",
            say::path(&chapter.exercise())
        ),
    )?;
    step(out, &format!("check {}", chapter.name), "check it once")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(names: &[&str]) -> Workspace {
        let chapter = |name: &&str| Chapter {
            name: (*name).to_owned(),
            title: (*name).to_owned(),
            folder: name.into(),
        };
        Workspace {
            root: "/".into(),
            chapters: names.iter().map(chapter).collect(),
        }
    }

    fn names(of: &Onward<'_>) -> (Option<String>, Vec<String>) {
        let name = |chapter: &&Chapter| chapter.name.clone();
        (
            of.next.as_ref().map(name),
            of.skipped.iter().map(name).collect(),
        )
    }

    #[test]
    fn a_reader_goes_on_to_what_is_open_and_is_offered_what_was_skipped() {
        let workspace = workspace(&["one", "two", "three", "four"]);
        let mut state = State::default();
        let passed = |state: &mut State, name: &str| {
            state.chapters.entry(name.to_owned()).or_default().passed = true;
        };
        passed(&mut state, "three");
        let from = &workspace.chapters[2];
        let skipped = vec!["one".to_owned(), "two".to_owned()];
        let after = onward(&workspace, &state, from);
        assert_eq!(names(&after), (Some("four".to_owned()), skipped.clone()));
        assert!(
            after.lines()[1].contains("run one, and one more"),
            "{:?}",
            after.lines()
        );
        // What was begun comes first.
        state.chapters.entry("two".to_owned()).or_default().ran = true;
        assert_eq!(
            names(&onward(&workspace, &state, from)),
            (Some("two".to_owned()), skipped)
        );
        for name in ["two", "four"] {
            passed(&mut state, name);
        }
        let one = || "one".to_owned();
        assert_eq!(
            names(&onward(&workspace, &state, from)),
            (Some(one()), vec![one()])
        );
        passed(&mut state, "one");
        let after = onward(&workspace, &state, from);
        assert!(after.next.is_none() && after.lines()[0].contains("Every exercise is passed"));
    }
}
