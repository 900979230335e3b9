//! apache/asyncband#10, 2024: two wait for a group of workers, one gives up, and the other is never woken.
//!
//! The end of the last worker woke the first waiter in the queue, who was to wake the next. Whoever gives up stayed in the queue,
//! and wakes nobody. The crate is `mea`, as the repository was called then.

use mea::waitgroup::WaitGroup;
use std::future::{IntoFuture, ready};

wild::case!(async a_waiter_that_gives_up);

async fn a_waiter_that_gives_up() -> impl AsyncFnMut() {
    async || {
        let group = WaitGroup::new();
        let gives_up = group.clone().into_future();
        let waits = group.clone().into_future();
        tokio::select! {
            biased;
            () = gives_up => unreachable!("a worker is there"),
            () = ready(()) => {}
        }
        drop(tokio::spawn(waits)); // <- the line
        tokio::task::yield_now().await;

        drop(group);
        // What is woken needs a moment of the runtime's to end.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}
