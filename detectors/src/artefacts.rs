//! Keeps what watches saw: with `DETECTORS_OUT=DIR`, each test's evidence and profile become files.

use crate::Evidence;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The folder that evidence is kept in; unset or empty: it isn't kept.
pub(crate) const OUT_VARIABLE: &str = "DETECTORS_OUT";

/// Folders written by this process, so that a second watch of the same name doesn't overwrite the first.
static WRITTEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Writes the evidence below the folder that the environment names; says so on standard error when it can't.
pub(crate) fn keep(evidence: &Evidence) {
    let Some(out) = std::env::var_os(OUT_VARIABLE).filter(|out| !out.is_empty()) else {
        return;
    };
    let name = crate::isolation::current_test().unwrap_or_else(|| evidence.name.clone());
    let folder = unused_folder(Path::new(&out), &name);
    if let Err(error) = evidence.write(&folder) {
        eprintln!(
            "detectors: the evidence can't be kept in {} ({OUT_VARIABLE}): {error}",
            folder.display()
        );
    }
}

fn unused_folder(out: &Path, name: &str) -> PathBuf {
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
    let mut written = WRITTEN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut folder = out.join(&name);
    let mut number = 1;
    while written.contains(&folder) {
        number += 1;
        folder = out.join(format!("{name}-{number}"));
    }
    written.push(folder.clone());
    folder
}

impl Evidence {
    /// Writes `report.json`, and `heap.pb.gz` where there is a profile, into a folder, which is made if need be.
    ///
    /// Each file is written beside and then renamed: a reader never sees half of one.
    ///
    /// # Errors
    ///
    /// When the folder or a file can't be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut report = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut report, self)?;
        report.write_all(b"\n")?;
        report.persist(folder.join("report.json"))?;
        let profile = folder.join("heap.pb.gz");
        match &self.profile {
            Some(heap) => heap.write(&profile).map_err(io::Error::other),
            // An older run's profile beside this report would be taken for this run's.
            None => match std::fs::remove_file(&profile) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    /// Reads what [`write`](Evidence::write) wrote.
    ///
    /// # Errors
    ///
    /// When `report.json` or `heap.pb.gz` can't be read or isn't ours.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let report = std::fs::read(folder.join("report.json"))?;
        let mut evidence: Evidence = serde_json::from_slice(&report)?;
        let profile = folder.join("heap.pb.gz");
        if profile.exists() {
            evidence.profile = Some(crate::Profile::read(&profile).map_err(io::Error::other)?);
        }
        Ok(evidence)
    }
}
