//! What happens when a table is full.

use crate::checking::Checking;
use detectors::ProfilingAllocator;
use detectors::allocator::{estimates, reseed_sampling, set_sampling_rate, stats};
use std::alloc::{GlobalAlloc, Layout};

static SUBJECT: ProfilingAllocator<Checking> = ProfilingAllocator::new(Checking);

/// A sample without a place counts as allocated and gone, is told, and its block has the layout that was asked for.
pub(crate) fn more_samples_than_there_is_room_for() {
    const BLOCKS: usize = 80_000;
    const BYTES: usize = 16;
    Checking::take_from(untouched(BLOCKS * 3 * 4_096));
    set_sampling_rate(Some(1));
    reseed_sampling(1);
    let layout = Layout::from_size_align(BYTES, 8).expect("it is small enough");
    // SAFETY: not zero bytes. Nothing is written to them.
    let blocks: Vec<*mut u8> = (0..BLOCKS)
        .map(|_| unsafe { SUBJECT.alloc(layout) })
        .collect();
    assert!(blocks.iter().all(|block| !block.is_null()));
    let full = stats();
    assert_eq!(full.live_blocks, BLOCKS as u64);
    assert!(full.lost.samples >= (BLOCKS - (1 << 16)) as u64, "{full:?}");
    // At this rate a block of 16 bytes stands for itself, but for one part in ten million.
    let objects = |of: usize| -> u64 {
        let sum: f64 = estimates().iter().map(|at| at.values[of]).sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count"
        )]
        let whole = sum.round() as u64;
        whole
    };
    assert_eq!(objects(0), BLOCKS as u64);
    assert_eq!(objects(2), BLOCKS as u64 - full.lost.samples);
    for block in blocks {
        // SAFETY: it is live with this layout.
        unsafe { SUBJECT.dealloc(block, layout) };
    }
    assert_eq!((objects(0), objects(2)), (BLOCKS as u64, 0));
    assert_eq!((stats().live_blocks, stats().live_bytes), (0, 0));
    assert_eq!(Checking::live(), 0);
}

/// Addresses that the kernel backs with nothing until they are written to.
fn untouched(bytes: usize) -> &'static [u8] {
    // SAFETY: a fresh mapping, which nobody unmaps; all of it is zero.
    unsafe {
        let start = libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        assert_ne!(start, libc::MAP_FAILED);
        std::slice::from_raw_parts(start.cast(), bytes)
    }
}
