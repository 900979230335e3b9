//! Your tests on each variant of the service. `cargo run -- check your-own-test` reads what comes of it.

#![expect(
    clippy::duplicate_mod,
    reason = "the same tests on each variant are the point"
)]

include!("on.rs");

on_each!("../src/exercise.rs");

use as_handed_out::tests as on_as_handed_out;
use mended::tests as on_mended;
use receipts_stay::tests as on_receipts_stay;
use rewritten::tests as on_rewritten;
use topics_stay::tests as on_topics_stay;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

detectors::test_modules! { on_as_handed_out, on_topics_stay, on_receipts_stay, on_mended, on_rewritten }
