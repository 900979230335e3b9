//! How small a leak a watch could still have seen.

use super::counted::Counted;
use crate::model::judge::Floors;
use crate::model::kind::Kind;

/// Even a leak of one block in every iteration could hide below this resolution: no verdict then.
const COARSE_BLOCKS_PER_ITERATION: f64 = 1.0;
/// The same for growth inside one block: a kilobyte an iteration is a gigabyte in a million requests.
pub(super) const COARSE_BYTES_PER_ITERATION: f64 = 1_024.0;
/// The same for tasks, sockets, descriptors and threads.
const COARSE_COUNTS_PER_ITERATION: f64 = 1.0;
/// Fine enough to stop early: one block in ten iterations, or 16 bytes (the smallest malloc block) in each, would
/// have shown.
const FINE_BLOCKS_PER_ITERATION: f64 = 0.1;
const FINE_BYTES_PER_ITERATION: f64 = 16.0;

pub(super) fn is_coarse(counted: &Counted) -> bool {
    counted.blocks.smallest_visible() > COARSE_BLOCKS_PER_ITERATION
        || counted.bytes.smallest_visible() > COARSE_BYTES_PER_ITERATION
}

/// Whether noise hides too much now, and no longer does in so many windows more, each of which is twice as long.
pub(super) fn is_coarse_for_now(counted: &Counted, windows: u32) -> bool {
    let times = f64::from(1_u32 << windows);
    let others = counted
        .counts
        .iter()
        .map(|(_, floors)| (floors.smallest_visible(), COARSE_COUNTS_PER_ITERATION));
    let heap = [
        (
            counted.blocks.smallest_visible(),
            COARSE_BLOCKS_PER_ITERATION,
        ),
        (counted.bytes.smallest_visible(), COARSE_BYTES_PER_ITERATION),
    ];
    let in_c = (counted.unseen.hidden_in_c(), COARSE_BYTES_PER_ITERATION);
    let all = || others.clone().chain(heap).chain([in_c]);
    all().any(|(hides, limit)| hides > limit) && all().all(|(hides, limit)| hides <= times * limit)
}

pub(super) fn is_fine(counted: &Counted) -> bool {
    let is_fine =
        |(_, floors): &(Kind, Floors)| floors.smallest_visible() <= FINE_BLOCKS_PER_ITERATION;
    counted.counts.iter().all(is_fine)
        && counted.blocks.smallest_visible() <= FINE_BLOCKS_PER_ITERATION
        && counted.bytes.smallest_visible() <= FINE_BYTES_PER_ITERATION
        && counted.unseen.is_fine()
}

/// A kind besides the heap whose noise would hide a leak of one in each iteration.
pub(super) fn coarse_count(counted: &Counted) -> Option<(Kind, &Floors)> {
    let mut all = counted.counts.iter();
    let (kind, floors) =
        all.find(|(_, floors)| floors.smallest_visible() > COARSE_COUNTS_PER_ITERATION)?;
    Some((*kind, floors))
}
