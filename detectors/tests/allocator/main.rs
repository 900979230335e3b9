//! The profiling allocator, proved. Plain tests that run in parallel, in one process: that is what scopes are for.

mod scopes;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
