//! zesterer/flume#88, 2021: a stream of messages that is polled again and again while none comes.
//!
//! The author polled it in a `select!` beside other work. Each poll puts the same waiter once more at the end of the channel's
//! queue of waiters, which only a message empties.

use futures_util::{FutureExt, StreamExt};

wild::case!(a_select_in_a_loop);

fn a_select_in_a_loop() -> impl FnMut() {
    let (sender, receiver) = flume::unbounded::<u64>();
    let mut messages = receiver.into_stream();
    move || {
        // What `select!` does when its other branch is ready first: one poll, and no more.
        let next = messages.next().now_or_never(); // <- the line
        assert!(next.is_none() && !sender.is_disconnected());
    }
}
