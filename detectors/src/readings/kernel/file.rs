//! Opening and reading: a file's lines, a folder's entries, where a link leads.

use super::Whose;
use std::ffi::CStr;
use std::fmt::{self, Display, Write};
use std::io::{self, Read};
use std::path::PathBuf;

/// Longer lines are cut. The kernel hands such files out a page at a time, so that a larger buffer saves nothing.
const LINE_BYTES_MAX: usize = 4_096;

/// Visits each line of a file, without its end. Doesn't allocate.
pub(super) fn each_line(
    whose: Whose,
    file: impl Display,
    visit: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut file = open(whose, file)?;
    lines(|room| file.read(room), &mut [0; LINE_BYTES_MAX], visit)
}

/// What a short file says, whatever is in it.
pub(super) fn text(whose: Whose, file: impl Display) -> io::Result<String> {
    let mut bytes = Vec::new();
    open(whose, file)?.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The file, to read from. Doesn't allocate.
pub(super) fn open(whose: Whose, file: impl Display) -> io::Result<std::fs::File> {
    system::open(&Path::of(whose, file))
}

/// Visits each entry of a folder, and counts them. Doesn't allocate.
pub(super) fn each_entry(
    whose: Whose,
    folder: &str,
    visit: impl FnMut(&Entry<'_>),
) -> io::Result<i64> {
    system::each_entry(&Path::of(whose, folder), visit)
}

/// The entries of a folder whose names are numbers, in order.
pub(super) fn numbers(whose: Whose, folder: &str) -> io::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    let read = each_entry(whose, folder, |entry| numbers.extend(entry.number()));
    read.map_err(|error| {
        let path = Path::of(whose, folder);
        io::Error::new(error.kind(), format!("{path}: {error}"))
    })?;
    numbers.sort_unstable();
    Ok(numbers)
}

/// Where a link leads. The kernel's word for what has no path is no path either: `socket:[4026]`.
pub(super) fn link(whose: Whose, file: impl Display) -> io::Result<PathBuf> {
    std::fs::read_link(Path::of(whose, file).to_string())
}

/// The path of the program's file, as it was when it began.
#[cfg(target_os = "linux")]
pub(crate) fn program(whose: Whose) -> io::Result<PathBuf> {
    link(whose, "exe")
}

pub(super) use system::Entry;
#[cfg(not(target_os = "linux"))]
pub(crate) use system::unsupported;

impl Entry<'_> {
    pub(super) fn number(&self) -> Option<i32> {
        self.name.to_str().ok()?.parse().ok()
    }
}

/// The path of a process' file, made without allocating.
struct Path {
    /// The rest is zero.
    bytes: [u8; PATH_BYTES_MAX],
    length: usize,
}

/// The longest, of a thread's file, has 41.
const PATH_BYTES_MAX: usize = 64;

impl Path {
    fn of(whose: Whose, file: impl Display) -> Self {
        let mut path = Path {
            bytes: [0; PATH_BYTES_MAX],
            length: 0,
        };
        write!(path, "/proc/{whose}/{file}").expect("paths in /proc are short");
        path
    }

    fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).expect("it ends in a zero byte")
    }
}

impl Write for Path {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        if end >= PATH_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.bytes[self.length..end].copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_c_str().to_str().unwrap_or_default())
    }
}

