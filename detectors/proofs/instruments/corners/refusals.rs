//! Requests that no allocator can grant, and a thread that begins with a reallocation.

use detectors::allocator::stats;
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::hint::black_box;

/// More than any machine has; the last is the most that can be asked for, to which the least addition is too much.
const SIZES: [usize; 3] = [1 << 46, 1 << 62, isize::MAX as usize];

pub(crate) fn are_in_no_figure() {
    let held = Layout::new::<[u8; 100]>();
    // SAFETY: its size isn't zero.
    let block = unsafe { alloc(held) };
    assert!(!block.is_null());
    let before = stats();
    for size in SIZES {
        let layout = Layout::from_size_align(size, 1).expect("it can be asked for");
        // SAFETY: no size is zero, and the block is live with that layout: it stays when it can't be moved.
        unsafe {
            assert!(black_box(alloc(layout)).is_null());
            assert!(black_box(alloc_zeroed(layout)).is_null());
            assert!(black_box(realloc(block, held, size)).is_null());
        }
    }
    let mut after = stats();
    // A request that is to be sampled has its stack noted, whatever becomes of it.
    after.instrument_bytes = before.instrument_bytes;
    assert_eq!(after, before);
    // SAFETY: as above.
    unsafe { dealloc(block, held) };
    assert_eq!(before.live_bytes - stats().live_bytes, 100);
}

/// A thread of another language's making: it has no place for its counts yet.
extern "C" fn grow(block: *mut libc::c_void) -> *mut libc::c_void {
    // SAFETY: the block is live with that layout.
    let grown = unsafe { realloc(block.cast(), Layout::new::<[u8; 100]>(), 1_000) };
    black_box(grown).cast()
}

pub(crate) fn first_step_is_a_reallocation() {
    // SAFETY: its size isn't zero.
    let block = unsafe { alloc(Layout::new::<[u8; 100]>()) };
    assert!(!block.is_null());
    let before = stats();
    let mut thread = 0;
    let mut grown = std::ptr::null_mut();
    // SAFETY: the thread is given a live block, and is over before anyone else looks at it.
    unsafe {
        let made = libc::pthread_create(&raw mut thread, std::ptr::null(), grow, block.cast());
        assert_eq!(made, 0);
        assert_eq!(libc::pthread_join(thread, &raw mut grown), 0);
    }
    assert!(!grown.is_null());
    let after = stats();
    assert_eq!(after.live_bytes - before.live_bytes, 900);
    assert_eq!(after.live_blocks, before.live_blocks);
    // SAFETY: the block is live with that layout.
    unsafe { dealloc(grown.cast(), Layout::new::<[u8; 1_000]>()) };
    assert_eq!(before.live_bytes - stats().live_bytes, 100);
}
