//! What a watch costs over bare dhat, on the same workload, interleaved in one run.
//!
//! `cargo bench -p detectors --bench watch` prints the medians and their ratio; the goal is at most 1.05.

use detectors::Watch;
use std::hint::black_box;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: detectors::DhatAllocator = detectors::DhatAllocator;

/// A calm watch ends after its second window: warm-up 50, windows of 50 and 100.
const ITERATIONS: u32 = 200;
const ROUNDS: usize = 31;

fn main() {
    let document = document();
    let iteration = || {
        let value: serde_json::Value =
            serde_json::from_str(&document).expect("the document is valid");
        black_box(value);
    };
    let mut bare = Vec::with_capacity(ROUNDS);
    let mut watched = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        bare.push(time(|| {
            let profiler = dhat::Profiler::builder().testing().build();
            for _ in 0..ITERATIONS {
                iteration();
            }
            drop(profiler);
        }));
        watched.push(time(|| {
            let evidence = Watch::new("parse").run(|| iteration);
            assert_eq!(evidence.timeline.len(), ITERATIONS as usize, "a calm watch");
        }));
    }
    let (bare, watched) = (median(&mut bare), median(&mut watched));
    println!(
        "workload: parse {} bytes of JSON to a Value, {ITERATIONS} iterations",
        document.len()
    );
    println!(
        "bare dhat   {:>9.3} ms, median of {ROUNDS} interleaved rounds",
        milliseconds(bare)
    );
    println!("a watch     {:>9.3} ms", milliseconds(watched));
    println!(
        "ratio       {:>9.2} (goal: at most 1.05)",
        watched.as_secs_f64() / bare.as_secs_f64()
    );
}

fn document() -> String {
    let hits: Vec<_> = (0..20)
        .map(|number| serde_json::json!({ "_id": format!("{number:016x}"), "_source": { "host": format!("h{number}.example"), "ports": [80, 443] } }))
        .collect();
    serde_json::json!({ "hits": { "hits": hits } }).to_string()
}

fn time(run: impl FnOnce()) -> Duration {
    let started = Instant::now();
    run();
    started.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
