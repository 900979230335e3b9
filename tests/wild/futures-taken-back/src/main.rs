//! rust-lang/futures-rs#3004, 2026: futures that are taken back out of a `FuturesUnordered` leave their tasks behind.
//!
//! `into_iter` walks the list of tasks without giving up the reference that the list had to each. The reporter polled once,
//! so that no task was queued any more, and saw both tasks and the queue lost.

use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::{Pending, pending};
use std::task::{Context, Waker};

wild::case!(hand_over_what_is_unfinished);

fn hand_over_what_is_unfinished() -> impl FnMut() {
    || {
        let mut calls: FuturesUnordered<Pending<()>> = FuturesUnordered::new();
        for _ in 0..4 {
            calls.push(pending()); // <- the line
        }
        let polled = calls.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        let unfinished: Vec<_> = calls.into_iter().collect();
        assert_eq!(unfinished.len(), 4);
    }
}
