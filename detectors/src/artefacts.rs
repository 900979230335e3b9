//! Keeps what watches saw: with `DETECTORS_OUT=DIR`, each test's evidence and profile become files.

use crate::Evidence;
use crate::model::this_test;
use crate::profile::write_whole;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folder that evidence is kept in; unset or empty: it isn't kept.
pub(crate) const OUT_VARIABLE: &str = "DETECTORS_OUT";

/// What this process wrote, so that a second watch of the same name doesn't overwrite the first.
static WRITTEN: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

struct Kept {
    /// The name of the watch.
    watch: String,
    folder: PathBuf,
}

/// The folder that keeps the evidence of the last watch of that name; `None` when it isn't kept.
pub(crate) fn folder_of(watch: &str) -> Option<PathBuf> {
    let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = written.iter().rfind(|kept| kept.watch == watch)?;
    Some(kept.folder.clone())
}

/// Writes the evidence below the folder that the environment names; says so on standard error when it can't.
pub(crate) fn keep(evidence: &Evidence) {
    let Some(out) = std::env::var_os(OUT_VARIABLE).filter(|out| !out.is_empty()) else {
        return;
    };
    let name = this_test::name().unwrap_or_else(|| evidence.name.clone());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = unused_folder(Path::new(&out), &name, &written);
    match evidence.write(&folder) {
        Ok(()) => written.push(Kept {
            watch: evidence.name.clone(),
            folder,
        }),
        Err(error) => eprintln!(
            "detectors: the evidence isn't kept: {error}; {OUT_VARIABLE} takes a folder with room and write access"
        ),
    }
}

/// Writes a profile that isn't a watch's, such as `tasks.pb.gz`, into a folder of the test's own below the one that the
/// environment names. `None` when it isn't kept; says so on standard error when it can't be.
#[cfg(feature = "tokio")]
pub(crate) fn keep_profile(name: &str, file: &str, profile: &crate::Profile) -> Option<PathBuf> {
    let out = std::env::var_os(OUT_VARIABLE).filter(|out| !out.is_empty())?;
    let test = this_test::name().unwrap_or_else(|| name.to_owned());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = unused_folder(Path::new(&out), &test, &written);
    let path = folder.join(file);
    let kept = std::fs::create_dir_all(&folder)
        .map_err(|error| about(&folder, "made", &error).to_string())
        .and_then(|()| profile.write(&path).map_err(|error| error.to_string()));
    match kept {
        Ok(()) => {
            written.push(Kept {
                watch: name.to_owned(),
                folder,
            });
            Some(path)
        }
        Err(error) => {
            eprintln!(
                "detectors: the profile isn't kept: {error}; {OUT_VARIABLE} takes a folder with room and write access"
            );
            None
        }
    }
}

fn unused_folder(out: &Path, name: &str, written: &[Kept]) -> PathBuf {
    let name: String = name
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

impl Evidence {
    /// Writes `report.json`, and `heap.pb.gz` where there is a profile, into a folder, which is made if need be.
    ///
    /// Each file is written beside and then renamed: a reader never sees half of one.
    ///
    /// # Errors
    ///
    /// When the folder or a file can't be written; the message names it.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder).map_err(|error| about(folder, "made", &error))?;
        let report = folder.join("report.json");
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        write_whole(&report, &text).map_err(|error| about(&report, "written", &error))?;
        let profile = folder.join("heap.pb.gz");
        match &self.profile {
            Some(heap) => heap.write(&profile).map_err(io::Error::other),
            // An older run's profile beside this report would be taken for this run's.
            None => match std::fs::remove_file(&profile) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(about(&profile, "removed", &error))
                }
                _ => Ok(()),
            },
        }
    }

    /// Reads what [`write`](Evidence::write) wrote.
    ///
    /// # Errors
    ///
    /// When `report.json` or `heap.pb.gz` can't be read or isn't ours; the message names it.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let report = folder.join("report.json");
        let text = std::fs::read(&report).map_err(|error| about(&report, "read", &error))?;
        let mut evidence: Evidence = serde_json::from_slice(&text)
            .map_err(|error| about(&report, "read as evidence", &error.into()))?;
        let profile = folder.join("heap.pb.gz");
        if profile.exists() {
            evidence.profile = Some(crate::Profile::read(&profile).map_err(io::Error::other)?);
        }
        Ok(evidence)
    }
}

/// The same error, with the file that it is about.
fn about(path: &Path, done: &str, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("{} can't be {done}: {error}", path.display()),
    )
}
