//! dhat with the plain assertion that its documentation shows: what is live after the work is no more than before it.

use dhat::{HeapStats, Profiler};

/// Not judged, as in the watch: lazily made statics come first.
const WARM_UP: u32 = 50;
const ITERATIONS: u32 = 200;

/// Runs the workload; the profile is written to the path in the second argument.
pub fn run<W: FnMut()>(setup: impl Fn() -> W) {
    let path = std::env::args()
        .nth(2)
        .unwrap_or_else(|| "dhat-heap.json".to_owned());
    let profiler = Profiler::builder()
        .file_name(path)
        .trim_backtraces(Some(40))
        .build();
    let mut iteration = setup();
    for _ in 0..WARM_UP {
        iteration();
    }
    let before = HeapStats::get().curr_bytes;
    for _ in 0..ITERATIONS {
        iteration();
    }
    let after = HeapStats::get().curr_bytes;
    drop(profiler);
    println!(
        "{{\"by\": \"dhat\", \"before\": {before}, \"after\": {after}, \"fails\": {}}}",
        after > before
    );
}
