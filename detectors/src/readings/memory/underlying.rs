//! The allocator beneath: what it says of itself, and how it is asked to give back.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc;

use std::fmt;
use std::sync::OnceLock;

/// An allocator that tells what it holds, and gives it back when it is asked.
///
/// glibc's is known without a word. A program on another allocator says so once, at its start, by [`set_underlying`]. For jemalloc
/// there is the package `detectors-jemalloc`.
pub trait Underlying: fmt::Debug + Sync {
    /// Its name: `glibc`.
    fn name(&self) -> &'static str;

    /// What it has from the system now; `None` where it can't tell.
    fn figures(&self) -> Option<AllocatorFigures>;

    /// Gives back what its own timers would have given back by now, and returns what was called for that; `None` when it has
    /// no timers.
    fn decay(&self) -> Option<&'static str> {
        None
    }

    /// Gives back all that it can, and returns what was called for that; `None` when it can't be asked.
    fn purge(&self) -> Option<&'static str>;

    /// What makes it run its timers by itself; `None` when it has none.
    fn how_to_run_timers(&self) -> Option<&'static str> {
        None
    }

    /// What makes the system's figure fall as soon as it frees a page.
    fn how_to_free_at_once(&self) -> Option<&'static str> {
        None
    }
}

/// What an allocator has from the system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AllocatorFigures {
    /// All that it has and may be in RAM.
    pub mapped: u64,
    /// The part of it that is in blocks, with what stands around each.
    pub in_use: u64,
    /// The part of it that is its own tables; `None` when it doesn't tell.
    pub metadata: Option<u64>,
    /// The part of it that is free and lies on pages with blocks; `None` when it doesn't tell.
    pub fragmentation: Option<u64>,
}

impl AllocatorFigures {
    /// What it has from the system, and the part of it that is in blocks. The other parts are its fields, where it tells them.
    pub fn new(mapped: u64, in_use: u64) -> Self {
        AllocatorFigures {
            mapped,
            in_use,
            metadata: None,
            fragmentation: None,
        }
    }

    /// The part that holds no block now.
    pub fn free(&self) -> u64 {
        let other = self.in_use + self.metadata.unwrap_or(0);
        self.mapped.saturating_sub(other)
    }
}

/// The C library's own heap, which C code in this program uses, whatever Rust's allocator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::readings) struct CHeap {
    /// All that it has from the system.
    pub(in crate::readings) mapped: u64,
    /// The part of it that is in blocks, with what stands around each.
    pub(in crate::readings) in_use: u64,
    /// Whether the program's own blocks lie in it as well.
    pub(in crate::readings) has_our_blocks: bool,
}

static UNDERLYING: OnceLock<&'static dyn Underlying> = OnceLock::new();

/// Says which allocator this program is on, where it isn't the C library's. The first word counts.
pub fn set_underlying(allocator: &'static dyn Underlying) {
    let _ = UNDERLYING.set(allocator);
}

/// The allocator that the program is on: the one it named, or else glibc's where the program's blocks lie in that. `None` where it
/// isn't known.
pub fn underlying() -> Option<&'static dyn Underlying> {
    let named = UNDERLYING.get().copied();
    named.or_else(c_library)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
use glibc::where_our_blocks_are as c_library;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(in crate::readings) use glibc::heap as c_heap;

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn c_library() -> Option<&'static dyn Underlying> {
    None
}

/// musl counts nothing, and other systems aren't asked.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(in crate::readings) fn c_heap() -> Option<CHeap> {
    None
}
