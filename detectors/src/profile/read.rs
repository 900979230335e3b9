//! From bytes that nobody vouches for to a message, within bounds.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::protos::{self, Message};
use flate2::read::MultiGzDecoder;

use super::check::{checked, malformed};
use super::decoded::{Decoded, varint};
use super::{DhatOptions, Printable, Profile, ProfileError, Symbols, legacy, prune};

/// The largest profile that is read, in bytes after decompression.
///
/// Real heap profiles are a few hundred kilobytes. Decoded, a message takes several times its
/// encoded size: one that would take more than a gibibyte is refused before it is decoded.
pub const DECOMPRESSED_BYTES_MAX: u64 = 256 << 20;

/// How far gzip may expand an input before the reader calls it hostile. Profiles compress 3 to 20
/// times; the format's own limit is about a thousand.
const EXPANSION_MAX: u64 = 200;

/// Inputs may always expand to this much, so that a tiny and very regular profile passes.
const EXPANSION_FREE_BYTES: u64 = 16 << 20;

/// The most that a message may take once it is decoded.
const DECODED_BYTES_MAX: u64 = 1 << 30;

/// The most entries of lists that dhat's JSON may have. Each may take some hundred bytes once it is read.
const JSON_ENTRIES_MAX: usize = 8_000_000;

pub(super) fn from_path(path: &Path) -> Result<Profile, ProfileError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => ProfileError::NotFound {
            path: path.to_owned(),
        },
        _ => ProfileError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    };
    let about = fs::metadata(path).map_err(unreadable)?;
    // Reading a device may never end. A pipe ends with whoever writes into it: `leaks top <(curl ..)`.
    if !about.is_file() && !is_pipe(&about) {
        return Err(ProfileError::Unreadable {
            path: path.to_owned(),
            reason: if about.is_dir() {
                "it is a folder".to_owned()
            } else {
                "it is not a regular file".to_owned()
            },
        });
    }
    let name = path.display().to_string();
    let file = open(path, &about).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(DECOMPRESSED_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    from_bytes(&name, &bytes, DECOMPRESSED_BYTES_MAX)
}

#[cfg(unix)]
fn is_pipe(about: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&about.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}

/// Doesn't wait for a pipe's writer to come: one that nobody has open is empty.
#[cfg(unix)]
fn open(path: &Path, about: &fs::Metadata) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    if !is_pipe(about) {
        return File::open(path);
    }
    let mut options = File::options();
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - rustix::fs::OFlags::NONBLOCK)?;
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path, _: &fs::Metadata) -> io::Result<File> {
    File::open(path)
}

pub(super) fn from_bytes(
    name: &str,
    bytes: &[u8],
    bytes_max: u64,
) -> Result<Profile, ProfileError> {
    if bytes.is_empty() {
        return Err(not_a_profile(name, "it is empty"));
    }
    let unpacked;
    let plain = if bytes.starts_with(&[0x1f, 0x8b]) {
        unpacked = gunzip(name, bytes, bytes_max)?;
        unpacked.as_slice()
    } else {
        bytes
    };
    if plain.len() as u64 > bytes_max {
        return Err(ProfileError::TooLarge {
            input: name.to_owned(),
            reason: format!("it holds more than {bytes_max} bytes"),
        });
    }
    if let Some(json) = dhat_json(plain) {
        if json.matches(',').count() > JSON_ENTRIES_MAX {
            return Err(ProfileError::TooLarge {
                input: name.to_owned(),
                reason: format!("its lists have more than {JSON_ENTRIES_MAX} entries"),
            });
        }
        let options = DhatOptions {
            symbols: Symbols::Recorded,
            ..DhatOptions::default()
        };
        return Profile::from_dhat_named(name, json, &options);
    }
    let message = if let Some(message) = legacy::read(name, plain)? {
        message
    } else {
        survey(name, plain)?;
        protos::Profile::decode(plain).map_err(|error| not_a_profile(name, &error.to_string()))?
    };
    let mut message = checked(name, message)?;
    #[cfg(target_os = "linux")]
    super::on_disk::name_frames(&mut message);
    prune::drop_frames(name, &mut message)?;
    Ok(Profile::new(name, message))
}

fn not_a_profile(name: &str, reason: &str) -> ProfileError {
    ProfileError::NotAProfile {
        input: name.to_owned(),
        reason: reason.to_owned(),
    }
}

fn truncated(name: &str, reason: &str) -> ProfileError {
    ProfileError::Truncated {
        input: name.to_owned(),
        reason: reason.to_owned(),
    }
}

fn gunzip(name: &str, bytes: &[u8], bytes_max: u64) -> Result<Vec<u8>, ProfileError> {
    let expanded_max = EXPANSION_FREE_BYTES.max(EXPANSION_MAX * bytes.len() as u64);
    let limit = bytes_max.min(expanded_max);
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(limit + 1)
        .read_to_end(&mut plain)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => truncated(name, "inside its gzip data"),
            _ => malformed(name, format!("its gzip data can't be unpacked ({error})")),
        })?;
    if plain.len() as u64 > limit {
        return Err(ProfileError::TooLarge {
            input: name.to_owned(),
            reason: format!("its {} bytes unpack to more than {limit}", bytes.len()),
        });
    }
    Ok(plain)
}

