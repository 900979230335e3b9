//! Each instrument by itself, each test in a process of its own on the profiling allocator: what it counts is exact, what it says is
//! in words, and what it can't see is told.

mod complaints;
mod contention;
mod corners;
mod debug;
mod evidence;
#[expect(clippy::unwrap_used, reason = "tests")]
#[path = "../support/go_pprof.rs"]
mod go_pprof;
mod holders;
mod labels;
mod memory;
mod older;
mod own_memory;
mod process;
#[path = "../random.rs"]
#[expect(
    dead_code,
    reason = "sizes and alignments are what other proofs ask for"
)]
mod random;
mod retention;
mod sampled_profile;
mod tasks;
mod together;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

detectors::test_modules! {
    complaints, contention, corners, debug, evidence, holders, labels, memory, older, own_memory, process, retention,
    sampled_profile, tasks, together,
}
