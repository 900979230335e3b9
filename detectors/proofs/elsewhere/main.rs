//! Code that nobody here wrote: the shapes that other people's services have, as they were met in reports of memory growth. Each fires
//! on the fault and names it, and is silent on what looks like it.

mod accepted;
mod doubling;
mod full_caches;
mod unseen;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

detectors::test_modules! { accepted, doubling, full_caches, unseen }
