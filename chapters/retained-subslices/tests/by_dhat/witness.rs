//! dhat alone, without any of our rules, must agree with the watch to the byte.

use detectors::{Kind, Watch};
use retained_subslices::leaky;

detectors::tests! {
    /// dhat alone, without any of our rules: what stays after 100 pages more.
    fn a_plain_dhat_witness_agrees_to_the_byte() {
        let evidence = Watch::new("remember ids as slices").run(leaky::workload);
        let found = |kind| {
            let of_kind = evidence.findings.iter().filter(|finding| finding.kind == kind);
            of_kind.filter_map(|finding| finding.per_iteration).sum::<f64>()
        };

        let _profiler = dhat::Profiler::builder().testing().build();
        let mut iteration = leaky::workload();
        let mut run = |pages: usize| {
            for _ in 0..pages {
                iteration();
            }
            dhat::HeapStats::get()
        };
        let before = run(50);
        let after = run(100);
        let bytes = (after.curr_bytes - before.curr_bytes) as f64 / 100.0;
        let blocks = (after.curr_blocks - before.curr_blocks) as f64 / 100.0;
        dhat::assert_eq!((found(Kind::Bytes), found(Kind::Blocks)), (bytes, blocks));
    }
}
