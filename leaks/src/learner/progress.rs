//! `leaks progress`: what is passed and how, for the reader, for whoever teaches, and for another machine.

use super::drill::{Drills, Played};
use super::last;
use super::shipped;
use super::state::{Done, State};
use crate::show::json;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use workbook::problem::{Problem, Result};
use workbook::say::{self, BOLD, DIM, GOOD};
use workbook::workspace::{Chapter, Workspace};
use workbook::{Ending, files};

/// What `leaks progress` takes.
#[derive(Debug, Args)]
pub(crate) struct ProgressArgs {
    /// How it is printed: for a person, as a table to hand in, or as one JSON document
    #[arg(long, value_enum, default_value_t = Shape::Text)]
    format: Shape,
    /// Write all progress into a file, for another machine
    #[arg(long, value_name = "FILE", conflicts_with_all = ["import", "format"])]
    export: Option<PathBuf>,
    /// Add the progress of such a file to what is here; nothing that was passed is lost
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    import: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// For a person
    Text,
    /// A table in Markdown
    Md,
    /// One JSON document on standard output
    Json,
}

/// Things of one kind that a reader works through: the exercises, and what else keeps its standing in the state.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    /// In the plural.
    pub(super) name: &'static str,
    passed: usize,
    of: usize,
    pub(super) items: Vec<Item>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) standing: Standing,
    /// What stands beside it: `3 hints`.
    pub(super) more: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    Passed,
    Begun,
    NotBegun,
}

impl Standing {
    fn of(done: &Done) -> Self {
        if done.passed {
            Standing::Passed
        } else if done.is_begun() {
            Standing::Begun
        } else {
            Standing::NotBegun
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Standing::Passed => "passed",
            Standing::Begun => "begun",
            Standing::NotBegun => "not begun",
        }
    }

    /// One mark before a name.
    pub(super) fn mark(self) -> String {
        match self {
            Standing::Passed => format!("{GOOD}✓{GOOD:#}"),
            Standing::Begun => "·".to_owned(),
            Standing::NotBegun => " ".to_owned(),
        }
    }

    /// One cell of a bar.
    fn cell(self) -> String {
        match self {
            Standing::Passed => format!("{GOOD}■{GOOD:#}"),
            Standing::Begun => "◧".to_owned(),
            Standing::NotBegun => "□".to_owned(),
        }
    }
}

