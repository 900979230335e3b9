//! Two more queues that nobody bounded, and what a bound does to whoever is faster.

use crate::record::Record;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;

// ANCHOR: broadcast
/// Tells every open page of a new record. A page that sleeps has its place in the ring, and the ring keeps whatever that page
/// hasn't seen, up to its capacity. Capacity is the bound: this one was chosen so that nobody ever misses anything.
pub fn told_to_a_sleeper(
    capacity: usize,
    records: u64,
) -> (broadcast::Sender<Record>, broadcast::Receiver<Record>) {
    let (tell, asleep) = broadcast::channel(capacity);
    for number in 0..records {
        // Somebody listens: the sleeper.
        let _ = tell.send(Record::of(number));
    }
    (tell, asleep)
}
// ANCHOR_END: broadcast

// ANCHOR: joinset
/// Prefetches what a customer may ask for next. Each finished task waits in the set, with its result, for somebody to join it.
pub async fn prefetch_and_forget(records: u64) -> JoinSet<Record> {
    let mut prefetches = JoinSet::new();
    for number in 0..records {
        prefetches.spawn(async move { Record::of(number) });
        tokio::task::yield_now().await;
    }
    prefetches
}

/// The same, and whatever has finished is taken out on the way.
pub async fn prefetch_and_join(records: u64) -> JoinSet<Record> {
    let mut prefetches = JoinSet::new();
    for number in 0..records {
        prefetches.spawn(async move { Record::of(number) });
        tokio::task::yield_now().await;
        while let Some(prefetched) = prefetches.try_join_next() {
            drop(prefetched);
        }
    }
    prefetches
}
// ANCHOR_END: joinset

/// How a fast producer fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fared {
    /// The most records that waited at any time.
    pub waited_most: usize,
    /// How often the producer had to wait for room.
    pub waits: usize,
    /// Records that came through.
    pub written: u64,
}

// ANCHOR: pressure
/// A producer and a writer that are tasks of their own. The writer takes one record in each of its turns; the producer makes
/// two. With a bound, the producer gives its turn away when there is no room. That is all that back-pressure is.
///
/// # Panics
///
/// When the producer does, which would be a bug of this crate.
pub async fn back_pressure(bound: usize, records: u64) -> Fared {
    let (queue, mut waiting) = mpsc::channel(bound);
    let producer = tokio::spawn(async move {
        let (mut waited_most, mut waits) = (0, 0);
        for number in 0..records {
            waits += usize::from(queue.capacity() == 0);
            if queue.send(Record::of(number)).await.is_err() {
                break;
            }
            waited_most = waited_most.max(queue.max_capacity() - queue.capacity());
            if number % 2 == 1 {
                tokio::task::yield_now().await;
            }
        }
        (waited_most, waits)
    });
    let mut written = 0;
    while let Some(record) = waiting.recv().await {
        written += u64::from(!record.line.is_empty());
        tokio::task::yield_now().await;
    }
    let (waited_most, waits) = producer.await.expect("the producer doesn't panic");
    Fared {
        waited_most,
        waits,
        written,
    }
}
// ANCHOR_END: pressure
