//! Which labels a thread is under, and what it has allocated since it came there. Nothing of this is on the path of a block.

use super::{Slot, chunks, move_on, own, this_thread};
use crate::allocator::labels;
use std::sync::atomic::Ordering::Relaxed;

/// What a thread allocated under a set of labels.
#[derive(Debug, Clone, Copy)]
pub(in crate::allocator) struct Under {
    /// The set's number; 0 for none.
    pub(in crate::allocator) set: u8,
    pub(in crate::allocator) bytes: u64,
    pub(in crate::allocator) blocks: u64,
}

/// The number of the set that this thread is under.
pub(in crate::allocator) fn labels() -> u8 {
    this_thread::get().labels.load(Relaxed)
}

/// Puts this thread under another set, and gives the one that it was under. `None` when the thread can't have a slot.
pub(in crate::allocator) fn enter_labels(set: u8) -> Option<u8> {
    let slot = own(None)?;
    let before = slot.labels.load(Relaxed);
    if before != set {
        change(slot, set);
    }
    Some(before)
}

/// Ends what the slot's thread is under.
pub(super) fn leave(slot: &Slot) {
    if slot.labels.load(Relaxed) != 0 {
        change(slot, 0);
    }
}

fn change(slot: &Slot, set: u8) {
    let under = slot.under();
    let now = slot.counts();
    move_on(slot, || {
        slot.labels.store(set, Relaxed);
        slot.bytes_before_labels.store(now.alloc_bytes, Relaxed);
        slot.blocks_before_labels.store(now.alloc_blocks, Relaxed);
    });
    if under.set != 0 {
        // Only now: see `totals::read`.
        labels::count(under);
    }
}

/// What threads have allocated so far under the sets that they are under now.
pub(in crate::allocator) fn each_under(mut visit: impl FnMut(Under)) {
    for slot in chunks::used().flatten() {
        visit(slot.seen_by_another(Slot::under));
    }
}

impl Slot {
    fn under(&self) -> Under {
        let counts = self.counts();
        let since = |now: u64, before: u64| {
            // What was refused is taken back, and may have been counted before.
            u64::try_from(now.wrapping_sub(before).cast_signed()).unwrap_or(0)
        };
        Under {
            set: self.labels.load(Relaxed),
            bytes: since(counts.alloc_bytes, self.bytes_before_labels.load(Relaxed)),
            blocks: since(counts.alloc_blocks, self.blocks_before_labels.load(Relaxed)),
        }
    }
}
