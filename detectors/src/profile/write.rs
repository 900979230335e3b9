//! Profiles as files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::protos::Message;
use flate2::{Compression, GzBuilder};

use super::{Profile, ProfileError};

/// The header's byte for the writing system, which would make equal profiles differ.
const OS_UNKNOWN: u8 = 255;

pub(super) fn to_bytes(profile: &Profile) -> Vec<u8> {
    // No time stamp and no file name in the header: equal profiles are equal bytes.
    let mut gzip = GzBuilder::new()
        .operating_system(OS_UNKNOWN)
        .write(Vec::new(), Compression::default());
    gzip.write_all(&profile.message.encode_to_vec())
        .and_then(|()| gzip.finish())
        .expect("writing to memory doesn't fail")
}

pub(super) fn to_path(profile: &Profile, path: &Path) -> Result<(), ProfileError> {
    write_whole(path, &to_bytes(profile)).map_err(|error| ProfileError::Unwritable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Writes beside the path, then renames: a reader sees the old file or the new one, never a part. What couldn't be written is
/// removed.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let (beside, mut file) = new_file_beside(path)?;
    let written = file
        .write_all(content)
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A file that nobody else has: by this process' number, and by a count where another one left such a file.
fn new_file_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let Some(name) = path.file_name() else {
        let why = "it names no file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    };
    let mut count = 0_u32;
    loop {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{count}", std::process::id()));
        let beside = path.with_file_name(hidden);
        match File::create_new(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
            file => return Ok((beside, file?)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::write_whole;
    use std::fs;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let entries = fs::read_dir(&folder).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.collect::<Vec<_>>()
        };
        // Another process of the same number left one when it was killed.
        let left = folder
            .path()
            .join(format!(".heap.pb.gz.{}-0", std::process::id()));
        fs::write(&left, "a part").unwrap();
        let path = folder.path().join("heap.pb.gz");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read(&left).unwrap(), b"a part");
        fs::remove_file(left).unwrap();

        // A folder stands in its place.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        write_whole(&taken, b"new").unwrap_err();
        write_whole(&folder.path().join("no-folder/heap.pb.gz"), b"new").unwrap_err();
        let mut names = names();
        names.sort();
        assert_eq!(names, ["heap.pb.gz", "taken"]);
    }
}
