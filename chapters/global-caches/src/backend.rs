//! Stands for the search cluster: the hosts of an apex, made from its name alone.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many hosts each apex has.
pub const HOSTS: usize = 12;

/// The hosts below an apex.
pub type Hosts = Vec<String>;

/// Asks the cluster.
pub fn search(apex: &str) -> Hosts {
    (0..HOSTS)
        .map(|number| format!("host-{number:02}.{apex}"))
        .collect()
}

/// An apex that nobody has asked for before, in this process: what a scanner sends, or a customer who mistypes.
pub fn next_apex() -> String {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    format!("customer-{number:08}.example")
}
