//! Watches two workloads: one keeps each answer, the other none. Then asks which of its tasks can never wake.

use detectors::tasks::{AliveTask, Outlook, outlooks};
use detectors::{Scope, Verdict, Watch, heap::Detail};
use std::cell::RefCell;
use std::future::pending;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

async fn answer() -> String {
    yield_now().await;
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

static DOORBELL: Notify = Notify::const_new();

/// Spawns five tasks that can wake, one that nobody can wake, and one that waits for itself; and tells which ones are called stuck.
async fn those_that_never_wake() -> Vec<AliveTask> {
    let (sender, receiver) = oneshot::channel::<()>();
    tokio::spawn(async { receiver.await.is_ok() });
    for _ in 0..4 {
        tokio::spawn(DOORBELL.notified());
    }
    let nobodys = tokio::spawn(pending::<()>()).id();
    tokio::spawn(async {
        let (own, receiver) = oneshot::channel::<()>();
        let woken = receiver.await;
        drop((own, woken));
    });
    yield_now().await;
    let told = outlooks(&Handle::current())
        .await
        .expect("tokio's tasks are read");
    drop(sender);
    println!("{:?}", told.tasks());
    let of = |wanted: fn(&Outlook) -> bool| {
        told.tasks()
            .iter()
            .filter(|task| wanted(&task.outlook))
            .count()
    };
    assert_eq!(told.tasks().len(), 7);
    assert!(of(|outlook| matches!(outlook, Outlook::CanWake(_))) >= 5);
    let stuck: Vec<AliveTask> = told.stuck().cloned().collect();
    assert!(
        stuck
            .iter()
            .any(|task| task.id.to_string() == nobodys.to_string())
    );
    stuck
}

fn main() {
    let leak = Watch::new("keep").run_async(async || keep);
    println!("{}: {}", leak.verdict, leak.because);
    assert_eq!(leak.verdict, Verdict::Leak);
    let steady = Watch::new("forget").run_async(async || forget);
    println!("{}: {}", steady.verdict, steady.because);
    assert_eq!(steady.verdict, Verdict::Steady);

    let runtime = || {
        Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime")
    };
    let by_counts = runtime().block_on(those_that_never_wake()).len();
    assert_eq!(by_counts, 1, "who waits for itself has a waker");
    let _noted = Scope::of_process(Detail::Stacks).expect("no other scope is open");
    let by_reach = runtime().block_on(those_that_never_wake()).len();
    println!("never wake: {by_counts} by counts, {by_reach} by reach");
    assert!((1..=2).contains(&by_reach));
}
