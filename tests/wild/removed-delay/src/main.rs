//! tokio-rs/tokio#6751, 2024: a task waits for the next delay of a queue, and isn't woken when the last delay is removed.
//!
//! The queue keeps the waker of whoever waits. `remove` dropped the timer with the last entry, and left the waker uncalled. The
//! queue is then the task's alone, and so is its waker.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::time::DelayQueue;

wild::case!(async a_delay_that_is_removed);

async fn a_delay_that_is_removed() -> impl AsyncFnMut() {
    async || {
        let mut queue = DelayQueue::new();
        let key = queue.insert("foo", Duration::from_secs(100));
        let queue = Arc::new(Mutex::new(queue));

        let waited = Arc::clone(&queue);
        let waits = poll_fn(move |cx| {
            let mut queue = waited.lock().expect("nobody panics");
            queue.poll_expired(cx).map(|expired| expired.is_some())
        });
        drop(tokio::spawn(waits)); // <- the line
        tokio::task::yield_now().await;

        queue.lock().expect("nobody panics").remove(&key);
        drop(queue);
        // What is woken needs a moment of the runtime's to end.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}
