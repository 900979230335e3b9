//! tokio-rs/mini-redis#38, 2020: a server's tasks are gone, and what each waited for the shutdown with stays.
//!
//! Every connection waits for a command or for the shutdown. Whoever has waited on the broadcast channel once leaves a node
//! in its list of waiters, which only a message empties, and the shutdown is the only message.

use futures_util::FutureExt;
use tokio::sync::broadcast;

wild::case!(a_connection_that_closes);

fn a_connection_that_closes() -> impl FnMut() {
    let (shutdown, _) = broadcast::channel::<()>(1);
    move || {
        let mut signal = shutdown.subscribe(); // <- the line, corrected
        // The command comes first, so the wait is polled once and dropped.
        let waited = signal.recv().now_or_never(); // <- the line
        assert!(waited.is_none());
    }
}
