//! What the reader has done, in one file at the workbook's root.

use super::drill::Drills;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use workbook::problem::{Problem, Result};
use workbook::{files, say};

/// The file's name. It is ignored by git, and deleting it starts the workbook over.
const FILE: &str = ".leaks.json";
const VERSION: u32 = 1;

/// What the reader has done so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    /// Whether the first run's welcome was given.
    #[serde(default)]
    pub(crate) welcomed: bool,
    /// By chapter's name; a chapter that nothing was done in is absent.
    #[serde(default)]
    pub(crate) chapters: BTreeMap<String, Done>,
    #[serde(default)]
    pub(crate) drills: Drills,
    /// What another part keeps here, or a newer command: written again as it was read.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

/// What was done in one chapter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Its leaky variant was run.
    #[serde(default)]
    pub(crate) ran: bool,
    /// How many hints were shown.
    #[serde(default)]
    pub(crate) hints: usize,
    /// The exercise passed its check once.
    #[serde(default)]
    pub(crate) passed: bool,
    /// Tells the shipped exercise that the reader began with from another one; an update may bring that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shipped: Option<String>,
    /// As [`State::more`].
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

impl Done {
    /// Whether the reader was here, and hasn't passed.
    pub(crate) fn is_begun(&self) -> bool {
        !self.passed && (self.ran || self.hints > 0)
    }
}

impl Default for State {
    fn default() -> Self {
        State {
            version: VERSION,
            welcomed: false,
            chapters: BTreeMap::new(),
            drills: Drills::default(),
            more: Map::new(),
        }
    }
}

impl State {
    /// What was done in a chapter.
    pub(crate) fn of(&self, chapter: &str) -> Done {
        self.chapters.get(chapter).cloned().unwrap_or_default()
    }

    /// The state in a text that someone hands in; the error says in words why it is none.
    pub(crate) fn parse(text: &[u8]) -> std::result::Result<Self, String> {
        match parsed(text) {
            Loaded::State(state) => Ok(state),
            Loaded::Damaged(why) => Err(why),
        }
    }

    /// Takes over what was done elsewhere. Whatever was done on either side is done then: nothing that was passed is lost.
    pub(crate) fn merge(&mut self, other: &State) {
        self.welcomed |= other.welcomed;
        for (name, theirs) in &other.chapters {
            let ours = self.chapters.entry(name.clone()).or_default();
            ours.ran |= theirs.ran;
            ours.passed |= theirs.passed;
            ours.hints = ours.hints.max(theirs.hints);
            // Which exercise lies on this machine, this machine knows.
            merge_maps(&mut ours.more, &theirs.more);
        }
        self.drills.merge(&other.drills);
        merge_maps(&mut self.more, &other.more);
    }

    /// Reads the state of the workbook at `root`; a missing file is a fresh start.
    ///
    /// A file that can't be understood is set aside under another name, and the reader is told.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        match load(&root.join(FILE))? {
            Loaded::State(state) => Ok(state),
            // Under the lock, since another command may be setting the same file aside.
            Loaded::Damaged(_) => locked(root, || load_or_set_aside(root)),
        }
    }

    /// Changes the state: reads, applies and writes it as one step, whatever other commands do meanwhile.
    pub(crate) fn change<T>(root: &Path, apply: impl FnOnce(&mut State) -> T) -> Result<T> {
        locked(root, || {
            let mut state = load_or_set_aside(root)?;
            let before = state.clone();
            let given = apply(&mut state);
            if state != before {
                let mut text = serde_json::to_string_pretty(&state).map_err(|error| {
                    Problem::new("can't put the state into JSON").because(error)
                })?;
                text.push('\n');
                files::write(&root.join(FILE), text.as_bytes())?;
            }
            Ok(given)
        })
    }

    /// As [`change`](State::change), for one chapter.
    pub(crate) fn change_chapter<T>(
        root: &Path,
        chapter: &str,
        apply: impl FnOnce(&mut Done) -> T,
    ) -> Result<T> {
        Self::change(root, |state| {
            let mut done = state.of(chapter);
            let given = apply(&mut done);
            if done != Done::default() {
                state.chapters.insert(chapter.to_owned(), done);
            }
            given
        })
    }
}

/// Adds what `theirs` has and `ours` lacks: lists are joined, each entry once, and of two values ours stays.
fn merge_maps(ours: &mut Map<String, Value>, theirs: &Map<String, Value>) {
    for (name, theirs) in theirs {
        match (ours.get_mut(name), theirs) {
            (None, _) => {
                ours.insert(name.clone(), theirs.clone());
            }
            (Some(Value::Object(ours)), Value::Object(theirs)) => merge_maps(ours, theirs),
            (Some(Value::Array(ours)), Value::Array(theirs)) => {
                let new: Vec<_> = theirs
                    .iter()
                    .filter(|entry| !ours.contains(entry))
                    .cloned()
                    .collect();
                ours.extend(new);
            }
            (Some(Value::Bool(ours)), Value::Bool(theirs)) => *ours |= theirs,
            (Some(_), _) => {}
        }
    }
}

enum Loaded {
    State(State),
    Damaged(String),
}

fn load(file: &Path) -> Result<Loaded> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Loaded::State(State::default()));
        }
        Err(error) => return Err(Problem::file("read", file, &error)),
    };
    Ok(parsed(&text))
}

