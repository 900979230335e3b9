//! Memory of the process that no Rust allocator sees: what C code has on the C library's heap, and what is mapped beside all heaps.
//!
//! | figure | is | by |
//! |---|---|---|
//! | in C | blocks of the C library's heap, less those that Rust asked for and these instruments | `mallinfo2`; exact but for what stands around blocks |
//! | mapped | addresses, less the C library's heap, stacks and these instruments | the kernel's list of mappings; exact |
//! | beside the heaps | resident memory without a file, less all that allocators have | the kernel's sums; a page at a time |
//!
//! The last one tells *that* something grows and not *what*: it can make a verdict doubtful, and never accuses.

use crate::allocator;
use crate::model::reading::HeapReading;
use crate::readings::kernel::{self, MappedByKind, Whose};
use crate::readings::memory::{self, CHeap};
use std::time::{Duration, Instant};

/// What stands around a block of glibc's at most: a block of one byte takes 32.
const AROUND_A_BLOCK: u64 = 32;
/// A block that is mapped by itself is rounded up to pages; it has 128 KiB or more.
const ROUNDED_UP_PART: u64 = 32;
/// glibc leaves the end of a free piece with the block that is cut from it where it is too small for a block of its own.
const ROOM_DIFFERS: u64 = 16;
/// What dhat notes of each live block, in a table that doubles.
const NOTED_BY_DHAT: u64 = 256;

/// What glibc has on its heap for each thread: the table of what it keeps of freed blocks.
const OF_A_THREAD: u64 = 656;
/// For each stack: where the thread's variables are, of the program and of each library. It stays with the stack of a thread that has
/// ended, which is kept for the next one.
const OF_A_STACK: u64 = 288;
/// At the beginning of each of its heaps for threads, of which there are at most eight for each core.
const OF_AN_ARENA: u64 = 2_112;

/// For so long a reading is tried again while other threads come and go between its two halves.
const TRIES_TIME: Duration = Duration::from_micros(300);

/// What no Rust allocator sees at one moment, in bytes. What can't be read here is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Unseen {
    /// On the C library's heap.
    pub(crate) in_c: Option<i64>,
    pub(crate) mapped: Option<MappedByKind>,
    /// Anonymous memory in RAM that is beside all heaps.
    pub(crate) beside: Option<i64>,
    /// By how much what C has may seem to move when it doesn't: a block of Rust's that is made anew may take a little more or less room.
    pub(crate) slack: i64,
    /// Whether what C has and what Rust has are of one moment. Where other threads come and go meanwhile, one of their blocks may stand
    /// for C's, or the other way round.
    pub(crate) is_of_one_moment: bool,
    /// Whether Rust's blocks lie on the C library's heap: then what is mapped beside that is no allocator's.
    pub(crate) is_one_heap: bool,
}

/// Whose blocks are told apart from C's: the program's, by whoever counts them.
#[derive(Debug, Clone, Copy, Default)]
struct Live {
    bytes: u64,
    /// What may stand around them, at most.
    around: u64,
    /// Changes whenever a block comes.
    total: u64,
}

impl Live {
    /// By a `ProfilingAllocator`, which counts the whole process; else by what the heap source says.
    fn now(source: &dyn Fn() -> HeapReading) -> Self {
        let is_counted = allocator::is_in_use();
        let (bytes, blocks, total, noted) = if is_counted {
            let stats = allocator::stats();
            (stats.live_bytes, stats.live_blocks, stats.total_blocks, 0)
        } else {
            let reading = source();
            (
                reading.bytes,
                reading.blocks,
                reading.total_blocks,
                NOTED_BY_DHAT,
            )
        };
        Live {
            bytes,
            around: (AROUND_A_BLOCK + noted) * blocks + bytes / ROUNDED_UP_PART,
            total,
        }
    }
}

/// Reads it. The first call may allocate, later ones don't.
pub(crate) fn now(source: &dyn Fn() -> HeapReading) -> Unseen {
    let (mapped_for_instruments, in_c_for_instruments) = allocator::mapped_and_in_c();
    let (heap, live, is_of_one_moment) = heap_and_live(source);
    let threads = kernel::thread_count(Whose::Own).ok().flatten();
    let mapped = kernel::mapped_by_kind(Whose::Own).ok().map(|mut mapped| {
        let others = heap.map_or(0, |heap| heap.mapped) + mapped_for_instruments;
        mapped.anonymous.bytes = mapped.anonymous.bytes.saturating_sub(others);
        mapped
    });
    let of_threads = of_threads(threads.unwrap_or_default(), mapped.unwrap_or_default());
    let in_c = heap.map(|heap| {
        let of_rust = if heap.has_our_blocks {
            live.bytes + live.around
        } else {
            0
        };
        signed(heap.in_use) - signed(of_rust + of_threads) - signed(in_c_for_instruments)
    });
    Unseen {
        in_c,
        mapped,
        beside: beside(heap, live),
        slack: signed(ROOM_DIFFERS * source().blocks),
        is_of_one_moment,
        is_one_heap: heap.is_some_and(|heap| heap.has_our_blocks),
    }
}

/// What the C library's heap has for threads: they are told by themselves.
fn of_threads(threads: u64, mapped: MappedByKind) -> u64 {
    OF_A_THREAD * threads + OF_A_STACK * mapped.stacks + OF_AN_ARENA * mapped.arenas
}

/// The C library's heap and what is live; and whether at one moment, as far as the other threads let us.
fn heap_and_live(source: &dyn Fn() -> HeapReading) -> (Option<CHeap>, Live, bool) {
    let started = Instant::now();
    let mut before = Live::now(source);
    loop {
        let heap = memory::c_heap();
        let after = Live::now(source);
        let is_one_moment = before.total == after.total && before.bytes == after.bytes;
        if is_one_moment || started.elapsed() > TRIES_TIME {
            // Of a program that is too busy for it, the larger count of live memory accuses C of less.
            let live = if after.bytes > before.bytes {
                after
            } else {
                before
            };
            return (heap, live, is_one_moment);
        }
        before = after;
    }
}

/// Anonymous memory in RAM that no allocator has.
fn beside(heap: Option<CHeap>, live: Live) -> Option<i64> {
    let rollup = kernel::rollup(Whose::Own).ok()?;
    let others = match heap {
        Some(heap) if heap.has_our_blocks => 0,
        // What an allocator that isn't known holds, beyond what is live, is taken for another's: so this never accuses.
        _ => memory::underlying()
            .and_then(memory::Underlying::figures)
            .map_or(live.bytes, |figures| figures.mapped),
    };
    let known = [
        rollup.lazily_freed,
        memory::own_tables_resident(),
        heap.map_or(0, |heap| heap.mapped),
        others,
    ];
    Some(signed(rollup.anonymous) - signed(known.into_iter().sum()))
}

fn signed(bytes: u64) -> i64 {
    bytes.cast_signed()
}
