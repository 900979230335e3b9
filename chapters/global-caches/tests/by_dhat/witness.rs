//! dhat alone, without any of our rules, must agree with the watch.

use detectors::{Kind, Watch};
use global_caches::{fixed, leaky};

/// What stays of 1,000 requests after 1,000 others, for each: bytes and blocks.
fn stays(mut iteration: impl FnMut()) -> (f64, f64) {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut run = || {
        (0..1_000).for_each(|_| iteration());
        dhat::HeapStats::get()
    };
    let (before, after) = (run(), run());
    let each = |before: usize, after: usize| (after as f64 - before as f64) / 1_000.0;
    (
        each(before.curr_bytes, after.curr_bytes),
        each(before.curr_blocks, after.curr_blocks),
    )
}

detectors::tests! {
    fn a_plain_dhat_witness_agrees() {
        let evidence = Watch::new("answers for ever").run(leaky::workload);
        let found = |kind| {
            let of_kind = evidence.findings.iter().filter(|finding| finding.kind == kind);
            of_kind.filter_map(|finding| finding.per_iteration).sum::<f64>()
        };
        let (bytes, blocks) = stays(leaky::workload());
        // The map's own table doubles now and then: whole blocks agree, and bytes but for that.
        assert!((found(Kind::Blocks) - blocks).abs() < 0.01, "{blocks} {evidence:?}");
        let share = found(Kind::Bytes) / bytes;
        assert!((0.7..1.5).contains(&share), "{share} {bytes} {evidence:?}");
    }

    fn the_witness_sees_next_to_nothing_stay_after_the_fix() {
        let (bytes, blocks) = stays(fixed::workload());
        assert!(blocks.abs() < 1.0 && bytes.abs() < 100.0, "{bytes} bytes in {blocks} blocks");
    }
}
