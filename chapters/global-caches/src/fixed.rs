//! Remembers answers within bounds.

use crate::backend::{self, Hosts};
use moka::sync::Cache;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

// ANCHOR: cache
/// What the cache may hold: 64 KiB of answers.
pub const BYTES_MAX: u64 = 64 << 10;

/// Answers by apex. The bound is in bytes, since that is what the machine has; the time is how old an answer may be.
static ANSWERS: LazyLock<Cache<String, Arc<Hosts>>> = LazyLock::new(|| {
    Cache::builder()
        .max_capacity(BYTES_MAX)
        .weigher(weight)
        .time_to_live(Duration::from_mins(10))
        .build()
});

/// The bytes that an entry owns: its key, the list, and each host's text.
fn weight(apex: &String, hosts: &Arc<Hosts>) -> u32 {
    let texts: usize = hosts.iter().map(String::capacity).sum();
    let bytes = apex.capacity() + hosts.capacity() * size_of::<String>() + texts;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The hosts below an apex. Of callers who come at once, one asks the cluster and the others wait for its answer.
pub fn hosts(apex: &str) -> Arc<Hosts> {
    ANSWERS.get_with_by_ref(apex, || Arc::new(backend::search(apex)))
}
// ANCHOR_END: cache

/// How many answers are remembered.
pub fn remembered() -> usize {
    ANSWERS.run_pending_tasks();
    usize::try_from(ANSWERS.entry_count()).unwrap_or(usize::MAX)
}

/// One iteration is one request for an apex that was never asked for before.
pub fn workload() -> impl FnMut() {
    // From an empty cache each time: it outlives a run, and what is older than a watch leaves uncounted.
    ANSWERS.invalidate_all();
    ANSWERS.run_pending_tasks();
    move || {
        hosts(&backend::next_apex());
        // The cache does its housekeeping now and then, within the calls of whoever comes. Here it does it each time, so that
        // what is measured is its bound, and not the moment.
        ANSWERS.run_pending_tasks();
    }
}
