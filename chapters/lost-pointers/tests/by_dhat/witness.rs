//! dhat alone, without any of our rules, must agree with the watch to the byte.

use detectors::{Kind, Watch};
use lost_pointers::{fixed, leaky};

/// What stays of 100 requests, after 100 others: bytes and blocks for each.
fn stays(mut iteration: impl FnMut()) -> (f64, f64) {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut run = |requests: usize| {
        (0..requests).for_each(|_| iteration());
        dhat::HeapStats::get()
    };
    let before = run(100);
    let after = run(100);
    let each = |before: usize, after: usize| (after as f64 - before as f64) / 100.0;
    (
        each(before.curr_bytes, after.curr_bytes),
        each(before.curr_blocks, after.curr_blocks),
    )
}

detectors::tests! {
    fn a_plain_dhat_witness_agrees_to_the_byte() {
        let evidence = Watch::new("span names that live for ever").run(leaky::workload);
        let found = |kind| {
            let of_kind = evidence.findings.iter().filter(|finding| finding.kind == kind);
            of_kind.filter_map(|finding| finding.per_iteration).sum::<f64>()
        };
        let witnessed = stays(leaky::workload());
        assert_eq!((found(Kind::Bytes), found(Kind::Blocks)), witnessed);
        assert!((witnessed.1 - 1.0).abs() < f64::EPSILON);
    }

    fn the_witness_sees_nothing_stay_after_the_fix() {
        assert_eq!(stays(fixed::workload()), (0.0, 0.0));
    }
}
