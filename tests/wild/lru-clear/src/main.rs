//! jeromefroe/lru-rs#100, 2020: a cache is cleared, and none of its values is dropped.
//!
//! The author filled a cache with counted values, called `clear`, and found that not one had been dropped: the nodes keep
//! their keys and values as `MaybeUninit`, and clearing the map frees the nodes alone.

use lru::LruCache;

wild::case!(clear_at_the_end_of_each_day);

fn clear_at_the_end_of_each_day() -> impl FnMut() {
    let mut sessions = LruCache::new(100);
    move || {
        for client in 0..10_u32 {
            let history = vec![client; 16]; // <- the line
            sessions.put(client, history);
        }
        sessions.clear();
    }
}
