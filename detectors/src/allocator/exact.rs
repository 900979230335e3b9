//! The switch between the fast path and the one that notes each block.
//!
//! It goes one way. A block that was noted must be forgotten when it is freed, by whichever thread, and that thread's fast
//! path would not look. Switching back would need to know that no noted block lives and none is being noted; a process that
//! has had a scope is a test's, and pays some nanoseconds for that knowledge instead.
//!
//! A block is *marked*, which means that the slow path must see its free, when its address has none of some bits: at first
//! the bits within a page, so that blocks that begin one are marked; once this is on, no bits, so that all are.

use super::{sampling, slot};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

static IS_ON: AtomicBool = AtomicBool::new(false);
static EVERY_BLOCK_IS_MARKED: AtomicBool = AtomicBool::new(false);

#[inline]
pub(super) fn is_on() -> bool {
    IS_ON.load(Relaxed)
}

/// After this, whatever a thread allocates or frees is seen, if it learns of this in any ordered way.
pub(super) fn switch_on() {
    // Each caller does all of it: none returns while another is still at it.
    if !EVERY_BLOCK_IS_MARKED.load(Acquire) {
        IS_ON.store(true, SeqCst);
        sampling::SAMPLES.hold_all();
        slot::mark_every_block();
        EVERY_BLOCK_IS_MARKED.store(true, Release);
    }
}
