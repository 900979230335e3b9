//! Whether the exercise's file was saved.
//!
//! Its stamp is looked at, some thirty times a second. That costs nothing for one file, needs no library, and is seen on mounts that no
//! notification comes from: a container's, a network's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells one save from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    Gone,
    There {
        modified: Option<SystemTime>,
        bytes: u64,
        number: u64,
    },
}

impl Stamp {
    fn of(file: &Path) -> Self {
        match fs::metadata(file) {
            Err(_) => Stamp::Gone,
            Ok(found) => Stamp::There {
                modified: found.modified().ok(),
                bytes: found.len(),
                number: number(&found),
            },
        }
    }
}

/// An editor may put a new file in the place of the old one.
#[cfg(unix)]
fn number(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn number(_found: &fs::Metadata) -> u64 {
    0
}

/// The saves of one file.
#[derive(Debug)]
pub(super) struct Saves {
    file: PathBuf,
    /// What the look before saw.
    seen: Option<Stamp>,
    /// The save that was told last.
    told: Option<Stamp>,
}

impl Saves {
    /// What lies there now is the first save.
    pub(super) fn of(file: PathBuf) -> Self {
        Saves {
            file,
            seen: None,
            told: None,
        }
    }

    /// Whether there is a save that wasn't told yet. An editor writes in several steps: a save is over when two looks see the same.
    pub(super) fn is_new(&mut self) -> bool {
        let now = Some(Stamp::of(&self.file));
        let rests = self.seen == now || self.seen.is_none();
        self.seen = now;
        let is_new = rests && self.told != now;
        if is_new {
            self.told = now;
        }
        is_new
    }

    /// Tells what lies there once more.
    pub(super) fn again(&mut self) {
        self.told = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_save_is_told_once_and_when_it_is_over() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let file = folder.path().join("exercise.rs");
        fs::write(&file, "one").expect("writable");
        let mut saves = Saves::of(file.clone());
        assert!(saves.is_new(), "what lies there");
        assert!(!saves.is_new());
        fs::write(&file, "three").expect("writable");
        assert!(!saves.is_new(), "it may still be written");
        assert!(saves.is_new());
        assert!(!saves.is_new());
        // The same text in a file of its own, as editors save.
        let beside = folder.path().join("new.rs");
        fs::write(&beside, "three").expect("writable");
        fs::rename(&beside, &file).expect("renamed");
        assert!(!saves.is_new());
        assert!(saves.is_new());
        fs::remove_dir_all(folder.path()).expect("removed");
        assert!(!saves.is_new());
        assert!(saves.is_new(), "that it is gone");
        saves.again();
        assert!(saves.is_new());
    }
}
