//! Files that are whole or not there.

use crate::problem::{Problem, Result};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes a file whole: beside its place first, then renamed over what was there.
///
/// Whoever reads it sees the old content or the new, never half of one; a full disk leaves the old.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    write_as(path, content, 0o666)
}

/// As [`write`](write()), for a file that can be started.
pub fn write_program(path: &Path, content: &[u8]) -> Result<()> {
    write_as(path, content, 0o777)
}

#[cfg_attr(not(unix), expect(unused_variables, reason = "there it has none"))]
fn write_as(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    // A temporary file is private by default; this one becomes a file like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    let written = builder.tempfile_in(folder).and_then(|mut file| {
        file.write_all(content)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|failed| failed.error)
    });
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::file("write", path, &error)),
    }
}

/// Makes a folder and those above it.
pub fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| Problem::file("make the folder", path, &error))
}

/// Reads a text file.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Problem::file("read", path, &error))
}
