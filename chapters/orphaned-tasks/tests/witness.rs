//! dhat and the runtime's own count, without any of our rules, must agree with the watch.

use detectors::{Kind, Watch};
use orphaned_tasks::{fixed, leaky};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const REQUESTS: usize = 200;

/// Tasks and live blocks that stay of so many requests after 50 others, for each.
fn stays<W: AsyncFnMut()>(workload: impl Future<Output = W>) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let _profiler = dhat::Profiler::builder().testing().build();
    runtime.block_on(async {
        let mut iteration = workload.await;
        let alive = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let mut run = async |requests: usize| {
            for _ in 0..requests {
                iteration().await;
            }
            // Aborted tasks are gone when the runtime comes to them.
            tokio::task::yield_now().await;
            (alive(), dhat::HeapStats::get().curr_blocks)
        };
        let (before, after) = (run(50).await, run(REQUESTS).await);
        let each = |before: usize, after: usize| (after as f64 - before as f64) / REQUESTS as f64;
        (each(before.0, after.0), each(before.1, after.1))
    })
}

detectors::tests! {
    fn the_runtime_and_dhat_agree_with_the_watch() {
        let evidence = Watch::new("watchers that are let go").warm_up(8).run_async(leaky::workload);
        let found = |kind| {
            let of_kind = evidence.findings.iter().filter(|finding| finding.kind == kind);
            of_kind.filter_map(|finding| finding.per_iteration).sum::<f64>()
        };
        let (tasks, blocks) = stays(leaky::workload());
        assert!((tasks - 1.0).abs() < f64::EPSILON, "{tasks}");
        assert!((found(Kind::Tasks) - tasks).abs() < 0.05, "{evidence:?}");
        assert!((found(Kind::Blocks) - blocks).abs() < 0.1 * blocks, "{blocks} {evidence:?}");
    }

    fn they_see_nothing_stay_after_the_fix() {
        let (tasks, blocks) = stays(fixed::workload());
        assert!(tasks.abs() < 0.02 && blocks.abs() < 0.1, "{tasks} {blocks}");
    }
}
