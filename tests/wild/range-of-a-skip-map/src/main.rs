//! crossbeam-rs/crossbeam#1178, 2025, and what it cost: tikv/tikv#19285, 2026: each range over a skip map keeps the nodes that
//! it went over.
//!
//! The iterator moves on by assigning the next entry over the last one, whose reference count nothing lowers: an entry of this
//! list has no `Drop`. When a node is then replaced, it stays. No release has the fix; whoever can, walks by `iter`, which does it right.

use crossbeam_skiplist::SkipMap;

wild::case!(write_back_a_range, write_back_by_iter);

fn write_back_a_range() -> impl FnMut() {
    let locks = three_locks();
    move || {
        let held: Vec<(u8, Vec<u8>)> = locks
            .range(1..3)
            .map(|entry| (*entry.key(), entry.value().clone()))
            .collect();
        for (key, value) in held {
            locks.insert(key, value); // <- the line
        }
        flush();
    }
}

fn write_back_by_iter() -> impl FnMut() {
    let locks = three_locks();
    move || {
        let held: Vec<(u8, Vec<u8>)> = locks
            .iter()
            .filter(|entry| (1..3).contains(entry.key()))
            .map(|entry| (*entry.key(), entry.value().clone()))
            .collect();
        for (key, value) in held {
            locks.insert(key, value);
        }
        flush();
    }
}

fn three_locks() -> SkipMap<u8, Vec<u8>> {
    (1..=3).map(|key| (key, vec![key; 32])).collect()
}

/// What was taken out is freed some epochs later; this lets them pass.
fn flush() {
    for _ in 0..8 {
        crossbeam_epoch::pin().flush();
    }
}
