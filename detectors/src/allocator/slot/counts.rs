//! What slots hold, read by anyone: exact for each thread that isn't allocating at this very moment.

use super::chunks;
use super::{PEAK, RECENT_PEAK, SHARED, Slot};
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::sync::atomic::fence;

/// Blocks and bytes, allocated and freed.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::allocator) struct Counts<T = u64> {
    pub(in crate::allocator) alloc_blocks: T,
    pub(in crate::allocator) alloc_bytes: T,
    pub(in crate::allocator) free_blocks: T,
    pub(in crate::allocator) free_bytes: T,
}

impl Counts {
    pub(in crate::allocator) fn live_bytes(&self) -> i64 {
        self.alloc_bytes.wrapping_sub(self.free_bytes).cast_signed()
    }

    pub(in crate::allocator) fn live_blocks(&self) -> i64 {
        self.alloc_blocks
            .wrapping_sub(self.free_blocks)
            .cast_signed()
    }

    fn plus(self, other: Counts) -> Counts {
        Counts {
            alloc_blocks: self.alloc_blocks.wrapping_add(other.alloc_blocks),
            alloc_bytes: self.alloc_bytes.wrapping_add(other.alloc_bytes),
            free_blocks: self.free_blocks.wrapping_add(other.free_blocks),
            free_bytes: self.free_bytes.wrapping_add(other.free_bytes),
        }
    }
}

impl Slot {
    pub(super) fn counts(&self) -> Counts {
        // Another thread may be about to ask for more than there can be.
        let left = |armed: &AtomicI64, left: &AtomicI64| {
            let used = armed.load(Relaxed).wrapping_sub(left.load(Relaxed));
            used.cast_unsigned()
        };
        Counts {
            alloc_blocks: self.alloc_blocks.load(Relaxed),
            alloc_bytes: self
                .alloc_before
                .load(Relaxed)
                .wrapping_add(left(&self.alloc_armed, &self.alloc_left)),
            free_blocks: self.free_blocks.load(Relaxed),
            free_bytes: self
                .free_before
                .load(Relaxed)
                .wrapping_add(left(&self.free_armed, &self.free_left)),
        }
    }

    /// What is read of a slot that another thread may be writing.
    pub(super) fn seen_by_another<T>(&self, read: impl Fn(&Self) -> T) -> T {
        /// A writer is done in a few instructions. One that a fork cut off in the middle never is: what is there then is off
        /// by at most one quantum.
        const LOOKS_MAX: u32 = 10_000;
        for _ in 0..LOOKS_MAX {
            let version = self.version.load(Acquire);
            if version.is_multiple_of(2) {
                let seen = read(self);
                fence(Acquire);
                if self.version.load(Relaxed) == version {
                    return seen;
                }
            }
            std::hint::spin_loop();
        }
        read(self)
    }
}

/// The sum over all threads, and how many there were at most at a time.
pub(in crate::allocator) fn sum() -> (Counts, usize) {
    let mut sum = Counts {
        alloc_blocks: SHARED.alloc_blocks.load(Relaxed),
        alloc_bytes: SHARED.alloc_bytes.load(Relaxed),
        free_blocks: SHARED.free_blocks.load(Relaxed),
        free_bytes: SHARED.free_bytes.load(Relaxed),
    };
    let mut threads = 0;
    for slots in chunks::used() {
        threads += slots.len();
        for slot in slots {
            sum = sum.plus(slot.seen_by_another(Slot::counts));
        }
    }
    (sum, threads)
}

/// The highest that the threads told, given what is live now.
pub(in crate::allocator) fn peak(live_bytes: i64) -> u64 {
    let peak = PEAK.fetch_max(live_bytes, Relaxed).max(live_bytes);
    u64::try_from(peak).unwrap_or(0)
}

/// The highest that the threads told since this was last asked.
pub(in crate::allocator) fn peak_since_last_asked() -> u64 {
    let mark = RECENT_PEAK.swap(0, Relaxed);
    // After the mark was taken down, so that what stays where it is counts for the next to ask as well.
    let live_bytes = sum().0.live_bytes();
    PEAK.fetch_max(live_bytes, Relaxed);
    RECENT_PEAK.fetch_max(live_bytes, Relaxed);
    u64::try_from(mark.max(live_bytes)).unwrap_or(0)
}
