//! Closes each file where its scope ends.

use std::fs::File;
use std::io::{self, Write};
use tempfile::TempDir;

// ANCHOR: export
/// Exports hosts into files, one for each apex.
#[derive(Debug)]
pub struct Exporter {
    folder: TempDir,
}

impl Exporter {
    /// Writes an apex' hosts into its file. Returns the file's length in bytes.
    pub fn export(&mut self, apex: &str, hosts: &[&str]) -> io::Result<u64> {
        let mut file = File::create(self.folder.path().join(apex))?;
        for host in hosts {
            writeln!(file, "{host}.{apex}")?;
        }
        Ok(file.metadata()?.len())
        // The file closes here, and after each `?` above.
    }
}
// ANCHOR_END: export

impl Exporter {
    /// An exporter with a scratch folder of its own.
    pub fn new() -> io::Result<Self> {
        Ok(Exporter {
            folder: tempfile::tempdir()?,
        })
    }
}

/// One iteration is one request for an export.
///
/// # Panics
///
/// When the system refuses files.
pub fn workload() -> impl FnMut() {
    let mut exporter = Exporter::new().expect("a scratch folder");
    let mut requests = 0;
    move || {
        requests += 1;
        let apex = format!("customer-{}.example", requests % 16);
        exporter
            .export(&apex, &["www", "mail", "shop"])
            .expect("a writable scratch folder");
    }
}
