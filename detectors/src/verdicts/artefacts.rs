//! A watch's evidence as files.

use super::evidence::Evidence;
use crate::model::out::{self, about};
use crate::profile::{Profile, write_whole};
use std::io;
use std::path::Path;

/// Writes the evidence below the folder that the environment names; says so on standard error when it can't.
pub(crate) fn keep(evidence: &Evidence) {
    out::keep(&evidence.name, "evidence", |folder| {
        evidence.write(folder).map_err(|error| error.to_string())
    });
}

impl Evidence {
    /// Writes `report.json`, and `heap.pb.gz` where there is a profile, into a folder, which is made if need be.
    ///
    /// Each file is written beside and then renamed: a reader never sees half of one.
    ///
    /// # Errors
    ///
    /// When the folder or a file can't be written; the message names it.
    pub fn write(&self, folder: impl AsRef<Path>) -> io::Result<()> {
        let folder = folder.as_ref();
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
    pub fn read(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref();
        let report = folder.join("report.json");
        let text = std::fs::read(&report).map_err(|error| about(&report, "read", &error))?;
        let mut evidence: Evidence = serde_json::from_slice(&text)
            .map_err(|error| about(&report, "read as evidence", &error.into()))?;
        let profile = folder.join("heap.pb.gz");
        if profile.exists() {
            evidence.profile = Some(Profile::read(&profile).map_err(io::Error::other)?);
        }
        Ok(evidence)
    }
}
