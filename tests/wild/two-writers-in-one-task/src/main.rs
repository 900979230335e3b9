//! smol-rs/async-lock#91, 2024: a task that has begun to wait for a lock twice awaits the later one, and waits for itself.
//!
//! The lock goes to whoever asked first, and that is a future of the same task which nobody polls any more. The report is open: the
//! order is as designed. The mended use drops the first future.

use async_lock::RwLock;
use std::future::{Future, poll_fn};
use std::task::Poll;

wild::case!(async a_first_that_nobody_polls, a_first_that_gives_up);

async fn a_first_that_nobody_polls() -> impl AsyncFnMut() {
    async || {
        drop(tokio::spawn(write_twice(false))); // <- the line
        a_moment().await;
    }
}

async fn a_first_that_gives_up() -> impl AsyncFnMut() {
    async || {
        drop(tokio::spawn(write_twice(true)));
        a_moment().await;
    }
}

async fn write_twice(the_first_gives_up: bool) {
    let lock = RwLock::new(());
    let reads = lock.read().await;
    let mut second = Box::pin(lock.write());
    let mut first = Some(Box::pin(lock.write()));
    poll_fn(|cx| {
        for write in first.iter_mut().chain([&mut second]) {
            assert!(write.as_mut().poll(cx).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    drop(reads);
    if the_first_gives_up {
        first = None;
    }
    drop(second.await); // <- the line
    drop(first);
}

/// What is woken needs a moment of the runtime's to end.
async fn a_moment() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
