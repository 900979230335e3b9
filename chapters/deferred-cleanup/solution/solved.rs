//! SOLUTION: the scratch file has an owner that removes it, and the owner lives as long as the conversion.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Sorts zones through scratch files.
pub struct Converter {
    folder: PathBuf,
    converted: usize,
}

impl Converter {
    /// A converter that keeps its scratch files in this folder.
    pub fn new(folder: &Path) -> Self {
        Converter {
            folder: folder.to_owned(),
            converted: 0,
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
        // Its owner from here on: a file that was there before is somebody else's.
        let _owner = Scratch(path);

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

/// A scratch file, removed on every way out.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
