//! The same night in other ways: what is kept of a batch, when it is made, and what is made besides.

use crate::leaky::Seen;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

// ANCHOR: early
/// The record's room is made before the trees, so that nothing lies above them that stays.
pub fn early(batch: &str) -> serde_json::Result<Seen> {
    let mut kept = Seen {
        host: String::with_capacity(64),
        seen: 0,
    };
    let hosts: Vec<Value> = serde_json::from_str(batch)?;
    let latest = hosts.iter().max_by_key(|host| host["seen"].as_u64());
    let latest = latest.unwrap_or(&Value::Null);
    kept.host += latest["host"].as_str().unwrap_or_default();
    kept.seen = latest["seen"].as_u64().unwrap_or_default();
    Ok(kept)
}
// ANCHOR_END: early

/// Nothing at all is kept.
pub fn nothing(batch: &str) -> serde_json::Result<()> {
    serde_json::from_str::<Vec<Value>>(batch).map(drop)
}

// ANCHOR: moved
/// Each host's name is moved out of its tree: its block stays where the tree was.
pub fn names_moved(batch: &str) -> serde_json::Result<Vec<String>> {
    let mut hosts: Vec<Value> = serde_json::from_str(batch)?;
    let names = hosts.iter_mut().map(|host| match host["host"].take() {
        Value::String(name) => name,
        _ => String::new(),
    });
    Ok(names.collect())
}
// ANCHOR_END: moved

// ANCHOR: copied
/// Each host's name is copied: the copies lie beside each other, and apart from the trees.
pub fn names_copied(batch: &str) -> serde_json::Result<Vec<String>> {
    let hosts: Vec<Value> = serde_json::from_str(batch)?;
    let names = hosts.iter().map(|host| host["host"].as_str());
    Ok(names
        .map(|name| name.unwrap_or_default().to_owned())
        .collect())
}
// ANCHOR_END: copied

// ANCHOR: typed
/// Only what is needed is made, and names are borrowed from the batch.
pub fn typed(batch: &str) -> serde_json::Result<Seen> {
    #[derive(Deserialize)]
    struct Host<'b> {
        #[serde(borrow)]
        host: Cow<'b, str>,
        seen: u64,
    }

    let hosts: Vec<Host<'_>> = serde_json::from_str(batch)?;
    let latest = hosts.iter().max_by_key(|host| host.seen);
    Ok(Seen {
        host: latest.map(|host| host.host.to_string()).unwrap_or_default(),
        seen: latest.map(|host| host.seen).unwrap_or_default(),
    })
}
// ANCHOR_END: typed
