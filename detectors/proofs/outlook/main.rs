//! What becomes of alive tasks: which can never wake is found, and nothing that can is ever accused. Each test in a process of its own.

mod beside_go;
mod cases;
mod model;
#[path = "../random.rs"]
#[expect(
    dead_code,
    reason = "sizes and alignments are what other proofs ask for"
)]
mod random;
mod service;
mod world;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

detectors::test_modules! { beside_go, cases, model, service }
