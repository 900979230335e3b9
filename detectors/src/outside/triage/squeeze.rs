//! Memory pressure on one process, by the kernel: what goes was not needed.

use super::TriageError;
use super::outside::Process;
use crate::model::words::bytes;
use serde::Serialize;
use std::fmt;

/// What went when the kernel took a process' anonymous pages, as it would under pressure. All in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Squeezed {
    /// Resident before.
    pub resident_before: u64,
    /// Resident after.
    pub resident_after: u64,
    /// Lazily freed before: what the process had given up.
    pub lazily_freed_before: u64,
    /// Lazily freed after.
    pub lazily_freed_after: u64,
    /// What went to swap; it comes back when it is needed.
    pub swapped: u64,
}

impl fmt::Display for Squeezed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let went = self.resident_before.saturating_sub(self.resident_after);
        let freed = self
            .lazily_freed_before
            .saturating_sub(self.lazily_freed_after);
        if went == 0 {
            write!(f, "nothing went of {}", bytes(self.resident_before))?;
        } else {
            write!(
                f,
                "{} went of {}, {} of it lazily freed",
                bytes(went),
                bytes(self.resident_before),
                bytes(freed.min(went)),
            )?;
        }
        if self.swapped > 0 {
            write!(f, ", {} of it to swap", bytes(self.swapped))?;
        }
        f.write_str("; the process holds the rest, live or in its allocator's hands")
    }
}

pub(super) fn squeeze(process: &Process) -> Result<Squeezed, TriageError> {
    let before = process.rollup()?;
    system::page_out(process)?;
    let after = process.rollup()?;
    Ok(Squeezed {
        resident_before: before.resident,
        resident_after: after.resident,
        lazily_freed_before: before.lazily_freed,
        lazily_freed_after: after.lazily_freed,
        swapped: after.swapped.saturating_sub(before.swapped),
    })
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Process, TriageError};
    use crate::model::mapping::Mapping;
    use crate::readings::kernel::{self, Whose};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};

    pub(super) fn page_out(process: &Process) -> Result<(), TriageError> {
        let pid = i32::try_from(process.id).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(TriageError::NoSuchProcess(process.id))?;
        let handle = pidfd_open(pid, PidfdFlags::empty())
            .map_err(|error| TriageError::NoSqueeze(error.into()))?;
        // The handle is of whoever has the number now; from here on it can't change hands.
        process.check()?;
        let mut ranges = Vec::new();
        let add = |mapping: Mapping| ranges.extend(mapping.is_anonymous().then_some(mapping.range));
        kernel::each_mapping(Whose::Of(process.id), add).map_err(TriageError::NoSqueeze)?;
        let mut refused = None;
        let mut taken = 0;
        for range in ranges {
            match advise(&handle, range.start, range.len()) {
                Ok(bytes) => taken += bytes,
                Err(error) => refused = Some(error),
            }
        }
        // A locked or special mapping is refused, and the others are not.
        match refused {
            Some(error) if taken == 0 => Err(TriageError::NoSqueeze(error)),
            _ => Ok(()),
        }
    }

    /// Bytes that the kernel looked at.
    fn advise(process: &OwnedFd, start: usize, length: usize) -> io::Result<usize> {
        let range = libc::iovec {
            iov_base: std::ptr::without_provenance_mut(start),
            iov_len: length,
        };
        // SAFETY: the kernel reads one range from `range`, which lives for the call. It changes where the other process' pages are
        // kept and not what is in them, but for pages that their owner gave up. A mapping that has gone meanwhile is refused.
        let advised = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                process.as_raw_fd(),
                &raw const range,
                1_usize,
                libc::MADV_PAGEOUT,
                0_u32,
            )
        };
        usize::try_from(advised).map_err(|_| io::Error::last_os_error())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Process, TriageError};
    use std::io;

    pub(super) fn page_out(_process: &Process) -> Result<(), TriageError> {
        let why = "only Linux lets one process take memory from another";
        let reason = io::Error::new(io::ErrorKind::Unsupported, why);
        Err(TriageError::NoSqueeze(reason))
    }
}
