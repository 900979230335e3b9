//! The chapter's tests on the profiling allocator.

mod beside;
mod detection;
// With its path, so that the paths inside start in this folder.
#[path = "proof.rs"]
mod proof;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

// The longest test comes first, so that the others run beside it.
detectors::test_modules! { beside, detection, proof }
