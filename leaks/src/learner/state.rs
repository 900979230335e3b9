//! What the reader has done, in one file at the workbook's root.

use serde::{Deserialize, Serialize};
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
}

impl Default for State {
    fn default() -> Self {
        State {
            version: VERSION,
            welcomed: false,
            chapters: BTreeMap::new(),
        }
    }
}

impl State {
    /// What was done in a chapter.
    pub(crate) fn of(&self, chapter: &str) -> Done {
        self.chapters.get(chapter).cloned().unwrap_or_default()
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

enum Loaded {
    State(State),
    Damaged(String),
}

fn load(file: &Path) -> Result<Loaded> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Loaded::State(State::default()));
        }
        Err(error) => return Err(Problem::file("read", file, &error)),
    };
    // The version alone first: a newer file's other fields may mean anything.
    Ok(match serde_json::from_slice::<Versioned>(&text) {
        Err(error) => Loaded::Damaged(format!("it is damaged ({error})")),
        Ok(Versioned { version }) if version != VERSION => Loaded::Damaged(format!(
            "it has version {version}, and this command knows version {VERSION}"
        )),
        Ok(_) => match serde_json::from_slice(&text) {
            Ok(state) => Loaded::State(state),
            Err(error) => Loaded::Damaged(format!("it is damaged ({error})")),
        },
    })
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