fn parsed(text: &[u8]) -> Loaded {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    // The version alone first: a newer file's other fields may mean anything.
    match serde_json::from_slice::<Versioned>(text) {
        Err(error) => Loaded::Damaged(format!("it is damaged ({error})")),
        Ok(Versioned { version }) if version != VERSION => Loaded::Damaged(format!(
            "it has version {version}, and this command knows version {VERSION}"
        )),
        Ok(_) => match serde_json::from_slice(text) {
            Ok(state) => Loaded::State(state),
            Err(error) => Loaded::Damaged(format!("it is damaged ({error})")),
        },
    }
}

fn load_or_set_aside(root: &Path) -> Result<State> {
    let file = root.join(FILE);
    match load(&file)? {
        Loaded::State(state) => Ok(state),
        Loaded::Damaged(why) => {
            let aside = free_name(root);
            fs::rename(&file, &aside).map_err(|error| {
                Problem::new(format!("can't set {} aside", file.display()))
                    .because(format!("{error}; {why}"))
                    .next(format!(
                        "Move it away yourself, then try again: {}",
                        file.display()
                    ))
            })?;
            workbook::note!(format!(
                "{}warning:{:#} {} could not be read: {why}.\n  It is kept as {}. You start over; your exercises are untouched.",
                say::DOUBT,
                say::DOUBT,
                say::path(&file),
                say::path(&aside),
            ));
            Ok(State::default())
        }
    }
}

fn free_name(root: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let name = root.join(format!("{FILE}.damaged-{number}"));
        if !name.exists() {
            return name;
        }
        number += 1;
    }
}

/// Runs one command's change at a time.
///
/// The lock is a file of its own: the state's file is replaced by each write, and a lock on it would go with it.
/// The system drops the lock when the process ends, however it ends.
fn locked<T>(root: &Path, change: impl FnOnce() -> Result<T>) -> Result<T> {
    let path = root.join(format!("{FILE}.lock"));
    let cant = |error: io::Error| {
        Problem::new("can't record your progress")
            .because(format!("{}: {error}", path.display()))
            .next("Make the workbook's folder writable, then try again.")
    };
    let lock = File::create(&path).map_err(cant)?;
    lock.lock().map_err(cant)?;
    change()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> tempfile::TempDir {
        tempfile::tempdir().expect("a scratch folder")
    }

    #[test]
    fn what_was_done_is_there_the_next_time() {
        let root = scratch();
        State::change_chapter(root.path(), "a", |done| done.hints = 2).expect("writable");
        let state = State::read(root.path()).expect("readable");
        assert_eq!(state.of("a").hints, 2);
        assert_eq!(state.of("b"), Done::default());
    }

    #[test]
    fn what_another_part_wrote_stays_as_it_was() {
        let root = scratch();
        let written = r#"{"version": 1, "notes": [{"seed": 7, "score": 90}], "chapters": {"a": {"passed": true, "at": "noon"}}}"#;
        fs::write(root.path().join(FILE), written).expect("writable");
        State::change_chapter(root.path(), "a", |done| done.hints = 1).expect("writable");
        let text = fs::read_to_string(root.path().join(FILE)).expect("readable");
        let now: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(now["notes"][0]["score"], 90, "{text}");
        assert_eq!(now["chapters"]["a"]["at"], "noon", "{text}");
        assert_eq!(now["chapters"]["a"]["hints"], 1, "{text}");
    }

    #[test]
    fn a_merge_loses_nothing_of_either_side() {
        let state = |text: &str| State::parse(text.as_bytes()).expect("a state");
        let mut ours = state(
            r#"{"version": 1, "notes": [{"seed": 1}, {"seed": 2}], "name": "ours",
               "chapters": {"a": {"passed": true, "hints": 1, "shipped": "here"}, "b": {"hints": 3}}}"#,
        );
        let theirs = state(
            r#"{"version": 1, "welcomed": true, "notes": [{"seed": 2}, {"seed": 3}], "name": "theirs", "new": 7,
               "chapters": {"a": {"hints": 2, "shipped": "there"}, "b": {"passed": true}, "c": {"ran": true}}}"#,
        );
        ours.merge(&theirs);
        let merged = state(
            r#"{"version": 1, "welcomed": true, "notes": [{"seed": 1}, {"seed": 2}, {"seed": 3}], "name": "ours", "new": 7,
               "chapters": {"a": {"passed": true, "hints": 2, "shipped": "here"}, "b": {"passed": true, "hints": 3}, "c": {"ran": true}}}"#,
        );
        assert_eq!(ours, merged);
        ours.merge(&theirs);
        assert_eq!(ours, merged, "again changes nothing");
    }

    #[test]
    fn changes_from_many_threads_all_count() {
        let root = scratch();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        State::change_chapter(root.path(), "a", |done| done.hints += 1)
                            .expect("writable");
                    }
                });
            }
        });
        assert_eq!(
            State::read(root.path()).expect("readable").of("a").hints,
            100
        );
    }

    #[test]
    fn a_damaged_and_a_newer_file_are_kept_under_another_name() {
        let root = scratch();
        for (n, content) in [
            (1, "{\"version\":"),
            (2, "{\"version\": 999, \"chapters\": 7}"),
        ] {
            fs::write(root.path().join(FILE), content).expect("writable");
            assert_eq!(
                State::read(root.path()).expect("starts over"),
                State::default()
            );
            let aside = root.path().join(format!("{FILE}.damaged-{n}"));
            assert_eq!(fs::read_to_string(aside).expect("kept"), content);
        }
        assert!(!root.path().join(FILE).exists());
    }
}
