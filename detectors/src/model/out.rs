//! Keeps what tests saw: with `DETECTORS_OUT=DIR`, each test has a folder of its own below that one.

use super::this_test;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folder that evidence is kept in; unset or empty: it isn't kept.
pub(crate) const VARIABLE: &str = "DETECTORS_OUT";

/// What this process wrote, so that a second watch of the same name doesn't overwrite the first.
static WRITTEN: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

struct Kept {
    /// The name of the watch, or of whatever else was kept.
    name: String,
    folder: PathBuf,
}

/// The folder that keeps what was last seen under that name; `None` when it isn't kept.
pub(crate) fn folder_of(name: &str) -> Option<PathBuf> {
    let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = written.iter().rfind(|kept| kept.name == name)?;
    Some(kept.folder.clone())
}

/// Has it written into a folder of the test's own, and returns that folder; `None` when the environment names none. Says so on
/// standard error, with `what` can't be kept, when it can't be written.
pub(crate) fn keep(
    name: &str,
    what: &str,
    write: impl FnOnce(&Path) -> Result<(), String>,
) -> Option<PathBuf> {
    let out = std::env::var_os(VARIABLE).filter(|out| !out.is_empty())?;
    let test = this_test::name().unwrap_or_else(|| name.to_owned());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = unused_folder(Path::new(&out), &test, &written);
    if let Err(error) = write(&folder) {
        eprintln!(
            "detectors: the {what} isn't kept: {error}; {VARIABLE} takes a folder with room and write access"
        );
        return None;
    }
    written.push(Kept {
        name: name.to_owned(),
        folder: folder.clone(),
    });
    Some(folder)
}

fn unused_folder(out: &Path, name: &str, written: &[Kept]) -> PathBuf {
    let name: String = name
        .replace("::", "-")
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "-_".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    let is_written = |folder: &PathBuf| written.iter().any(|kept| kept.folder == *folder);
    let mut folder = out.join(&name);
    let mut number = 1;
    while is_written(&folder) {
        number += 1;
        folder = out.join(format!("{name}-{number}"));
    }
    folder
}

/// The same error, with the file that it is about.
pub(crate) fn about(path: &Path, done: &str, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("{} can't be {done}: {error}", path.display()),
    )
}
