//! The search cluster as the service sees it: for an apex, the hosts that are known below it.

use std::net::Ipv4Addr;

/// The labels that the cluster knows below every apex.
const LABELS: [&str; HOSTS_PER_APEX] = [
    "api",
    "app",
    "autodiscover",
    "blog",
    "cdn",
    "dev",
    "docs",
    "ftp",
    "git",
    "imap",
    "mail",
    "mx",
    "ns1",
    "ns2",
    "shop",
    "smtp",
    "staging",
    "static",
    "vpn",
    "www",
];

/// Hosts below an apex.
pub const HOSTS_PER_APEX: usize = 20;

/// A cluster that knows the same hosts below every apex.
#[derive(Debug, Default)]
pub struct SearchCluster;

/// One hit: a host below the apex that was asked for.
#[derive(Debug)]
pub struct Record {
    /// The part before the apex: `www`.
    pub label: Box<str>,
    /// Where the host answers.
    pub address: Ipv4Addr,
}

impl SearchCluster {
    /// The hosts below an apex, in the order of their labels.
    pub fn hosts_below(&self, _apex: &str) -> impl Iterator<Item = Record> {
        LABELS.iter().zip(1..).map(|(&label, number)| Record {
            label: Box::from(label),
            address: Ipv4Addr::new(192, 0, 2, number),
        })
    }
}
