//! Parses what it needs, and writes a page before it asks for the next.

use crate::cluster;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Write};

// ANCHOR: types
/// A page, as far as it is needed: what isn't named here is read over. Texts lie in the page itself.
#[derive(Debug, Deserialize)]
pub struct Page<'p> {
    #[serde(borrow)]
    pub hits: Hits<'p>,
}

#[derive(Debug, Deserialize)]
pub struct Hits<'p> {
    #[serde(borrow)]
    pub hits: Vec<Hit<'p>>,
}

#[derive(Debug, Deserialize)]
pub struct Hit<'p> {
    #[serde(borrow, rename = "_source")]
    pub source: Host<'p>,
}

#[derive(Debug, Deserialize)]
pub struct Host<'p> {
    /// A name with an escape in it has to be copied; every other one is borrowed.
    #[serde(borrow)]
    pub host: Cow<'p, str>,
    pub ports: Vec<Port>,
}

#[derive(Debug, Deserialize)]
pub struct Port {
    pub port: u16,
    pub tls: bool,
}
// ANCHOR_END: types

/// What is told of a host.
#[derive(Debug, Serialize)]
struct Told<'h> {
    host: &'h str,
    tls: Vec<u16>,
}

// ANCHOR: by_apex
/// Writes the hosts with an open TLS port, and returns how many there are.
pub fn by_apex(pages: impl Iterator<Item = String>, out: &mut impl Write) -> io::Result<usize> {
    let mut told = 0;
    for page in pages {
        let page: Page<'_> = serde_json::from_str(&page)?;
        for hit in &page.hits.hits {
            told += usize::from(tell(&hit.source, out)?);
        }
        // The page goes here, with all that was parsed from it.
    }
    Ok(told)
}
// ANCHOR_END: by_apex

/// Writes a host that has an open TLS port, and says whether it had one.
pub fn tell(host: &Host<'_>, out: &mut impl Write) -> io::Result<bool> {
    let tls = host.ports.iter().filter(|port| port.tls);
    let told = Told {
        host: &host.host,
        tls: tls.map(|port| port.port).collect(),
    };
    if told.tls.is_empty() {
        return Ok(false);
    }
    serde_json::to_writer(&mut *out, &told)?;
    writeln!(out)?;
    Ok(true)
}

/// One iteration is one request, each for the next customer.
///
/// # Panics
///
/// When the cluster's answer is no JSON, or not such as is expected.
pub fn workload() -> impl FnMut() {
    let mut customers = cluster::customers();
    move || {
        let pages = cluster::pages(customers.next().unwrap_or(1));
        by_apex(pages, &mut io::sink()).expect("the cluster answers as it should");
    }
}
