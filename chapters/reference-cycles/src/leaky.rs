//! Looks an apex up as a tree in which parents own their children, and children own their parents.

use crate::backend::{Record, SearchCluster};
use std::fmt::{self, Write};
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

// ANCHOR: tree
/// What is known of an apex.
#[derive(Debug)]
pub struct Apex {
    name: Box<str>,
    /// Filled when the apex exists, since each host needs it.
    hosts: OnceLock<Vec<Arc<Host>>>,
}

/// A host, which can be handed to a prober by itself.
pub struct Host {
    label: Box<str>,
    address: Ipv4Addr,
    /// The host's whole name ends with its apex'.
    apex: Arc<Apex>,
}

impl Apex {
    /// Asks the cluster for the hosts below an apex.
    pub fn look_up(cluster: &SearchCluster, name: &str) -> Arc<Apex> {
        let apex = Arc::new(Apex {
            name: Box::from(name),
            hosts: OnceLock::new(),
        });
        apex.hosts.get_or_init(|| {
            let records = cluster.hosts_below(name);
            records.map(|record| Host::below(&apex, record)).collect()
        });
        apex
    }
    // ANCHOR_END: tree

    /// The hosts, in the cluster's order.
    pub fn hosts(&self) -> &[Arc<Host>] {
        self.hosts.get().map_or(&[], Vec::as_slice)
    }

    /// The answer to the customer: a line for each host.
    pub fn answer(&self) -> String {
        let mut answer = String::new();
        for host in self.hosts() {
            writeln!(answer, "{} {}", host.full_name(), host.address)
                .expect("a String takes any text");
        }
        answer
    }
}

// ANCHOR: host
impl Host {
    fn below(apex: &Arc<Apex>, record: Record) -> Arc<Host> {
        Arc::new(Host {
            label: record.label,
            address: record.address,
            apex: Arc::clone(apex),
        })
    }

    /// The host's label and its apex: `www.shop.example`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.label, self.apex.name)
    }
}
// ANCHOR_END: host

// ANCHOR: debug
/// By hand: a derived one would print the apex, which prints its hosts, which print their apex, and never end.
impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("label", &self.label)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
// ANCHOR_END: debug

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
