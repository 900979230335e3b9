//! Looks an apex up as a tree in which parents own their children, and children can ask for their parents.

use crate::backend::{Record, SearchCluster};
use std::fmt::Write;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::{Arc, Weak};

// ANCHOR: tree
/// What is known of an apex.
#[derive(Debug)]
pub struct Apex {
    name: Box<str>,
    hosts: Vec<Arc<Host>>,
}

/// A host, which can be handed to a prober by itself.
#[derive(Debug)]
pub struct Host {
    label: Box<str>,
    address: Ipv4Addr,
    /// The host's whole name ends with its apex'. Weak: the apex owns the host, so the host must not own the apex.
    apex: Weak<Apex>,
}

impl Apex {
    /// Asks the cluster for the hosts below an apex.
    pub fn look_up(cluster: &SearchCluster, name: &str) -> Arc<Apex> {
        Arc::new_cyclic(|apex| {
            let records = cluster.hosts_below(name);
            Apex {
                name: Box::from(name),
                hosts: records.map(|record| Host::below(apex, record)).collect(),
            }
        })
    }
    // ANCHOR_END: tree

    /// The hosts, in the cluster's order.
    pub fn hosts(&self) -> &[Arc<Host>] {
        &self.hosts
    }

    /// The answer to the customer: a line for each host.
    ///
    /// # Panics
    ///
    /// Never: the hosts' apex is this one, and it lives while it is borrowed.
    pub fn answer(&self) -> String {
        let mut answer = String::new();
        for host in self.hosts() {
            let name = host.full_name().expect("the apex is borrowed, so it lives");
            writeln!(answer, "{name} {}", host.address).expect("a String takes any text");
        }
        answer
    }
}

// ANCHOR: host
impl Host {
    fn below(apex: &Weak<Apex>, record: Record) -> Arc<Host> {
        Arc::new(Host {
            label: record.label,
            address: record.address,
            apex: Weak::clone(apex),
        })
    }

    /// The host's label and its apex: `www.shop.example`. `None` when the apex is gone, and nobody waits for an answer.
    pub fn full_name(&self) -> Option<String> {
        let apex = self.apex.upgrade()?;
        Some(format!("{}.{}", self.label, apex.name))
    }
}
// ANCHOR_END: host

/// One iteration is one customer's request: look up, answer, drop.
pub fn workload() -> impl FnMut() {
    let cluster = SearchCluster;
    let mut requests = 0;
    move || {
        let apex = Apex::look_up(&cluster, &format!("shop-{requests:06}.example"));
        black_box(apex.answer());
        requests += 1;
    }
}
