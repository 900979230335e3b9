//! What two more queues keep, counted by dhat, and what a bound does to a fast producer.

use tokio::sync::broadcast::error::TryRecvError;
use unbounded_queues::beside::{
    back_pressure, prefetch_and_forget, prefetch_and_join, told_to_a_sleeper,
};

const RECORDS: u64 = 1_000;

fn on_a_runtime<F: Future>(call: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(call)
}

/// Live bytes and blocks of what `fill` returns, for each record.
fn kept<T>(fill: impl Future<Output = T>) -> (f64, f64) {
    on_a_runtime(async {
        let before = dhat::HeapStats::get();
        let kept = fill.await;
        let after = dhat::HeapStats::get();
        drop(kept);
        let each = |before: usize, after: usize| (after as f64 - before as f64) / RECORDS as f64;
        (
            each(before.curr_bytes, after.curr_bytes),
            each(before.curr_blocks, after.curr_blocks),
        )
    })
}

detectors::tests! {
    fn two_more_queues_that_pile_up() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let rows = [
            ("broadcast, ring of 4,096", kept(async { told_to_a_sleeper(4_096, RECORDS) })),
            ("  ring of 16", kept(async { told_to_a_sleeper(16, RECORDS) })),
            ("JoinSet never drained", kept(prefetch_and_forget(RECORDS))),
            ("  drained on the way", kept(prefetch_and_join(RECORDS))),
        ];
        println!("{:<28} {:>10} {:>7}", "kept for each of 1,000", "bytes", "blocks");
        for (way, (bytes, blocks)) in rows {
            println!("{way:<28} {bytes:>10.1} {blocks:>7.2}");
        }
        for [piles_up, bounded] in rows.as_chunks::<2>().0 {
            assert!(piles_up.1.1 >= 1.0, "{}: a block for each record", piles_up.0);
            assert!(bounded.1.1 < 0.05, "{}: next to nothing", bounded.0);
        }
    }

    /// Whoever sleeps beside a small ring is told what it missed. Nothing is lost in silence.
    fn a_small_ring_counts_what_it_drops() {
        let (_tell, mut asleep) = told_to_a_sleeper(16, RECORDS);
        assert_eq!(asleep.try_recv(), Err(TryRecvError::Lagged(RECORDS - 16)));
        let first = asleep.try_recv().expect("the ring's oldest");
        assert_eq!(first.number, RECORDS - 16);
    }

    fn a_bound_makes_the_producer_wait() {
        println!("{:<28} {:>12} {:>7} {:>9}", "1,000 records, a bound of", "waited most", "waits", "written");
        for bound in [4, 64, 1_024] {
            let fared = on_a_runtime(back_pressure(bound, RECORDS));
            println!("{bound:<28} {:>12} {:>7} {:>9}", fared.waited_most, fared.waits, fared.written);
            assert_eq!(fared.written, RECORDS, "nothing is lost");
            assert!(fared.waited_most <= bound);
            assert_eq!(fared.waits > 0, bound < 500, "{fared:?}");
        }
    }
}
