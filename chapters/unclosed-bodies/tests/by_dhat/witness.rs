//! Witnesses that know none of our rules: the kernel's list of descriptors, and dhat.

use detectors::{Kind, Watch};
use unclosed_bodies::{fixed, leaky};

const REQUESTS: usize = 50;

fn sockets() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").expect("a Linux");
    let targets = entries
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

/// Sockets and live bytes that stay of so many probes after ten others, for each.
fn stays<W: AsyncFnMut()>(workload: impl Future<Output = W>) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let _profiler = dhat::Profiler::builder().testing().build();
    runtime.block_on(async {
        let mut iteration = workload.await;
        let mut run = async |requests: usize| {
            for _ in 0..requests {
                iteration().await;
            }
            (sockets(), dhat::HeapStats::get().curr_bytes)
        };
        let (before, after) = (run(10).await, run(REQUESTS).await);
        let each = |before: usize, after: usize| (after as f64 - before as f64) / REQUESTS as f64;
        (each(before.0, after.0), each(before.1, after.1))
    })
}

detectors::tests! {
    fn the_kernel_and_dhat_agree_on_the_leak() {
        let evidence = Watch::new("responses kept").warm_up(8).windows(3).run_async(leaky::workload);
        let of_kind = evidence.findings.iter().filter(|finding| finding.kind == Kind::Sockets);
        let found: f64 = of_kind.filter_map(|finding| finding.per_iteration).sum();
        let (sockets, bytes) = stays(leaky::workload());
        // Both ends of each connection are in this process.
        assert!((sockets - 2.0).abs() < 0.1, "{sockets}");
        assert!((found - sockets).abs() < 0.1, "{evidence:?}");
        assert!(bytes > 10_000.0, "{bytes}");
    }

    fn they_see_nothing_stay_after_the_fix() {
        let (sockets, bytes) = stays(fixed::workload());
        assert!(sockets.abs() < 0.05 && bytes.abs() < 2_000.0, "{sockets} {bytes}");
    }
}
