//! moka-rs/moka#64, 2022: what a cache evicts, expires or invalidates leaves its key on the heap.
//!
//! The author's cache of a million entries with a time to idle grew to gigabytes. The queue that orders the entries forgot its
//! node, and the key with it, whenever one was taken out. Invalidating is the way of the three that needs no clock.

use moka::unsync::Cache;

wild::case!(a_session_that_ends);

fn a_session_that_ends() -> impl FnMut() {
    let mut sessions = Cache::new(1_000);
    let mut number = 0_u64;
    move || {
        number += 1;
        let key = format!("session-{number:032}"); // <- the line
        sessions.insert(key.clone(), number); // <- the line
        sessions.invalidate(&key);
    }
}
