//! What was allocated under each set of labels, exactly: the sum of what threads were seen to allocate between entering and leaving.

use super::known::SETS;
use crate::allocator::slot::{self, Under};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Of a set that threads have left. A cache line each, since each has threads of its own.
#[repr(align(64))]
struct Total {
    bytes: AtomicU64,
    blocks: AtomicU64,
}

impl Total {
    const fn new() -> Self {
        Total {
            bytes: AtomicU64::new(0),
            blocks: AtomicU64::new(0),
        }
    }
}

static LEFT: [Total; SETS] = [const { Total::new() }; SETS];

/// The highest that was told of each: a counter never goes back.
static TOLD: [Total; SETS] = [const { Total::new() }; SETS];

/// Counts what a thread allocated under a set that it has left.
pub(in crate::allocator) fn count(under: Under) {
    let total = &LEFT[usize::from(under.set)];
    if under.blocks > 0 {
        total.blocks.fetch_add(under.blocks, Release);
        total.bytes.fetch_add(under.bytes, Release);
    }
}

/// Bytes and blocks, by set; nothing of 0, which is no set.
pub(super) fn read() -> [[u64; 2]; SETS] {
    // Before the threads: one that leaves meanwhile is counted late, and never twice, since it has left before it is counted.
    let mut sums = [[0; 2]; SETS];
    for (sum, total) in sums.iter_mut().zip(&LEFT) {
        *sum = [total.bytes.load(Acquire), total.blocks.load(Acquire)];
    }
    slot::each_under(|under| {
        let sum = &mut sums[usize::from(under.set)];
        sum[0] = sum[0].wrapping_add(under.bytes);
        sum[1] = sum[1].wrapping_add(under.blocks);
    });
    for (sum, told) in sums.iter_mut().zip(&TOLD) {
        for (value, told) in sum.iter_mut().zip([&told.bytes, &told.blocks]) {
            *value = told.fetch_max(*value, Relaxed).max(*value);
        }
    }
    sums[0] = [0; 2];
    sums
}
