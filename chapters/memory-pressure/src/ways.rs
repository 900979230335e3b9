//! What lies between the leaky way and the fixed one: the same request, with less and less of it in memory at once.

use crate::fixed::{Hit, Page, tell};
use serde::Deserialize;
use serde_json::Value;
use std::io::{self, Write};

// ANCHOR: taken
/// The trees are moved out of their page, and not copied.
pub fn taken(pages: impl Iterator<Item = String>, out: &mut impl Write) -> io::Result<usize> {
    let mut hosts: Vec<Value> = Vec::new();
    for page in pages {
        let mut page: Value = serde_json::from_str(&page)?;
        for hit in page["hits"]["hits"].as_array_mut().into_iter().flatten() {
            hosts.push(hit["_source"].take());
        }
    }
    tell_all(hosts, out)
}
// ANCHOR_END: taken

// ANCHOR: typed
/// Each page is parsed into types. What isn't needed is never made.
pub fn typed(pages: impl Iterator<Item = String>, out: &mut impl Write) -> io::Result<usize> {
    let pages: Vec<String> = pages.collect();
    let mut hosts = Vec::new();
    for page in &pages {
        let page: Page<'_> = serde_json::from_str(page)?;
        hosts.extend(page.hits.hits);
    }
    let mut told = 0;
    for Hit { source } in &hosts {
        told += usize::from(tell(source, out)?);
    }
    Ok(told)
}
// ANCHOR_END: typed

// ANCHOR: page_by_page
/// Still trees, but no page waits for the next.
pub fn page_by_page(
    pages: impl Iterator<Item = String>,
    out: &mut impl Write,
) -> io::Result<usize> {
    let mut told = 0;
    for page in pages {
        let mut page: Value = serde_json::from_str(&page)?;
        let hits = page["hits"]["hits"].as_array_mut().into_iter().flatten();
        told += tell_all(hits.map(|hit| hit["_source"].take()), out)?;
    }
    Ok(told)
}
// ANCHOR_END: page_by_page

fn tell_all(hosts: impl IntoIterator<Item = Value>, out: &mut impl Write) -> io::Result<usize> {
    let mut told = 0;
    for host in hosts {
        told += usize::from(tell(&Deserialize::deserialize(&host)?, out)?);
    }
    Ok(told)
}
