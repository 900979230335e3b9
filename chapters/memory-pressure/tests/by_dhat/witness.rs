//! dhat alone, without any of our rules, must agree on the peak.

use detectors::Watch;
use memory_pressure::{BUDGET_BYTES, cluster, fixed, leaky};
use std::io;

/// Pages of the largest customer.
const PAGES: usize = 10;

/// The most that is live at once while `call` runs, and what is live when it has ended.
fn peak(call: impl FnOnce()) -> (usize, usize) {
    let _profiler = dhat::Profiler::builder().testing().build();
    call();
    let stats = dhat::HeapStats::get();
    (stats.max_bytes, stats.curr_bytes)
}

fn by_leaky(pages: usize) {
    leaky::by_apex(cluster::pages(pages), &mut io::sink()).expect("an answer");
}

fn by_fixed() {
    fixed::by_apex(cluster::pages(PAGES), &mut io::sink()).expect("an answer");
}

detectors::tests! {
    fn a_plain_dhat_witness_agrees() {
        // A peak needs the largest customer, and the watch a valley: the others are small, since dhat walks a stack for each block.
        let workload = || {
            let mut customers = [[1; 15].as_slice(), &[PAGES]].concat().into_iter().cycle();
            move || by_leaky(customers.next().unwrap_or(PAGES))
        };
        let watch = Watch::new("all hosts at once").warm_up(8).windows(3);
        let evidence = watch.pressure_from(BUDGET_BYTES).run(workload);
        evidence.assert_pressure("leaky.rs");
        let (peak, stays) = peak(|| by_leaky(PAGES));
        let share = evidence.peak_bytes as f64 / peak as f64;
        assert!((0.95..1.05).contains(&share), "{share} of {peak}");
        assert!(stays < 1_024, "{stays} bytes stay");
    }

    fn the_witness_sees_a_fiftieth_of_it_after_the_fix() {
        let ((leaky, _), (fixed, stays)) = (peak(|| by_leaky(PAGES)), peak(by_fixed));
        assert!(50 * fixed < leaky, "{fixed} of {leaky}");
        assert!(stays < 1_024, "{stays} bytes stay");
    }
}
