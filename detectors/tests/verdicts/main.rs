//! The library's word is right, by the profiling allocator: it fires on the fault, names the site, and is silent on the fixed twin and
//! on look-alikes; for what grows on the heap, and for tasks, threads, descriptors and sockets.
//!
//! `DETECTORS_REPETITIONS=1000 DETECTORS_DEADLINE=14400 cargo test -p detectors --test verdicts` repeats the heap's proofs;
//! 1 unless told otherwise. What else is proved of the library is in `detectors/proofs`.

mod clean;
mod faults;
mod findings;
mod harness;
mod heap;
mod watch;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

/// The allocator tells what each site holds while the workload runs, so noise elsewhere hides nothing.
const READS_SITES: bool = true;

detectors::test_modules! { findings, heap, watch }
