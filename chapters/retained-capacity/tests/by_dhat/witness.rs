//! dhat alone, without any of our rules: what stays after a hundred customers more, and that the watch says the same.

use detectors::{Evidence, Kept, Verdict, Watch};
use retained_capacity::{fixed, leaky};

/// Bytes and blocks that stay for each iteration, counted from the fiftieth to the 150th.
fn witness(mut iteration: impl FnMut() -> Kept) -> (f64, f64) {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut run = |customers: usize| {
        for _ in 0..customers {
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
        let evidence = Watch::new("remember ids in a vector").warm_up(20).run(leaky::workload);
        assert_eq!(evidence.verdict, Verdict::Leak);
        let stays = witness(leaky::workload());
        println!("leaky: {} bytes in {} block stay for each customer", stays.0, stays.1);
        assert_eq!(watched(&evidence), stays);
    }

    /// The fixed one grows as well, by what it means to keep, and the watch knows that.
    fn of_the_fixed_one_the_ids_stay() {
        let evidence = Watch::new("remember ids in a boxed slice").warm_up(20).run(fixed::workload);
        assert_eq!(evidence.verdict, Verdict::WarmingUp);
        let stays = witness(fixed::workload());
        println!("fixed: {} bytes in {} block stay for each customer", stays.0, stays.1);
        assert_eq!(stays, (5.0 * 8.0, 1.0));
        assert_eq!(watched(&evidence), stays);
    }
}
