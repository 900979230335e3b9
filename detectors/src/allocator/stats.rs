//! What the process has allocated and freed, exactly.

use super::sampling::SAMPLES;
use super::stacks::sites::SITES;
use super::{labels, own_memory, owners, slot};

/// What the process has allocated and freed since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes that are live: allocated and not freed. Exact for every thread that isn't allocating at this very moment.
    pub live_bytes: u64,
    /// Blocks that are live.
    pub live_blocks: u64,
    /// Bytes allocated so far, freed or not. A reallocation counts as a free of the old size and an allocation of the new.
    pub total_bytes: u64,
    /// Blocks allocated so far.
    pub total_blocks: u64,
    /// The most bytes that were live at once, to within [`peak_within_bytes`](Stats::peak_within_bytes).
    pub peak_bytes: u64,
    /// How far the peak may be off: 32 KiB for each thread, since threads don't tell of every block. A scope's peak is exact.
    pub peak_within_bytes: u64,
    /// Bytes that the instruments themselves hold. They come from the system's allocator and are in no other figure; of
    /// large tables the kernel backs only what was touched.
    pub instrument_bytes: u64,
    /// What found no room in a table.
    pub lost: Lost,
}

/// What found no room, since the process began. All zero, unless something is far out of the ordinary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// Allocations whose stack was a new one when there were 49,152 already: they are counted, and in no profile.
    pub stacks: u64,
    /// Samples without a place in the table of live ones: they are in a profile's `alloc` types, and not in its `inuse` types.
    pub samples: u64,
    /// Blocks that a scope couldn't note: they are in the process' figures, and not in the scope's.
    pub noted_blocks: u64,
    /// Labels, and combinations of labels, that came when there were as many as there may be: they are under the value `other`. Each
    /// time that such a label is made counts.
    pub labels: u64,
}

/// What the process has allocated and freed, by [`ProfilingAllocator`](super::ProfilingAllocator)'s count. All zero where that isn't its allocator.
///
/// Doesn't allocate. Takes some nanoseconds for each thread that there ever was at a time.
pub fn stats() -> Stats {
    let (counts, threads) = slot::sum();
    let positive = |value: i64| u64::try_from(value).unwrap_or(0);
    Stats {
        live_bytes: positive(counts.live_bytes()),
        live_blocks: positive(counts.live_blocks()),
        total_bytes: counts.alloc_bytes,
        total_blocks: counts.alloc_blocks,
        peak_bytes: slot::peak(counts.live_bytes()),
        peak_within_bytes: threads as u64 * slot::QUANTUM_BYTES.cast_unsigned(),
        instrument_bytes: own_memory::held(),
        lost: Lost {
            stacks: SITES.lost(),
            samples: SAMPLES.lost(),
            noted_blocks: owners::lost(),
            labels: labels::lost(),
        },
    }
}
