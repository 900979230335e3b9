//! Drops what the night needed, and leaves it to the allocator.

use crate::feed::{self, Night};
use serde_json::Value;
use std::hint::black_box;

/// The host of a batch that was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub host: String,
    pub seen: u64,
}

// ANCHOR: refresh
/// Reads the night's feed, and returns the host of each batch that was seen last.
pub fn refresh(night: Night) -> serde_json::Result<Vec<Seen>> {
    feed::read(night, latest_of).into_iter().collect()
}

/// All hosts of a batch are in memory, as trees of values. One record is copied out of them, and all trees are dropped.
pub fn latest_of(batch: &str) -> serde_json::Result<Seen> {
    let hosts: Vec<Value> = serde_json::from_str(batch)?;
    let latest = hosts.iter().max_by_key(|host| host["seen"].as_u64());
    let latest = latest.unwrap_or(&Value::Null);
    Ok(Seen {
        host: latest["host"].as_str().unwrap_or_default().to_owned(),
        seen: latest["seen"].as_u64().unwrap_or_default(),
    })
}
// ANCHOR_END: refresh

/// One iteration is one request. Between some of them lies a night.
///
/// # Panics
///
/// When the feed is no JSON.
pub fn workload() -> impl FnMut() {
    nights(refresh)
}

/// Requests with a night now and then, which is read by `refresh`.
pub(crate) fn nights(refresh: fn(Night) -> serde_json::Result<Vec<Seen>>) -> impl FnMut() {
    let answers = feed::answers();
    let mut latest = Vec::new();
    let mut requests = 0;
    move || {
        requests += 1;
        if requests % 16 == 4 {
            latest = refresh(Night::SHORT).expect("the feed is JSON");
        }
        black_box((&answers[requests % answers.len()], &latest));
    }
}
