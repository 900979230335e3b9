//! Parses whatever a page says, and keeps it until the last page has come.

use crate::cluster;
use serde_json::{Value, json};
use std::io::{self, Write};

// ANCHOR: by_apex
/// Writes the hosts with an open TLS port, and returns how many there are.
pub fn by_apex(pages: impl Iterator<Item = String>, out: &mut impl Write) -> io::Result<usize> {
    let mut hosts: Vec<Value> = Vec::new();
    for page in pages {
        let page: Value = serde_json::from_str(&page)?;
        for hit in page["hits"]["hits"].as_array().into_iter().flatten() {
            hosts.push(hit["_source"].clone());
        }
    }
    let mut told = 0;
    for host in &hosts {
        let ports = host["ports"].as_array().into_iter().flatten();
        let tls: Vec<&Value> = ports
            .filter(|port| port["tls"] == true)
            .map(|port| &port["port"])
            .collect();
        if !tls.is_empty() {
            writeln!(out, "{}", json!({ "host": host["host"], "tls": tls }))?;
            told += 1;
        }
    }
    Ok(told)
}
// ANCHOR_END: by_apex

/// One iteration is one request, each for the next customer.
///
/// # Panics
///
/// When the cluster's answer is no JSON.
pub fn workload() -> impl FnMut() {
    let mut customers = cluster::customers();
    move || {
        let pages = cluster::pages(customers.next().unwrap_or(1));
        by_apex(pages, &mut io::sink()).expect("the cluster answers in JSON");
    }
}
