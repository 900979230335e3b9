//! dhat alone, without any of our rules: what stays after a hundred requests more, and that the watch says the same.

use detectors::{Evidence, Verdict, Watch};
use reference_cycles::{fixed, leaky};

/// Bytes and blocks that stay for each iteration, counted from the fiftieth to the 150th.
fn witness(mut iteration: impl FnMut()) -> (f64, f64) {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut run = |requests: usize| {
        for _ in 0..requests {
            iteration();
        }
        dhat::HeapStats::get()
    };
    let before = run(50);
    let after = run(100);
    (
        (after.curr_bytes - before.curr_bytes) as f64 / 100.0,
        (after.curr_blocks - before.curr_blocks) as f64 / 100.0,
    )
}

/// The same from the rise between the floors of the last two windows, of which each lies in its window's middle.
fn watched(evidence: &Evidence) -> (f64, f64) {
    let [.., before, last] = evidence.readings.as_slice() else {
        panic!("a watch has at least two windows");
    };
    let iterations = (last.from + last.to - before.from - before.to) as f64 / 2.0;
    let rise = |rise: Option<i64>| rise.expect("all but the first window have one") as f64;
    (
        rise(last.rise_bytes) / iterations,
        rise(last.rise_blocks) / iterations,
    )
}

detectors::tests! {
    fn a_plain_dhat_witness_agrees_to_the_byte() {
        let evidence = Watch::new("hosts own their apex").run(leaky::workload);
        assert_eq!(evidence.verdict, Verdict::Leak);
        let stays = witness(leaky::workload());
        println!("leaky: {} bytes in {} blocks stay for each request", stays.0, stays.1);
        assert_eq!(watched(&evidence), stays);
    }

    fn of_the_fixed_one_nothing_stays() {
        Watch::new("hosts know their apex").run(fixed::workload).assert_steady();
        assert_eq!(witness(fixed::workload()), (0.0, 0.0));
    }
}
