//! Profiles as files.

use std::io::{self, Write};
use std::path::Path;

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

/// Writes beside the path, then renames: a reader sees the old file or the new one, never a part.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = readable_by_others(&mut tempfile::Builder::new()).tempfile_in(folder)?;
    file.write_all(content)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Temporary files are private by default; a profile is an ordinary file, as the umask has it.
#[cfg(unix)]
fn readable_by_others<'a>(
    builder: &'a mut tempfile::Builder<'static, 'static>,
) -> &'a tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable_by_others<'a>(
    builder: &'a mut tempfile::Builder<'static, 'static>,
) -> &'a tempfile::Builder<'static, 'static> {
    builder
}
