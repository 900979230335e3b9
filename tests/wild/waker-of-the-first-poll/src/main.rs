//! AmitPr/async-oneshot-channel#1, 2024: a receiver that is asked a second time, from another task, is never woken.
//!
//! The channel keeps the waker of the first poll and takes no other. A `select!` whose other branch was ready has left its waker
//! there; the task that the receiver then goes to leaves none.

use async_oneshot_channel::oneshot;
use std::future::ready;

wild::case!(async a_receiver_that_goes_to_a_task);

async fn a_receiver_that_goes_to_a_task() -> impl AsyncFnMut() {
    async || {
        let (sender, receiver) = oneshot();
        tokio::select! {
            biased;
            _ = receiver.recv() => unreachable!("nothing was sent"),
            () = ready(()) => {}
        }
        drop(tokio::spawn(async move { receiver.recv().await })); // <- the line
        tokio::task::yield_now().await;

        sender.send(42).expect("it is the first");
        drop(sender);
        // What is woken needs a moment of the runtime's to end.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}
