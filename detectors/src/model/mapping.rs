//! One mapping of a process' memory, as the kernel's list of them has it.

use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A range of addresses, and what is mapped there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping<P = PathBuf> {
    pub(crate) range: Range<usize>,
    /// What may be done there, and who sees it: `rw-p`.
    pub(crate) permissions: [u8; 4],
    /// Where in the file the range begins.
    pub(crate) offset: u64,
    /// A file's path, which needn't be text; a word of the kernel's such as `[heap]`; or empty.
    pub(crate) path: P,
}

impl<'l> Mapping<&'l Path> {
    /// Parses `55d0c000-55d2e000 r--p 00000000 08:02 173521      /usr/bin/a program`; `None` for any other line. Doesn't allocate.
    pub(crate) fn parse_in_place(line: &'l [u8]) -> Option<Self> {
        // The path may have spaces, and stands behind some.
        let mut words = line.splitn(6, |byte| *byte == b' ');
        let mut word = || std::str::from_utf8(words.next()?).ok();
        let (start, end) = word()?.split_once('-')?;
        let permissions = word()?.as_bytes().try_into().ok()?;
        let offset = u64::from_str_radix(word()?, 16).ok()?;
        let (_device, _inode) = (word()?, word()?);
        let path = words.next().unwrap_or_default().trim_ascii_start();
        let address = |text| usize::from_str_radix(text, 16).ok();
        Some(Mapping {
            range: address(start)?..address(end)?,
            permissions,
            offset,
            path: from_bytes(path),
        })
    }
}

impl Mapping {
    /// The same, to be kept.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let Mapping {
            range,
            permissions,
            offset,
            path,
        } = Mapping::parse_in_place(line)?;
        Some(Mapping {
            range,
            permissions,
            offset,
            path: path.to_owned(),
        })
    }
}

impl<P: AsRef<Path>> Mapping<P> {
    /// Whether it is of a file.
    pub(crate) fn is_of_file(&self) -> bool {
        self.path.as_ref().has_root()
    }

    /// Whether no file is behind it: heap, stacks, and what a program has mapped for itself alone.
    pub(crate) fn is_anonymous(&self) -> bool {
        let path = self.path.as_ref().as_os_str().as_encoded_bytes();
        path.is_empty() || path.starts_with(b"[anon") || path == b"[heap]"
    }

    /// Whether the program may both read and write there.
    pub(crate) fn is_writable(&self) -> bool {
        self.permissions.starts_with(b"rw")
    }

    /// Whether nobody may read or write there.
    pub(crate) fn is_closed(&self) -> bool {
        self.permissions.starts_with(b"---")
    }

    /// Whether other processes see what is written there.
    pub(crate) fn is_shared(&self) -> bool {
        self.permissions.ends_with(b"s")
    }

    /// Whether it is shared, and has no file on a disk behind it: System V's, memfd's, and `/dev/shm`.
    pub(crate) fn is_shared_memory(&self) -> bool {
        const STARTS: [&[u8]; 4] = [b"/SYSV", b"/memfd:", b"/dev/shm/", b"/dev/zero"];
        let path = self.path.as_ref().as_os_str().as_encoded_bytes();
        self.is_shared() && STARTS.iter().any(|start| path.starts_with(start))
    }
}

fn from_bytes(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::{Mapping, from_bytes};

    fn parsed(line: &[u8]) -> Mapping {
        Mapping::parse(line).unwrap_or_else(|| panic!("{}", line.escape_ascii()))
    }

    #[test]
    fn a_line_is_read_whatever_its_path_is() {
        for path in [
            &b""[..],
            b"[heap]",
            b"[anon: a name]",
            b"/usr/bin/a program",
            b"/cut in a letter: \xd1",
            b"/ends with a space ",
        ] {
            let line = [
                &b"55d0c0000000-55d0c0022000 r-xp 0001f000 08:02 173521      "[..],
                path,
            ];
            let expected = Mapping {
                range: 0x55d0_c000_0000..0x55d0_c002_2000,
                permissions: *b"r-xp",
                offset: 0x1_f000,
                path: from_bytes(path).to_owned(),
            };
            assert_eq!(parsed(&line.concat()), expected);
        }
    }

    #[test]
    fn what_is_no_mapping_is_none() {
        for line in [
            "",
            "Rss:                  64 kB",
            "VmFlags: rd ex mr mw me",
            "1000-3000",
            "1000-3000 rw-p 0",
            "1000-3000 rw 00000000 00:00 0 ",
            "1000-xyz rw-p 00000000 00:00 0 ",
        ] {
            assert_eq!(Mapping::parse(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn a_mapping_is_known_by_what_is_behind_it() {
        let of = |permissions: &str, path: &str| {
            parsed(format!("1000-3000 {permissions} 00000000 00:00 0      {path}").as_bytes())
        };
        for path in ["", "[heap]", "[anon: a name]"] {
            assert!(of("rw-p", path).is_anonymous(), "{path}");
        }
        for path in ["[stack]", "[vdso]", "/a program", "/dev/zero (deleted)"] {
            assert!(!of("rw-p", path).is_anonymous(), "{path}");
        }
        for memory in [
            "/dev/shm/ring",
            "/memfd:ring (deleted)",
            "/SYSV00000000 (deleted)",
            "/dev/zero (deleted)",
        ] {
            assert!(of("rw-s", memory).is_shared_memory(), "{memory}");
            assert!(!of("rw-p", memory).is_shared_memory(), "{memory}");
        }
        assert!(!of("rw-s", "/a database").is_shared_memory());
        let (closed, read_only) = (of("---p", ""), of("r--s", ""));
        assert!(closed.is_closed() && !closed.is_shared() && !closed.is_writable());
        assert!(!read_only.is_closed() && read_only.is_shared() && !read_only.is_writable());
    }
}
