//! Your exercise's tests. They are ignored here, since the exercise as shipped fails them, as it should;
//! `cargo run -- check foreign-memory` runs them for you and tells what is still wrong.

#[allow(
    dead_code,
    unreachable_pub,
    reason = "written as a service's module; the checker uses what it needs"
)]
#[path = "../src/exercise.rs"]
mod exercise;

#[allow(unreachable_pub, reason = "two test targets share it")]
#[path = "checker.rs"]
mod checker;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

detectors::tests! {
    #[ignore = "your exercise: open chapters/foreign-memory/src/exercise.rs, then `cargo run -- check foreign-memory`"]
    #[deadline(seconds = 30)]
    fn behaviour() {
        checker::behaviour();
    }

    #[ignore = "your exercise: open chapters/foreign-memory/src/exercise.rs, then `cargo run -- check foreign-memory`"]
    #[deadline(seconds = 30)]
    fn memory() {
        checker::memory().assert_steady();
        checker::exactly();
    }
}
