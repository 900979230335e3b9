//! Wipes what calls that have returned left on a stack: it is full of pointers to blocks, and whoever looks for who holds one finds them.

use super::of_this_thread;
use std::hint::black_box;

const PAGE_BYTES: usize = 4 << 10;

/// So much is wiped at most; half of what a stack has left, where it is small.
const PAGES_MAX: usize = 64;

/// Wipes this thread's stack below the calling function.
#[inline(never)]
pub(crate) fn wipe_below() {
    let here = 0_usize;
    let here = (&raw const here).addr();
    let left = of_this_thread().map_or(0, |stack| here.saturating_sub(stack.start));
    wipe((left / 2 / PAGE_BYTES).min(PAGES_MAX));
}

#[inline(never)]
fn wipe(pages: usize) {
    let mut page = [0_u8; PAGE_BYTES];
    black_box(&mut page);
    if pages > 1 {
        wipe(pages - 1);
    }
    // Used after the call as well, so that each call has a page of its own.
    black_box(&mut page);
}
