//! The library's word on what grows on the heap is right, by dhat.

mod clean;
mod faults;
mod harness;
mod heap;

#[global_allocator]
static ALLOCATOR: detectors::DhatAllocator = detectors::DhatAllocator;

/// dhat knows its sites only at the end.
const READS_SITES: bool = false;

detectors::test_modules! { heap }
