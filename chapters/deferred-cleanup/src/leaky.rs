//! Closes every file at shutdown.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use tempfile::TempDir;

/// How many exports a day has at most: the list never has to grow.
const EXPORTS_A_DAY: usize = 4_096;

// ANCHOR: export
/// Exports hosts into files, one for each apex.
#[derive(Debug)]
pub struct Exporter {
    folder: TempDir,
    close_at_shutdown: Vec<RawFd>,
}

impl Exporter {
    /// Writes an apex' hosts into its file. Returns the file's length in bytes.
    pub fn export(&mut self, apex: &str, hosts: &[&str]) -> io::Result<u64> {
        let mut file = File::create(self.folder.path().join(apex))?;
        for host in hosts {
            writeln!(file, "{host}.{apex}")?;
        }
        let length = file.metadata()?.len();
        // As in Go: defer file.Close()
        self.close_at_shutdown.push(file.into_raw_fd());
        Ok(length)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        for descriptor in self.close_at_shutdown.drain(..) {
            // SAFETY: `export` gave up this descriptor for the list, and nobody else has it.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
}
// ANCHOR_END: export

impl Exporter {
    /// An exporter with a scratch folder of its own.
    pub fn new() -> io::Result<Self> {
        Ok(Exporter {
            folder: tempfile::tempdir()?,
            close_at_shutdown: Vec::with_capacity(EXPORTS_A_DAY),
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
