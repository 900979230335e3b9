//! Two plain tests of one file, under cargo's own harness, on dhat's allocator, which has one profiler for the whole process: their
//! watches take turns.

use detectors::{Verdict, Watch};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: detectors::DhatAllocator = detectors::DhatAllocator;

#[test]
fn a_repeated_name_is_steady() {
    Watch::new("names")
        .run(|| || drop(black_box("a".repeat(100))))
        .assert_steady();
}

#[test]
fn a_log_leaks() {
    let leak = Watch::new("log").run(|| {
        let mut log = Vec::with_capacity(10_000);
        move || log.push(Box::new(7_u64))
    });
    assert_eq!(leak.verdict, Verdict::Leak, "{}", leak.because);
}
