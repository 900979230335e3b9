//! glibc's allocator: what it says of itself, on old versions as on new ones.
//!
//! `mallinfo2` counts in whole words and came with glibc 2.33. A program that names it doesn't start on an older system, so it is
//! looked up while the program runs. `mallinfo` has always been there, and counts modulo 4 GiB.

use super::{AllocatorFigures, CHeap, Underlying};
use crate::readings::memory::system;
use std::hint::black_box;
use std::sync::OnceLock;

/// Below this much writable memory no count of `mallinfo` can have wrapped.
const WRAPS_AT: u64 = 1 << 32;

/// glibc's allocator, where the program's blocks lie in it.
pub(super) fn where_our_blocks_are() -> Option<&'static dyn Underlying> {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    ANSWER.get_or_init(has_our_blocks).then_some(&Glibc)
}

/// What glibc's own heap holds, whatever the program's blocks lie in; `None` where its counts may have wrapped. Doesn't allocate once
/// it has been asked.
pub(in crate::readings) fn heap() -> Option<CHeap> {
    let figures = Glibc.figures()?;
    Some(CHeap {
        mapped: figures.mapped,
        in_use: figures.in_use,
        has_our_blocks: where_our_blocks_are().is_some(),
    })
}

/// Some blocks are made, and its own count is looked at. Other threads go on meanwhile, so that it may change by any amount; a library
/// that nobody asks for blocks is the one whose count stands still.
fn has_our_blocks() -> bool {
    const STILL_BYTES: u64 = 1 << 10;
    let stands_still = |size: usize| {
        let before = counted().in_use;
        let block = black_box(Box::<[u8]>::new_uninit_slice(size));
        let change = counted().in_use.abs_diff(before);
        drop(block);
        change < STILL_BYTES
    };
    // Larger than what a thread keeps for itself, which counts as in use.
    let sizes = [8_200, 9_400, 10_600, 11_800, 13_000];
    let still = sizes.map(stands_still);
    still.iter().filter(|still| **still).count() < 3
}

/// What it counts now: whole, or modulo 4 GiB on a glibc before 2.33.
fn counted() -> AllocatorFigures {
    mallinfo2().map_or_else(by_mallinfo, by_mallinfo2)
}

type Mallinfo2 = unsafe extern "C" fn() -> libc::mallinfo2;

fn mallinfo2() -> Option<Mallinfo2> {
    static FOUND: OnceLock<Option<Mallinfo2>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: it looks a name up among the libraries that are loaded.
        let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"mallinfo2".as_ptr()) };
        if address.is_null() {
            return None;
        }
        // SAFETY: what glibc calls by this name is this function, and glibc is never unloaded.
        Some(unsafe { std::mem::transmute::<*mut libc::c_void, Mallinfo2>(address) })
    })
}

fn by_mallinfo2(mallinfo2: Mallinfo2) -> AllocatorFigures {
    // SAFETY: it reads the allocator's own counters, under its own locks, and returns them by value.
    let info = unsafe { mallinfo2() };
    figures(info.arena as u64, info.hblkhd as u64, info.uordblks as u64)
}

fn by_mallinfo() -> AllocatorFigures {
    // SAFETY: as above.
    let info = unsafe { libc::mallinfo() };
    let [arena, mapped, in_use] =
        [info.arena, info.hblkhd, info.uordblks].map(|count| u64::from(count.cast_unsigned()));
    figures(arena, mapped, in_use)
}

/// From bytes in its arenas, in maps of single blocks, and in blocks of its arenas.
fn figures(arena: u64, mapped: u64, in_use: u64) -> AllocatorFigures {
    AllocatorFigures {
        mapped: arena + mapped,
        in_use: in_use + mapped,
        metadata: None,
        fragmentation: None,
    }
}

#[derive(Debug)]
struct Glibc;

impl Underlying for Glibc {
    fn name(&self) -> &'static str {
        "glibc"
    }

    fn figures(&self) -> Option<AllocatorFigures> {
        let is_whole =
            mallinfo2().is_some() || system::writable().is_some_and(|all| all < WRAPS_AT);
        is_whole.then(counted)
    }

    fn purge(&self) -> Option<&'static str> {
        // SAFETY: it takes the allocator's own locks, and moves no block.
        unsafe { libc::malloc_trim(0) };
        Some("malloc_trim(0)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Glibc, Underlying, by_mallinfo, by_mallinfo2, mallinfo2};
    use std::time::{Duration, Instant};

    #[test]
    fn both_ways_to_ask_count_alike() {
        let Some(mallinfo2) = mallinfo2() else {
            assert!(Glibc.figures().is_some(), "a test's memory is small");
            return;
        };
        let _large = vec![1_u8; 3 << 20];
        // Other tests allocate meanwhile, and may be back at the same count after the third look: so they agree once all three do.
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let (before, old, after) = (
                by_mallinfo2(mallinfo2),
                by_mallinfo(),
                by_mallinfo2(mallinfo2),
            );
            if old == before && before == after {
                assert!(old.in_use > 3 << 20 && old.mapped >= old.in_use, "{old:?}");
                return;
            }
            assert!(
                Instant::now() < deadline,
                "mallinfo counts {old:?}, mallinfo2 {before:?} before and {after:?} after: they never agreed"
            );
        }
    }
}
