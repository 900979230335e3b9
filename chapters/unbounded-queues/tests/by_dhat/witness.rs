//! dhat alone, without any of our rules, must agree with the watch.

use detectors::{Kind, Watch};
use unbounded_queues::{fixed, leaky};

const TURNS: usize = 1_600;

/// What stays of so many turns after as many others, for each: bytes and blocks.
fn stays<W: AsyncFnMut()>(workload: impl Future<Output = W>) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let _profiler = dhat::Profiler::builder().testing().build();
    runtime.block_on(async {
        let mut iteration = workload.await;
        let mut run = async || {
            for _ in 0..TURNS {
                iteration().await;
            }
            dhat::HeapStats::get()
        };
        let before = run().await;
        let after = run().await;
        let each = |before: usize, after: usize| (after as f64 - before as f64) / TURNS as f64;
        (
            each(before.curr_bytes, after.curr_bytes),
            each(before.curr_blocks, after.curr_blocks),
        )
    })
}

detectors::tests! {
    fn a_plain_dhat_witness_agrees() {
        let evidence = Watch::new("a queue for whatever comes").run_async(leaky::workload);
        let found = |kind| {
            let of_kind = evidence.findings.iter().filter(|finding| finding.kind == kind);
            of_kind.filter_map(|finding| finding.per_iteration).sum::<f64>()
        };
        let (bytes, blocks) = stays(leaky::workload());
        // The channel's own blocks hold 32 records each, so a turn leaves a part of one.
        assert!((found(Kind::Blocks) - blocks).abs() < 0.05, "{blocks} {evidence:?}");
        assert!((found(Kind::Bytes) - bytes).abs() < 0.02 * bytes, "{bytes} {evidence:?}");
    }

    fn the_witness_sees_nothing_stay_after_the_fix() {
        let (bytes, blocks) = stays(fixed::workload());
        // How many records wait differs by a few from one reading to the next.
        assert!(bytes.abs() < 1.0 && blocks.abs() < 0.01, "{bytes} bytes in {blocks} blocks");
    }
}
