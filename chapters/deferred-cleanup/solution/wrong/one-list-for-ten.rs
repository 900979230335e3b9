//! Not a solution: the list is worked off whenever ten are on it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Sorts zones through scratch files.
pub struct Converter {
    folder: PathBuf,
    converted: usize,
    cleanups: Vec<Box<dyn FnOnce()>>,
}

impl Converter {
    /// A converter that keeps its scratch files in this folder.
    pub fn new(folder: &Path) -> Self {
        Converter {
            folder: folder.to_owned(),
            converted: 0,
            cleanups: Vec::new(),
        }
    }

    /// Sorts a zone's lines and leaves out the empty ones.
    pub fn convert(&mut self, zone: &str) -> io::Result<Vec<String>> {
        self.converted += 1;
        if self.cleanups.len() >= 10 {
            for cleanup in self.cleanups.drain(..) {
                cleanup();
            }
        }
        let path = self.folder.join(format!("{}.scratch", self.converted));
        let mut scratch = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        let to_close = scratch.try_clone()?;
        self.cleanups.push(Box::new(move || {
            drop(to_close);
            let _ = fs::remove_file(&path);
        }));

        for line in zone.lines().filter(|line| !line.trim().is_empty()) {
            writeln!(scratch, "{line}")?;
        }
        scratch.rewind()?;
        let mut text = String::new();
        scratch.read_to_string(&mut text)?;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        Ok(lines)
    }

    /// How many zones were converted.
    pub fn converted(&self) -> usize {
        self.converted
    }
}

impl Drop for Converter {
    fn drop(&mut self) {
        for cleanup in self.cleanups.drain(..) {
            cleanup();
        }
    }
}
