//! Threads come and go.

use detectors::ProfilingAllocator;
use detectors::allocator::stats;
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::sync::Barrier;

static SUBJECT: ProfilingAllocator = ProfilingAllocator::system();

/// Each allocates its own amount and frees its neighbour's. The counts of threads that have ended stay exact, and their places
/// are used again.
pub(crate) fn five_hundred() {
    const THREADS: usize = 500;
    const BLOCKS: usize = 40;
    let mut within_after_first = None;
    for round in 1..=3 {
        let barrier = Barrier::new(THREADS);
        let places: Vec<std::sync::Mutex<Vec<(usize, Layout)>>> =
            (0..THREADS).map(|_| std::sync::Mutex::default()).collect();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let (barrier, places) = (&barrier, &places);
                    scope.spawn(move || {
                        let layout = Layout::array::<u8>(number + 1).expect("small enough");
                        let blocks = (0..BLOCKS).map(|_| {
                            // SAFETY: not zero bytes.
                            let block = unsafe { SUBJECT.alloc(layout) };
                            (black_box(block).expose_provenance(), layout)
                        });
                        *places[number].lock().expect("no thread panics") = blocks.collect();
                        barrier.wait();
                        let next = &places[(number + 1) % THREADS];
                        for (block, layout) in next.lock().expect("no thread panics").drain(..) {
                            let block = std::ptr::with_exposed_provenance_mut(block);
                            // SAFETY: allocated above with this layout, and taken once.
                            unsafe { SUBJECT.dealloc(block, layout) };
                        }
                    })
                })
                .collect();
            // Joined, so that their thread-local variables are gone as well.
            for thread in threads {
                thread.join().expect("it doesn't panic");
            }
        });
        let now = stats();
        assert_eq!((now.live_blocks, now.live_bytes), (0, 0));
        let sum: usize = (1..=THREADS).sum();
        assert_eq!(now.total_blocks, (round * THREADS * BLOCKS) as u64);
        assert_eq!(now.total_bytes, (round * sum * BLOCKS) as u64);
        // It says for how many threads there are places.
        let within = *within_after_first.get_or_insert(now.peak_within_bytes);
        assert_eq!(now.peak_within_bytes, within, "places are used again");
    }
}
