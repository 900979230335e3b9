//! How much of a service's memory is resident once it holds pages of search hits, and has replaced some of them.

use serde_json::Value;
use std::hint::black_box;

/// Holds parsed pages of about `megabytes` of live blocks together, and gives the resident kilobytes that the kernel then says.
pub(crate) fn kilobytes_holding(megabytes: usize) -> u64 {
    let document = crate::document();
    let parse = || -> Value { serde_json::from_str(&document).expect("valid JSON") };
    let count = (megabytes * 1_000_000).div_ceil(bytes_of(&parse()));
    let mut pages: Vec<Value> = Vec::with_capacity(count);
    for _ in 0..count {
        // A burst: of each two pages one is dropped at once.
        drop(black_box(parse()));
        pages.push(parse());
    }
    // What a table keeps of blocks that are gone shows only after some are.
    for round in 0..count / 4 {
        pages[round * 7_919 % count] = parse();
    }
    let kilobytes = resident_kilobytes();
    black_box(&pages);
    kilobytes
}

/// About the bytes of the blocks that the value owns. The same for each subject, so that all of them hold the same pages.
fn bytes_of(value: &Value) -> usize {
    /// What a node of the map has room for.
    const ENTRIES: usize = 11;
    match value {
        Value::String(text) => text.capacity(),
        Value::Array(values) => {
            values.capacity() * size_of::<Value>() + values.iter().map(bytes_of).sum::<usize>()
        }
        Value::Object(members) => {
            let nodes = members.len().div_ceil(ENTRIES);
            let own = nodes * ENTRIES * (size_of::<String>() + size_of::<Value>());
            let of_members = members
                .iter()
                .map(|(name, value)| name.capacity() + bytes_of(value));
            own + of_members.sum::<usize>()
        }
        _ => 0,
    }
}

/// From the map of the process: `VmRSS` in its status is a sum that the kernel brings up to date only now and then, and so off
/// by up to some hundred kilobytes for each core (`man 5 proc`).
fn resident_kilobytes() -> u64 {
    let map = std::fs::read_to_string("/proc/self/smaps_rollup").expect("a Linux since 4.14");
    let rss = map.lines().find_map(|line| line.strip_prefix("Rss:"));
    rss.and_then(|rss| rss.trim().strip_suffix("kB")?.trim().parse().ok())
        .expect("the kernel says what is resident")
}
