//! Code that nobody here wrote: the shapes that other people's services have, as they were met in reports of memory growth. The watch
//! fires on the fault and names it, is silent on what looks like it, or says what it can't see.

mod accepted;
mod doubling;
mod full_caches;
mod holders;
mod noisy_caches;
#[path = "../random.rs"]
#[expect(
    dead_code,
    reason = "sizes and alignments are what other proofs ask for"
)]
mod random;
mod steps;
mod unseen;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

detectors::test_modules! { accepted, doubling, full_caches, holders, noisy_caches, steps, unseen }
