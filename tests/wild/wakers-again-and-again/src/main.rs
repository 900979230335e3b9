//! n0-computer/n0-watcher#45, 2026: a watched value that doesn't change is polled in a loop, and each poll leaves a waker.
//!
//! The author's `select!` had a ticker beside the stream; the program grew until it was killed a day later.

use futures_util::{FutureExt, StreamExt};
use n0_watcher::{Watchable, Watcher};

wild::case!(a_ticker_beside_a_stream);

fn a_ticker_beside_a_stream() -> impl FnMut() {
    let value = Watchable::new(7_u64);
    let mut changes = value.watch().stream_updates_only();
    move || {
        // What `select!` does when the ticker is ready first: one poll, and no more.
        let change = changes.next().now_or_never(); // <- the line
        assert!(change.is_none() && value.get() == 7);
    }
}
