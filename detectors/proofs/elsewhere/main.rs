//! What code that nobody here wrote looks like: the watch is right about it, or says what it can't see.

mod holders;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

detectors::test_modules! { holders }