/// Visits the lines of what `read` gives; of one that is longer than the buffer, its start.
fn lines(
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    buffer: &mut [u8],
    mut visit: impl FnMut(&[u8]),
) -> io::Result<()> {
    // What the buffer begins with of a line whose end isn't read yet.
    let mut held = 0;
    let mut is_visited = false;
    loop {
        let more = match read(&mut buffer[held..]) {
            Ok(0) => break,
            Ok(more) => more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let filled = held + more;
        let mut start = 0;
        while let Some(length) = buffer[start..filled].iter().position(|byte| *byte == b'\n') {
            if !is_visited {
                visit(&buffer[start..start + length]);
            }
            is_visited = false;
            start += length + 1;
        }
        held = filled - start;
        buffer.copy_within(start..filled, 0);
        if held == buffer.len() {
            if !is_visited {
                visit(buffer);
            }
            is_visited = true;
            held = 0;
        }
    }
    if held > 0 && !is_visited {
        visit(&buffer[..held]);
    }
    Ok(())
}

#[cfg(target_os = "linux")]
mod system {
    use super::Path;
    use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, statat};
    use std::ffi::CStr;
    use std::fs::File;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;

    pub(in super::super) struct Entry<'e> {
        folder: &'e OwnedFd,
        pub(super) name: &'e CStr,
    }

    impl Entry<'_> {
        /// Whether it leads to a socket: by its path, which takes the kernel some microseconds.
        pub(in super::super) fn is_socket(&self) -> bool {
            statat(self.folder, self.name, AtFlags::empty())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket)
        }

        /// The same of this process' own descriptor, by its number: far faster, which counts where a thousand are open. Not by
        /// `fstat`, which asks for glibc 2.33.
        pub(in super::super) fn is_own_socket(&self) -> bool {
            let Some(number) = self.number() else {
                return false;
            };
            let mut kind: libc::c_int = 0;
            #[expect(clippy::cast_possible_truncation, reason = "four bytes")]
            let mut length = size_of_val(&kind) as libc::socklen_t;
            let socket = libc::SOL_SOCKET;
            // SAFETY: `kind` has room for `length` bytes. The number is given to the kernel alone: should another thread close it
            // meanwhile, the answer is an error, or is of the file that has it by then. What is no socket is refused.
            let answered = unsafe {
                libc::getsockopt(
                    number,
                    socket,
                    libc::SO_TYPE,
                    (&raw mut kind).cast(),
                    &raw mut length,
                )
            };
            answered == 0
        }
    }

    pub(super) fn open(path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(openat(CWD, path.as_c_str(), flags, Mode::empty())?.into())
    }

    pub(super) fn each_entry(path: &Path, mut visit: impl FnMut(&Entry<'_>)) -> io::Result<i64> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, path.as_c_str(), flags, Mode::empty())?;
        let mut buffer = [MaybeUninit::uninit(); 8_192];
        let mut entries = RawDir::new(&folder, &mut buffer);
        let mut count = 0;
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if !name.to_bytes().starts_with(b".") {
                let folder = &folder;
                visit(&Entry { folder, name });
                count += 1;
            }
        }
        Ok(count)
    }
}

/// All that is here comes to these two, so elsewhere nothing is told.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::Path;
    use std::ffi::CStr;
    use std::fs::File;
    use std::io;

    pub(in super::super) struct Entry<'e> {
        pub(super) name: &'e CStr,
    }

    impl Entry<'_> {
        pub(in super::super) fn is_socket(&self) -> bool {
            false
        }

        pub(in super::super) fn is_own_socket(&self) -> bool {
            false
        }
    }

    pub(crate) fn unsupported() -> io::Error {
        let why = "detectors reads what a process has open, and where its memory goes, on Linux alone, from /proc";
        io::Error::new(io::ErrorKind::Unsupported, why)
    }

    pub(super) fn open(_path: &Path) -> io::Result<File> {
        Err(unsupported())
    }

    pub(super) fn each_entry(_path: &Path, _visit: impl FnMut(&Entry<'_>)) -> io::Result<i64> {
        Err(unsupported())
    }
}

#[cfg(test)]
mod tests {
    use super::{Path, Whose, lines};

    /// The lines of a text that is read in such pieces through such a buffer.
    fn of(text: &str, piece: usize, buffer: usize) -> Vec<String> {
        let mut left = text.as_bytes();
        let mut lines_of = Vec::new();
        let read = |room: &mut [u8]| {
            let length = piece.min(room.len()).min(left.len());
            let (now, later) = left.split_at(length);
            room[..length].copy_from_slice(now);
            left = later;
            Ok(length)
        };
        let visit = |line: &[u8]| lines_of.push(String::from_utf8_lossy(line).into_owned());
        lines(read, &mut vec![0; buffer], visit).expect("the text can be read");
        lines_of
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        for piece in 1..9 {
            for buffer in [5, 6, 64] {
                assert_eq!(of("a\n\nbcd\n", piece, buffer), ["a", "", "bcd"]);
                assert_eq!(of("a\nbc", piece, buffer), ["a", "bc"]);
                assert_eq!(of("", piece, buffer), [""; 0]);
            }
        }
    }

    #[test]
    fn of_a_line_that_is_too_long_the_start_is_read() {
        for piece in 1..9 {
            assert_eq!(of("a\nbcdefghi\njk\n", piece, 4), ["a", "bcde", "jk"]);
            assert_eq!(of("bcdefghi", piece, 4), ["bcde"]);
        }
    }

    #[test]
    fn the_longest_path_has_room() {
        let file = format_args!("task/{}/syscall", i32::MAX);
        let path = Path::of(Whose::Of(u32::MAX), file);
        let expected = "/proc/4294967295/task/2147483647/syscall";
        assert_eq!(path.to_string(), expected);
    }
}
