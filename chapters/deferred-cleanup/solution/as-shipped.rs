//! EXERCISE: the converter that cleans up later.
//!
//! Customers upload zones; the converter sorts each one through a scratch file, since a zone may be larger than memory.
//! Scratch files must not stay behind, whatever happens, so each is put on a list that is worked off when the converter
//! goes. The converter goes when the service does. In production, "too many open files" comes after a few days.
//!
//! Your task: make it steady, and keep it working.
//!
//! ```text
//! cargo run -- check deferred-cleanup     is it fixed? (also tells what is still wrong)
//! cargo run -- hint deferred-cleanup      three hints, from a question to nearly the line
//! cargo run -- reset deferred-cleanup     start over
//! ```
//!
//! You may change everything in this file but the names and arguments of the public functions.

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
