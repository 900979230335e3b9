//! What the process has open, as the kernel tells it in `/proc/self`.

use super::Group;
use crate::evidence::{Counts, Kind};

/// Sockets, descriptors and threads now; a kind that can't be read stays unread. Doesn't allocate.
#[cfg(not(target_os = "linux"))]
pub(super) fn counts() -> Counts {
    Counts::default()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn groups(_kind: Kind) -> Vec<Group> {
    Vec::new()
}

#[cfg(target_os = "linux")]
pub(super) use linux::{counts, groups};

#[cfg(target_os = "linux")]
mod linux {
    use super::{Counts, Group, Kind};
    use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, statat};
    use std::ffi::CStr;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;

    pub(in crate::counters) fn counts() -> Counts {
        let (sockets, descriptors) = descriptors().unzip();
        Counts {
            tasks: None,
            sockets,
            descriptors,
            threads: each(c"/proc/self/task", |_, _| {}),
        }
    }

    /// Sockets, and all other descriptors but the one that this reading needs.
    fn descriptors() -> Option<(i64, i64)> {
        let mut sockets = 0;
        let all = each(c"/proc/self/fd", |folder, name| {
            let is_socket = statat(folder, name, AtFlags::empty())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket);
            sockets += i64::from(is_socket);
        })?;
        Some((sockets, all - sockets - 1))
    }

    /// Visits each entry of a folder, and counts them.
    fn each(path: &CStr, mut visit: impl FnMut(&OwnedFd, &CStr)) -> Option<i64> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, path, flags, Mode::empty()).ok()?;
        let mut buffer = [MaybeUninit::uninit(); 8_192];
        let mut entries = RawDir::new(&folder, &mut buffer);
        let mut count = 0;
        while let Some(entry) = entries.next() {
            let entry = entry.ok()?;
            let name = entry.file_name();
            if !name.to_bytes().starts_with(b".") {
                visit(&folder, name);
                count += 1;
            }
        }
        Some(count)
    }

    pub(in crate::counters) fn groups(kind: Kind) -> Vec<Group> {
        let _ = kind;
        Vec::new()
    }
}
