//! What happens when a table is full.

use super::checking::Checking;
use detectors::ProfilingAllocator;
use detectors::allocator::{estimates, reseed_sampling, set_sampling_interval, stats};
use std::alloc::{GlobalAlloc, Layout};
use std::sync::Mutex;

static SUBJECT: ProfilingAllocator<Checking> = ProfilingAllocator::new(Checking);

/// A sample without a place counts as allocated and gone, is told, and its block has the layout that was asked for.
pub(crate) fn more_samples_than_there_is_room_for() {
    const BLOCKS: usize = 80_000;
    const BYTES: usize = 16;
    Checking::take_from(untouched(BLOCKS * 3 * 4_096));
    set_sampling_interval(Some(1));
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

/// Sampled blocks that begin while a request is on its way to be refused: twice what the table has room for.
const MEANWHILE: usize = 2 << 16;
const MEANWHILE_EACH: Layout = Layout::new::<[u64; 2]>();

static BEGUN_MEANWHILE: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// The bug: to move a sampled block, its sample was taken from the table, and put in anew when the move was refused. Other threads
/// had filled the table meanwhile: so the block was no longer known as sampled, and its free gave the inner allocator a layout
/// that it hadn't come with.
pub(crate) fn a_move_that_is_refused_while_the_table_fills() {
    Checking::take_from(untouched((2 * MEANWHILE + 64) * 4_096));
    set_sampling_interval(Some(1));
    reseed_sampling(1);
    // A page of its own; and where the inner allocator put it.
    for (bytes, more) in [(16, 64 << 10), (64 << 10, 128 << 10)] {
        let layout = Layout::from_size_align(bytes, 8).expect("it is small enough");
        // SAFETY: not zero bytes. Nothing is written to them.
        let block = unsafe { SUBJECT.alloc(layout) };
        assert!(!block.is_null());
        Checking::refuse_after(|| {
            let filling = std::thread::spawn(fill_the_table);
            filling.join().expect("it doesn't panic");
        });
        let lost = stats().lost.samples;
        // SAFETY: it is live with this layout, and stays when it can't be moved.
        assert!(unsafe { SUBJECT.realloc(block, layout, more) }.is_null());
        assert!(stats().lost.samples > lost, "the table has filled");
        empty_the_table();
        let known = objects(2);
        // SAFETY: it is live with this layout.
        unsafe { SUBJECT.dealloc(block, layout) };
        assert_eq!((known, objects(2)), (1, 0), "{bytes} bytes");
        assert_eq!(Checking::live(), 0);
    }
}

fn fill_the_table() {
    let mut begun = BEGUN_MEANWHILE.lock().expect("nobody panics with it");
    for _ in 0..MEANWHILE {
        // SAFETY: not zero bytes. Nothing is written to them.
        let block = unsafe { SUBJECT.alloc(MEANWHILE_EACH) };
        begun.push(block.expose_provenance());
    }
}

fn empty_the_table() {
    let mut begun = BEGUN_MEANWHILE.lock().expect("nobody panics with it");
    for block in begun.drain(..) {
        let block = std::ptr::with_exposed_provenance_mut(block);
        // SAFETY: it is live with this layout.
        unsafe { SUBJECT.dealloc(block, MEANWHILE_EACH) };
    }
}

/// One of the four figures, of all sites. At a rate of 1 a block stands for itself, but for one part in ten million.
fn objects(of: usize) -> u64 {
    let sum: f64 = estimates().iter().map(|at| at.values[of]).sum();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count"
    )]
    let whole = sum.round() as u64;
    whole
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
