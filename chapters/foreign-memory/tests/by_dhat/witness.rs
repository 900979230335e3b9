//! Witnesses that know none of our rules: dhat sees nothing stay on Rust's heap, and the kernel sees what stays beside that.

use detectors::{Kind, Watch};
use foreign_memory::{fixed, leaky};

const REQUESTS: usize = 2_000;

/// Resident memory, in bytes, by the kernel.
fn resident() -> f64 {
    let told = std::fs::read_to_string("/proc/self/statm").expect("a Linux");
    let pages = told.split(' ').nth(1).and_then(|pages| pages.parse::<u32>().ok());
    // SAFETY: a plain question.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    f64::from(pages.expect("a number of pages")) * page as f64
}

/// What stays of each request, after others: live bytes by dhat, resident bytes by the kernel.
fn stays(mut iteration: impl FnMut()) -> (f64, f64) {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut run = || {
        (0..REQUESTS).for_each(|_| iteration());
        (dhat::HeapStats::get().curr_bytes as f64, resident())
    };
    let (before, after) = (run(), run());
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
