//! The chapter's tests on dhat, which knows none of our rules.

mod witness;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

detectors::test_modules! { witness }