impl Item {
    /// `passed, 1 hint`.
    pub(super) fn words(&self) -> String {
        let standing = [self.standing.words().to_owned()].into_iter();
        standing
            .chain(self.more.iter().cloned())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Group {
    pub(super) fn new(name: &'static str, items: Vec<Item>) -> Self {
        let passed = items
            .iter()
            .filter(|item| item.standing == Standing::Passed);
        Group {
            name,
            passed: passed.count(),
            of: items.len(),
            items,
        }
    }

    /// `3 of 12 exercises passed`
    fn words(&self) -> String {
        format!("{} of {} {} passed", self.passed, self.of, self.name)
    }

    /// A cell for each of them, and how many are passed.
    pub(super) fn bar(&self) -> String {
        let cells: String = self.items.iter().map(|item| item.standing.cell()).collect();
        format!("{cells} {} of {} {}", self.passed, self.of, self.name)
    }
}

/// All that a reader works through. What keeps its own standing in the state adds its group here.
pub(super) fn groups(workspace: &Workspace, state: &State) -> Vec<Group> {
    let exercises = workspace
        .chapters
        .iter()
        .map(|chapter| exercise(chapter, state));
    let exercises = Group::new("exercises", exercises.collect());
    let drills: Vec<Item> = state.drills.done.iter().map(drill).collect();
    let drills = (!drills.is_empty()).then(|| Group::new("drills", drills));
    let last = state.of(last::NAME);
    let last = last.passed.then(|| {
        let item = Item {
            name: last::NAME.to_owned(),
            title: "Your own test".to_owned(),
            standing: Standing::Passed,
            more: Vec::new(),
        };
        Group::new("last exercises", vec![item])
    });
    [exercises].into_iter().chain(drills).chain(last).collect()
}

/// What a drill came to. One that has points was passed.
fn drill(played: &Played) -> Item {
    let points = match &played.void {
        Some(why) => format!("no score: {why}"),
        None => format!("{} of {} points", played.points, played.of),
    };
    Item {
        name: format!("seed {}, level {}", played.seed, played.level),
        title: played.was.join(" and "),
        standing: if played.points > 0 {
            Standing::Passed
        } else {
            Standing::Begun
        },
        more: vec![points, format!("{:.1} min", played.seconds as f64 / 60.0)],
    }
}

/// How far the reader is in one chapter.
pub(super) fn exercise(chapter: &Chapter, state: &State) -> Item {
    let done = state.of(&chapter.name);
    let hints = match done.hints {
        0 => None,
        1 => Some("1 hint".to_owned()),
        n => Some(format!("{n} hints")),
    };
    let changed = shipped::is_changed_by_an_update(state, chapter);
    let changed = changed.then(|| "changed by an update".to_owned());
    Item {
        name: chapter.name.clone(),
        title: chapter.title.clone(),
        standing: Standing::of(&done),
        more: hints.into_iter().chain(changed).collect(),
    }
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Document<'a> {
    groups: &'a [Group],
    drills: &'a Drills,
    /// What other parts keep in the state, as they keep it.
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

pub(crate) fn progress(
    workspace: &Workspace,
    args: &ProgressArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    if let Some(file) = &args.export {
        export(workspace, file, out)?;
    } else if let Some(file) = &args.import {
        import(workspace, file, out)?;
    } else {
        let state = State::read(&workspace.root)?;
        let groups = groups(workspace, &state);
        match args.format {
            Shape::Text => text(workspace, &state, &groups, out)?,
            Shape::Md => table(&groups, out)?,
            Shape::Json => {
                let document = Document {
                    groups: &groups,
                    drills: &state.drills,
                    more: &state.more,
                };
                json(&document, out)?;
            }
        }
    }
    Ok(Ending::AsWanted)
}

fn text(workspace: &Workspace, state: &State, groups: &[Group], out: &mut dyn Write) -> Result<()> {
    for group in groups {
        writeln!(out, "{BOLD}{}{BOLD:#}\n", group.words())?;
        let width = group
            .items
            .iter()
            .map(|item| item.name.len())
            .max()
            .unwrap_or(0);
        for item in &group.items {
            let (mark, words) = (item.standing.mark(), item.words());
            writeln!(out, "  {mark} {:width$}  {DIM}{words}{DIM:#}", item.name)?;
        }
        writeln!(out)?;
    }
    for chapter in &workspace.chapters {
        if shipped::is_changed_by_an_update(state, chapter) {
            writeln!(
                out,
                "{BOLD}{}{BOLD:#}: {}",
                chapter.name,
                shipped::in_words(chapter)
            )?;
        }
    }
    let command = say::command("progress --export FILE");
    writeln!(out, "{DIM}To another machine:{DIM:#} {command}")?;
    Ok(())
}

fn table(groups: &[Group], out: &mut dyn Write) -> Result<()> {
    writeln!(out, "# The Leak Workbook: progress")?;
    for group in groups {
        writeln!(
            out,
            "\n{}.\n\n| {} | standing |\n|---|---|",
            group.words(),
            group.name
        )?;
        for item in &group.items {
            writeln!(out, "| {} | {} |", item.name, item.words())?;
        }
    }
    Ok(())
}

fn export(workspace: &Workspace, file: &Path, out: &mut dyn Write) -> Result<()> {
    let state = State::read(&workspace.root)?;
    let mut text = serde_json::to_string_pretty(&state)
        .map_err(|error| Problem::new("can't put the progress into JSON").because(error))?;
    text.push('\n');
    files::write(file, text.as_bytes())?;
    writeln!(out, "Your progress is in {}.", say::path(file))?;
    let import = say::command(&format!("progress --import {}", say::path(file)));
    writeln!(out, "{DIM}On the other machine:{DIM:#} {import}")?;
    Ok(())
}

fn import(workspace: &Workspace, file: &Path, out: &mut dyn Write) -> Result<()> {
    let text = fs::read(file).map_err(|error| Problem::file("read", file, &error))?;
    let theirs = State::parse(&text).map_err(|why| {
        Problem::new(format!("{} holds no progress", say::path(file)))
            .because(why)
            .next(format!(
                "Nothing was changed. Such a file is written by: {}",
                say::command("progress --export FILE")
            ))
    })?;
    let (before, after) = State::change(&workspace.root, |state| {
        let before = groups(workspace, state);
        state.merge(&theirs);
        (before, groups(workspace, state))
    })?;
    for (before, after) in before.iter().zip(&after) {
        let new = after.passed.saturating_sub(before.passed);
        writeln!(out, "{}, {new} of them by this file.", after.words())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(standing: Standing) -> Item {
        Item {
            name: "a".to_owned(),
            title: "A".to_owned(),
            standing,
            more: vec!["1 hint".to_owned()],
        }
    }

    #[test]
    fn a_bar_has_a_cell_for_each() {
        let items = [Standing::Passed, Standing::Begun, Standing::NotBegun].map(item);
        let group = Group::new("exercises", items.into());
        let bar = anstream::adapter::strip_str(&group.bar()).to_string();
        assert_eq!(bar, "■◧□ 1 of 3 exercises");
    }

    #[test]
    fn a_table_is_there_to_hand_in() {
        let group = Group::new("exercises", vec![item(Standing::Passed)]);
        let mut out = Vec::new();
        table(&[group], &mut out).expect("memory");
        insta::assert_snapshot!(String::from_utf8_lossy(&out), @"
        # The Leak Workbook: progress

        1 of 1 exercises passed.

        | exercises | standing |
        |---|---|
        | a | passed, 1 hint |
        ");
    }
}
