//! From bytes that nobody vouches for to a message, within bounds.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::protos::{self, Message};
use flate2::read::MultiGzDecoder;

use super::check::{checked, malformed};
use super::decoded::{Decoded, varint};
use super::{DhatOptions, Printable, Profile, ProfileError, Symbols, prune};

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
    survey(name, plain)?;
    let message =
        protos::Profile::decode(plain).map_err(|error| not_a_profile(name, &error.to_string()))?;
    let mut message = checked(name, message)?;
    prune::drop_frames(name, &mut message)?;
    Ok(Profile {
        name: name.to_owned(),
        message,
    })
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
    const GO: &str = "it is Go's text form; fetch it again without ?debug=1";
    const CONVERT: &str = "it is a profile of a C or C++ program in gperftools' older form, whose addresses only the program itself can name; \
                           have it converted: pprof -proto PROGRAM FILE > profile.pb.gz, with pprof from github.com/google/pprof";
    let line = plain
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(&line[..line.len().min(400)]);
    // Go writes what lies between two samples behind the word `heap`; tcmalloc has `heapprofile`, `heap_v2/..`, `growthz` there.
    if line.starts_with("heap profile:") {
        return Some(if line.contains("@ heap/") {
            GO
        } else {
            CONVERT
        });
    }
    let is_gos = [
        "goroutine profile:",
        "threadcreate profile:",
        "--- mutex:",
        "--- contention:",
    ];
    let is_older = [
        "heap_v2/",
        "--- contentionz",
        "--- contention ",
        "--- symbol",
        "--- heapz",
        "--- growthz",
        "--- profile",
    ];
    if is_gos.iter().any(|start| line.starts_with(start)) {
        return Some(GO);
    }
    if is_older.iter().any(|start| line.starts_with(start)) || is_older_cpu(plain) {
        return Some(CONVERT);
    }
    None
}

/// Whether it begins as a CPU profile in gperftools' older form: words of 0, 3 and 0, of either size and order.
fn is_older_cpu(plain: &[u8]) -> bool {
    let begins = |size: usize, three: usize| {
        let words = plain.get(..3 * size);
        words.is_some_and(|words| {
            words
                .iter()
                .enumerate()
                .all(|(at, byte)| *byte == if at == three { 3 } else { 0 })
        })
    };
    begins(8, 8) || begins(8, 15) || begins(4, 4) || begins(4, 7)
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
        let go = "heap profile: 4: 2048 [9: 4096] @ heap/1048576\n";
        assert!(refusal(go.as_bytes()).contains("Go's text form"));
        for older in [
            "heap profile:      1:     1024 [     1:     1024] @ heapprofile\n",
            "heap profile:      1:     1024 [     1:     1024] @ heap_v2/524288\n",
            "heap profile:    157: 78000000 [   157: 78000000] @ growthz\n",
            "heap_v2/524288\n  t*: 28106: 56637512 [0: 0]\n",
            "--- contentionz 1 ---\ncycles/second = 3201000000\n",
            "--- symbol\nbinary=/usr/bin/shop\n",
        ] {
            let told = refusal(older.as_bytes());
            assert!(
                told.contains("C or C++") && told.contains("pprof -proto"),
                "{told}"
            );
        }
        for words in [
            [0_u64, 3, 0, 10_000, 0].map(u64::to_le_bytes),
            [0_u64, 3, 0, 10_000, 0].map(u64::to_be_bytes),
        ] {
            assert!(refusal(&words.concat()).contains("pprof -proto"));
        }
        let words = [0_u32, 3, 0, 10_000, 0].map(u32::to_le_bytes);
        assert!(refusal(&words.concat()).contains("pprof -proto"));
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
