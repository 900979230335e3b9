//! What the kernel tells of a process in `/proc`, this one or another: opened, read and parsed in this folder alone.
//!
//! | file here | reads | for this process without allocating |
//! |---|---|---|
//! | `figures` | `smaps_rollup`, `statm`, `status` | yes, and for another one too |
//! | `by_kind` | `maps`, summed up | yes, and for another one too |
//! | `open` | `fd`, `task` | the counts, and for another one too; the list of descriptors allocates |
//! | `threads` | `task/*/comm`, `task/*/syscall` | no |
//! | `mappings` | `maps`, `smaps`, `pagemap`, `mem` | no; a line at a time is held, of whatever the file comes to |
//! | `tcp` | `net/tcp`, `net/tcp6` | no |
//! | `own_tcp` | nothing: this process' sockets, by their descriptors | yes |
//! | `stat` | `stat`, `exe` | no |
//!
//! Names in these files are whatever a program chose. So lines are bytes, and what is no text is shown as `\u{fffd}`.
//!
//! # Why not the crate `procfs`
//!
//! It was tried (0.18) on what processes show here. Its list of mappings is read as UTF-8, so that one mapped file with another name
//! hides all of them; so is `status`, and a program's name may be cut inside a letter. A mapped file of the name `/SYSVx` makes it
//! panic. Each mapping comes with a hash map of its 25 figures: for 60,000 mappings 1.6 million allocations, where these are part of
//! what is measured, and where two figures are asked for. And it can't count without allocating, as a watch must.

mod by_kind;
mod figures;
mod file;
#[cfg(target_os = "linux")]
mod mappings;
mod open;
#[cfg(target_os = "linux")]
mod own_tcp;
#[cfg(feature = "triage")]
mod stat;
mod tcp;
mod threads;

#[cfg(target_os = "linux")]
pub(crate) use by_kind::is_guard;
pub(crate) use by_kind::{MappedByKind, mapped_by_kind};
#[cfg(any(feature = "debug", feature = "triage"))]
pub(crate) use figures::Rollup;
#[cfg(target_os = "linux")]
pub(crate) use figures::resident_pages;
pub(crate) use figures::{rollup, status_of, thread_count};
#[cfg(target_os = "linux")]
pub(crate) use file::program;
#[cfg(not(target_os = "linux"))]
pub(crate) use file::unsupported;
#[cfg(target_os = "linux")]
pub(crate) use mappings::{InRam, Page, Pages, each_mapping, in_ram, memory};
pub(crate) use open::{counts, descriptors};
#[cfg(target_os = "linux")]
pub(crate) use own_tcp::{Own, own};
#[cfg(feature = "triage")]
pub(crate) use stat::{Stat, stat};
pub use tcp::TcpState;
pub(crate) use tcp::{Row, closed_by, rows};
#[cfg(feature = "debug")]
pub(crate) use threads::start_own;
pub(crate) use threads::{FIRST, thread_id, threads};
#[cfg(target_os = "linux")]
pub(crate) use threads::{Stack, stack_pointers, stacks};
#[cfg(finds_stuck_tasks)]
pub(crate) use threads::{Standing, standing};

use std::fmt;

/// Whose files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Own,
    Of(u32),
}

/// The folder's name in `/proc`.
impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Own => f.write_str("self"),
            Whose::Of(id) => write!(f, "{id}"),
        }
    }
}
