//! A folder of its owner's alone, and files in it that are whole or not there.

use super::KeepError;
use crate::outside::kept::{UNFINISHED, is_named};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes the folder where it isn't there.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Refuses a folder that others can write to: they could put a profile of their own in the place of one of ours.
#[cfg(unix)]
pub(super) fn refuse_shared(folder: &Path) -> Result<(), KeepError> {
    use std::os::unix::fs::MetadataExt;
    let Ok(about) = fs::metadata(folder) else {
        return Ok(()); // writing will tell why
    };
    let is_own = about.uid() == rustix::process::geteuid().as_raw();
    if about.is_dir() && (!is_own || about.mode() & 0o022 != 0) {
        return Err(KeepError::OthersCanWrite {
            folder: folder.to_owned(),
            is_own,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "unix can refuse")]
pub(super) fn refuse_shared(_: &Path) -> Result<(), KeepError> {
    Ok(())
}

/// Writes beside, waits until the disk has it, then renames: a reader sees the whole file or none, whenever the process is killed.
pub(super) fn write(folder: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let path = folder.join(name);
    let beside = folder.join(format!(".{name}{}", UNFINISHED.1));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    // It tells other processes that this file isn't left over. Where a file system has no locks, nobody removes it either.
    let _ = file.try_lock();
    let written = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, &path));
    if let Err(error) = written {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    // The name is on the disk once its folder is. The file is whole either way.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(path)
}

/// Removes what processes left that ended while they wrote. Who still writes holds a lock, whatever its number in whichever container.
pub(super) fn remove_left_over(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        // By its path: for an entry's own word, the program would ask for a function that glibc has from 2.33 on.
        let about = entry.path().symlink_metadata();
        let is_file = about.is_ok_and(|about| about.is_file());
        if is_file && is_named(&entry.file_name().to_string_lossy(), UNFINISHED) {
            let is_left = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if is_left {
                // What can't be removed does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{make, refuse_shared, remove_left_over, write};
    use std::fs::{self, File};
    use std::path::Path;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_left_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path(".heap-1-1-due.pb.gz.tmp"), "a part").unwrap();
        fs::write(path("of-somebody-else.tmp"), "theirs").unwrap();
        let writing = File::create(path(".heap-2-2-due.pb.gz.tmp")).unwrap();
        writing.lock().unwrap();
        remove_left_over(folder.path());
        assert_eq!(
            names(folder.path()),
            [".heap-2-2-due.pb.gz.tmp", "of-somebody-else.tmp"]
        );
        write(folder.path(), "heap-3-3-due.pb.gz", b"whole").unwrap();
        assert_eq!(fs::read(path("heap-3-3-due.pb.gz")).unwrap(), b"whole");
        assert_eq!(names(folder.path()).len(), 3, "nothing lies beside it");
    }

    #[cfg(unix)]
    #[test]
    fn it_is_its_owners_alone() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("evidence");
        make(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        refuse_shared(&folder).unwrap();
        let file = write(&folder, "heap-1-1-due.pb.gz", b"whole").unwrap();
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
        let told = refuse_shared(&folder).unwrap_err().to_string();
        assert!(told.contains("chmod go-w"), "{told}");
    }
}
