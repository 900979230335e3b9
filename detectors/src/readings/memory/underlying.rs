//! The allocator beneath: what it says of itself, and how it is asked to give back.

use std::fmt;
use std::hint::black_box;
use std::sync::OnceLock;

/// An allocator that tells what it holds, and gives it back when it is asked.
///
/// glibc's is known without a word. A program on another allocator says so once, at its start, by [`set_underlying`]. For jemalloc
/// there is the package `detectors-jemalloc`.
pub trait Underlying: fmt::Debug + Sync {
    /// Its name: `glibc`.
    fn name(&self) -> &'static str;

    /// What it has from the system now.
    fn holdings(&self) -> Option<Holdings>;

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
pub struct Holdings {
    /// All that it has and may be in RAM.
    pub mapped: u64,
    /// The part of it that is in blocks, with what stands around each.
    pub in_use: u64,
    /// The part of it that is its own tables; `None` when it doesn't tell.
    pub metadata: Option<u64>,
    /// The part of it that is free and lies on pages with blocks; `None` when it doesn't tell.
    pub fragmentation: Option<u64>,
}

impl Holdings {
    /// The part that holds no block now.
    pub fn free(&self) -> u64 {
        let other = self.in_use + self.metadata.unwrap_or(0);
        self.mapped.saturating_sub(other)
    }
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
    named.or_else(|| C_LIBRARY.filter(|library| has_our_blocks(*library)))
}

/// Whether the program's blocks lie in the C library's memory: some are made, and its own count is looked at. Other threads go on
/// meanwhile, so that it may change by any amount; a library that nobody asks for blocks is the one whose count stands still.
fn has_our_blocks(library: &dyn Underlying) -> bool {
    const STILL_BYTES: u64 = 1 << 10;
    static ANSWER: OnceLock<bool> = OnceLock::new();
    let stands_still = |size: usize| {
        let in_use = || library.holdings().map_or(0, |holdings| holdings.in_use);
        let before = in_use();
        let block = black_box(Box::<[u8]>::new_uninit_slice(size));
        let change = in_use().abs_diff(before);
        drop(block);
        change < STILL_BYTES
    };
    // Larger than what a thread keeps for itself, which counts as in use.
    let sizes = [8_200, 9_400, 10_600, 11_800, 13_000];
    *ANSWER.get_or_init(|| {
        sizes
            .map(stands_still)
            .iter()
            .filter(|still| **still)
            .count()
            < 3
    })
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const C_LIBRARY: Option<&'static dyn Underlying> = None;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
const C_LIBRARY: Option<&'static dyn Underlying> = Some(&Glibc);

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[derive(Debug)]
struct Glibc;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
impl Underlying for Glibc {
    fn name(&self) -> &'static str {
        "glibc"
    }

    fn holdings(&self) -> Option<Holdings> {
        // SAFETY: it reads the allocator's own counters, under its own locks, and returns them by value.
        let info = unsafe { libc::mallinfo2() };
        let bytes = |size: usize| size as u64;
        Some(Holdings {
            mapped: bytes(info.arena) + bytes(info.hblkhd),
            in_use: bytes(info.uordblks) + bytes(info.hblkhd),
            metadata: None,
            fragmentation: None,
        })
    }

    fn purge(&self) -> Option<&'static str> {
        // SAFETY: it takes the allocator's own locks, and moves no block.
        unsafe { libc::malloc_trim(0) };
        Some("malloc_trim(0)")
    }
}
