//! Witnesses that know none of our rules: dhat sees nothing stay on Rust's heap, and the kernel sees what stays beside that.

use detectors::{Kind, Watch};
use foreign_memory::{fixed, leaky};

const REQUESTS: usize = 2_000;

/// Resident memory, in bytes, as the kernel counts it page by page: `statm` is an estimate.
fn resident() -> f64 {
    let told = std::fs::read_to_string("/proc/self/smaps_rollup").expect("a Linux");
    let line = told.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    1_024.0
        * f64::from(
            kibibytes
                .and_then(|count| count.parse::<u32>().ok())
                .expect("a number"),
        )
}

/// What stays of each request, after others: live bytes by dhat, resident bytes by the kernel.
fn stays(mut iteration: impl FnMut()) -> (f64, f64) {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut run = || {
        (0..REQUESTS).for_each(|_| iteration());
        (dhat::HeapStats::get().curr_bytes as f64, resident())
    };
    // The first look loads what it needs.
    let [_, before, after] = [run(), run(), run()];
    let each = |before: f64, after: f64| (after - before) / REQUESTS as f64;
    (each(before.0, after.0), each(before.1, after.1))
}

detectors::tests! {
    fn dhat_sees_nothing_and_the_kernel_sees_it_all() {
        let evidence = Watch::new("ended when all is well").run(leaky::workload);
        let of_kind = evidence.findings.iter().filter(|finding| finding.kind == Kind::Resident);
        let found: f64 = of_kind.filter_map(|finding| finding.per_iteration).sum();
        let (live, resident) = stays(leaky::workload());
        assert!(live.abs() < f64::EPSILON, "{live} bytes of Rust's heap stay");
        let share = resident / found;
        assert!((0.95..1.05).contains(&share), "{resident} resident, {found} found");
    }

    fn neither_sees_anything_stay_after_the_fix() {
        let (live, resident) = stays(fixed::workload());
        assert!(live.abs() < f64::EPSILON, "{live} bytes of Rust's heap stay");
        assert!(resident < 10.0, "{resident} bytes stay resident");
    }
}
