//! dhat and the runtime's own count, without any of our rules, must agree with the watch.

use detectors::{Kind, Watch};
use orphaned_tasks::{fixed, leaky};

const REQUESTS: usize = 200;

/// Tasks, live blocks and live bytes that stay of so many requests after 50 others, for each.
fn stays<W: AsyncFnMut()>(workload: impl Future<Output = W>) -> [f64; 3] {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let _profiler = dhat::Profiler::builder().testing().build();
    runtime.block_on(async {
        let mut iteration = workload.await;
        let handle = tokio::runtime::Handle::current();
        let mut run = async |requests: usize| {
            for _ in 0..requests {
                iteration().await;
            }
            // Aborted tasks are gone when the runtime comes to them.
            tokio::task::yield_now().await;
            let heap = dhat::HeapStats::get();
            [
                handle.metrics().num_alive_tasks(),
                heap.curr_blocks,
                heap.curr_bytes,
            ]
        };
        let (before, after) = (run(50).await, run(REQUESTS).await);
        [0, 1, 2].map(|kind| (after[kind] as f64 - before[kind] as f64) / REQUESTS as f64)
    })
}

detectors::tests! {
    fn the_runtime_and_dhat_agree_with_the_watch_to_the_byte() {
        let evidence = Watch::new("watchers that are let go").warm_up(8).run_async(leaky::workload);
        let found = [Kind::Tasks, Kind::Blocks, Kind::Bytes].map(|kind| {
            let of_kind = evidence.findings.iter().filter(|finding| finding.kind == kind);
            of_kind.filter_map(|finding| finding.per_iteration).sum::<f64>()
        });
        let witnessed = stays(leaky::workload());
        assert_eq!(format!("{found:?}"), format!("{witnessed:?}"));
        let [tasks, blocks, _] = witnessed;
        assert_eq!(format!("{tasks} {blocks}"), "1 4");
    }

    fn they_see_nothing_stay_after_the_fix() {
        assert_eq!(format!("{:?}", stays(fixed::workload())), "[0.0, 0.0, 0.0]");
    }
}