/// The text, when the input is dhat's JSON. The mark stands near the start of the file.
fn dhat_json(plain: &[u8]) -> Option<&str> {
    if plain.first() != Some(&b'{') {
        return None;
    }
    let text = std::str::from_utf8(plain).ok()?;
    let end = text
        .char_indices()
        .nth(200)
        .map_or(text.len(), |(at, _)| at);
    text[..end].contains("\"dhatFileVersion\"").then_some(text)
}

/// Walks the records without decoding them: tells a file that was cut from one that is something
/// else, and bounds what decoding may cost.
fn survey(name: &str, plain: &[u8]) -> Result<(), ProfileError> {
    if let Some(form) = other_form(plain) {
        return Err(not_a_profile(name, form));
    }
    // A profile's first records hold small numbers, which no text holds.
    let start = &plain[..plain.len().min(32)];
    if start
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    {
        return Err(not_a_profile(name, &told_by(plain)));
    }
    let mut rest = plain;
    let mut is_first = true;
    let mut decoded = Decoded::default();
    while !rest.is_empty() {
        let tag = varint(&mut rest).ok_or_else(|| truncated(name, "inside a record's tag"))?;
        // Fields 1 to 14: numbers are wire type 0, strings and messages wire type 2.
        let (field, wire) = (tag >> 3, tag & 7);
        if field == 0 || is_first && (field > 14 || wire != 0 && wire != 2) {
            return Err(not_a_profile(
                name,
                "it doesn't start with a profile's records",
            ));
        }
        let length = match wire {
            0 => {
                varint(&mut rest).ok_or_else(|| truncated(name, "inside a number"))?;
                0
            }
            1 => 8,
            2 => varint(&mut rest).ok_or_else(|| truncated(name, "inside a record's length"))?,
            5 => 4,
            _ => {
                return Err(not_a_profile(
                    name,
                    "a record has a type that no profile uses",
                ));
            }
        };
        let (content, after) = usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| {
                if is_first {
                    not_a_profile(name, "its first record is longer than the file")
                } else {
                    truncated(name, "inside a record")
                }
            })?;
        rest = after;
        is_first = false;
        decoded
            .add(field, wire, content)
            .ok_or_else(|| malformed(name, "a record ends inside one of its fields".to_owned()))?;
    }
    if decoded.bytes() > DECODED_BYTES_MAX {
        return Err(ProfileError::TooLarge {
            input: name.to_owned(),
            reason: format!("decoded, it would take more than {DECODED_BYTES_MAX} bytes"),
        });
    }
    Ok(())
}

/// A service that has no profile to give says why: saved as a file, that is what is found in it.
fn told_by(text: &[u8]) -> String {
    const SHOWN_MAX: usize = 120;
    let start = String::from_utf8_lossy(&text[..text.len().min(SHOWN_MAX)]);
    let line = start.trim().lines().next().unwrap_or_default();
    format!("it is text that begins with \"{}\"", Printable(line))
}

/// What it is instead, where it is a profile in a form that isn't read here, and how to have one that is.
fn other_form(plain: &[u8]) -> Option<&'static str> {
    let begins = |start: &str| plain.starts_with(start.as_bytes());
    if begins("--- symbol") {
        return Some(
            "it is what jeprof or gperftools' pprof writes with --raw; give the file that it was made from",
        );
    }
    // Go's dump of goroutines has no counts, and repeats each stack.
    if begins("goroutine ") && !begins("goroutine profile:") {
        return Some("it is Go's dump of all goroutines; fetch it again without ?debug=2");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::from_bytes;

    fn refusal(bytes: &[u8]) -> String {
        from_bytes("input", bytes, 1 << 20)
            .expect_err("it is none of ours")
            .to_string()
    }

    #[test]
    fn profiles_in_other_forms_are_called_what_they_are() {
        let raw = refusal(b"--- symbol\nbinary=/usr/bin/shop\n");
        assert!(raw.contains("--raw"), "{raw}");
        let dump = refusal(b"goroutine 1 [running]:\nmain.main()\n");
        assert!(dump.contains("without ?debug=2"), "{dump}");
    }

    #[test]
    fn valgrinds_dhat_is_told_from_the_library() {
        let json = r#"{"dhatFileVersion":2,"mode":"heap","verb":"Allocated","bklt":true,"bkacc":true,"cmd":"./shop","pid":1,
            "pps":[],"ftbl":["[root]"]}"#;
        let told = refusal(json.as_bytes());
        assert!(
            told.contains("Valgrind") && told.contains("dh_view.html"),
            "{told}"
        );
        let ad_hoc = json.replace("\"heap\"", "\"rust-ad-hoc\"");
        assert!(refusal(ad_hoc.as_bytes()).contains("new_heap"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_read_to_its_end_and_one_without_a_writer_is_empty() {
        use crate::profile::Profile;
        use std::io::Write;
        use std::os::fd::AsRawFd;
        let measured = [super::super::Measured::new(vec![0x5000], [1, 8, 1, 8])];
        let written =
            Profile::of_heap("a profile", &measured, 1, super::Symbols::Recorded).to_bytes();
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let write = std::thread::spawn(move || writer.write_all(&written));
        let read = Profile::read(path).expect("what was written");
        write.join().expect("no panic").expect("it is read");
        assert_eq!(read.total("inuse_space"), Ok(8));

        let folder = tempfile::tempdir().expect("a scratch folder");
        let pipe = folder.path().join("nobody writes");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .expect("a pipe");
        let empty = Profile::read(&pipe).expect_err("nothing comes").to_string();
        assert!(empty.contains("it is empty"), "{empty}");
    }
}
