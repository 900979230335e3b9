//! Witnesses that know none of our rules: the kernel's list of descriptors, and dhat, must agree with the detectors.

use deferred_cleanup::at_once::{
    HIT_BYTES, PAGE_BYTES, pages_dropped_before_an_await, pages_held_across_an_await,
};
use deferred_cleanup::{fixed, leaky};
use detectors::{Kind, Watch};

fn descriptors() -> usize {
    let folder = std::fs::read_dir("/proc/self/fd").expect("a Linux");
    // One of them is the folder that is being read.
    folder.count() - 1
}

/// Descriptors and live bytes that stay of 100 requests, after 10 others.
fn stays(mut iteration: impl FnMut()) -> (usize, i64) {
    let _profiler = dhat::Profiler::builder().testing().build();
    (0..10).for_each(|_| iteration());
    let before = (descriptors(), dhat::HeapStats::get().curr_bytes);
    (0..100).for_each(|_| iteration());
    let after = (descriptors(), dhat::HeapStats::get().curr_bytes);
    (
        after.0 - before.0,
        after.1.cast_signed() as i64 - before.1.cast_signed() as i64,
    )
}

fn on_a_runtime<F: Future>(call: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(call)
}

fn held(items: std::ops::Range<usize>) -> usize {
    on_a_runtime(pages_held_across_an_await(items))
}
fn dropped(items: std::ops::Range<usize>) -> usize {
    on_a_runtime(pages_dropped_before_an_await(items))
}

detectors::tests! {
    fn the_kernel_and_dhat_agree_on_the_leak() {
        let evidence = Watch::new("close at shutdown").warm_up(8).run(leaky::workload);
        let of_kind = evidence.findings.iter().filter(|finding| finding.kind == Kind::Descriptors);
        let found: f64 = of_kind.filter_map(|finding| finding.per_iteration).sum();
        let (descriptors, bytes) = stays(leaky::workload());
        assert_eq!((descriptors, bytes), (100, 0));
        assert!((found - 1.0).abs() < 0.05, "{found} descriptors an iteration");
    }

    fn they_see_nothing_stay_after_the_fix() {
        assert_eq!(stays(fixed::workload()), (0, 0));
    }

    /// dhat's own peak: with 64 pages held, and with none.
    fn dhat_sees_the_pages_pile_up() {
        let peak = |call: fn(std::ops::Range<usize>) -> usize| {
            let _profiler = dhat::Profiler::builder().testing().build();
            assert_eq!(call(0..64), 64 * PAGE_BYTES / HIT_BYTES);
            dhat::HeapStats::get().max_bytes
        };
        let (held, dropped) = (peak(held), peak(dropped));
        assert!(held >= 64 * PAGE_BYTES, "{held}");
        assert!(dropped < held / 4, "{dropped} of {held}");
    }
}
