//! Watches two workloads: one keeps each answer, the other none.

use detectors::{Verdict, Watch};
use std::cell::RefCell;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

async fn answer() -> String {
    tokio::task::yield_now().await;
    "a".repeat(100)
}

thread_local! {
    static KEPT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

async fn keep() {
    let answer = answer().await;
    KEPT.with_borrow_mut(|kept| kept.push(answer));
}

async fn forget() {
    drop(answer().await);
}

fn main() {
    let leak = Watch::new("keep").run_async(async || keep);
    println!("{}: {}", leak.verdict, leak.because);
    assert_eq!(leak.verdict, Verdict::Leak);
    let steady = Watch::new("forget").run_async(async || forget);
    println!("{}: {}", steady.verdict, steady.because);
    assert_eq!(steady.verdict, Verdict::Steady);
}
