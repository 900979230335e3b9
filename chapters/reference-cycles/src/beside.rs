//! The same class in other clothes, each leaking and fixed: what each leaves behind is measured in `tests/by_dhat/beside.rs`.

use crate::backend::{Record, SearchCluster};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::mpsc;

// ANCHOR: fixes
/// Nobody owns anybody: apexes and hosts lie in lists, and a host has its apex' number.
#[derive(Debug, Default)]
pub struct Directory {
    apexes: Vec<Box<str>>,
    hosts: Vec<(usize, Record)>,
}

impl Directory {
    /// Asks the cluster for the hosts below an apex.
    pub fn look_up(&mut self, cluster: &SearchCluster, apex: &str) {
        let number = self.apexes.len();
        self.apexes.push(Box::from(apex));
        let records = cluster.hosts_below(apex);
        self.hosts.extend(records.map(|record| (number, record)));
    }

    /// The names of all hosts.
    pub fn full_names(&self) -> impl Iterator<Item = String> {
        let hosts = self.hosts.iter();
        hosts.map(|(apex, host)| format!("{}.{}", host.label, self.apexes[*apex]))
    }
}

/// Ownership alone: the apex owns its hosts, and whoever asks for a host's name comes by way of the apex.
#[derive(Debug)]
pub struct OwningApex {
    name: Box<str>,
    hosts: Vec<Record>,
}

impl OwningApex {
    /// Asks the cluster for the hosts below an apex.
    pub fn look_up(cluster: &SearchCluster, apex: &str) -> Self {
        OwningApex {
            name: Box::from(apex),
            hosts: cluster.hosts_below(apex).collect(),
        }
    }

    /// The names of all hosts.
    pub fn full_names(&self) -> impl Iterator<Item = String> {
        let hosts = self.hosts.iter();
        hosts.map(|host| format!("{}.{}", host.label, self.name))
    }
}
// ANCHOR_END: fixes

// ANCHOR: callback
/// Watches a host's certificate, and calls back when it changes.
#[derive(Default)]
pub struct CertificateMonitor {
    warnings: AtomicUsize,
    on_change: OnceLock<OnChange>,
}

type OnChange = Box<dyn Fn(&CertificateMonitor) + Send + Sync>;

/// The callback owns the monitor that owns the callback.
pub fn callback_owns_its_owner() -> Arc<CertificateMonitor> {
    let monitor = Arc::new(CertificateMonitor::default());
    let owner = Arc::clone(&monitor);
    monitor.call_on_change(move |_| owner.warn());
    monitor
}

/// The callback asks whether the monitor is still there.
pub fn callback_knows_its_owner() -> Arc<CertificateMonitor> {
    let monitor = Arc::new(CertificateMonitor::default());
    let owner = Arc::downgrade(&monitor);
    monitor.call_on_change(move |_| {
        if let Some(owner) = owner.upgrade() {
            owner.warn();
        }
    });
    monitor
}

/// The callback captures nothing: whoever calls it is the monitor, and says so.
pub fn callback_is_given_its_owner() -> Arc<CertificateMonitor> {
    let monitor = Arc::new(CertificateMonitor::default());
    monitor.call_on_change(CertificateMonitor::warn);
    monitor
}
// ANCHOR_END: callback

impl CertificateMonitor {
    /// The certificate has changed.
    pub fn changed(&self) {
        if let Some(on_change) = self.on_change.get() {
            on_change(self);
        }
    }

    /// How many warnings were given.
    pub fn warnings(&self) -> usize {
        self.warnings.load(Relaxed)
    }

    fn warn(&self) {
        self.warnings.fetch_add(1, Relaxed);
    }

    fn call_on_change(&self, on_change: impl Fn(&CertificateMonitor) + Send + Sync + 'static) {
        self.on_change.get_or_init(|| Box::new(on_change));
    }
}

impl std::fmt::Debug for CertificateMonitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateMonitor")
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

// ANCHOR: task
/// Probes hosts in a task of its own, which ends when nobody can ask any more: when the sender is gone.
#[derive(Debug)]
pub struct Prober {
    requests: mpsc::Sender<Record>,
    probed: Arc<AtomicUsize>,
}

/// The task owns the prober, the prober owns the sender, and the sender keeps the task waiting.
pub fn task_owns_its_owner() -> Arc<Prober> {
    let (prober, mut requests) = Prober::new();
    let owner = Arc::clone(&prober);
    tokio::spawn(async move {
        while let Some(host) = requests.recv().await {
            owner.probe(&host);
        }
    });
    prober
}

/// The task asks at each turn whether the prober is still there, and holds it for that turn only.
pub fn task_knows_its_owner() -> Arc<Prober> {
    let (prober, mut requests) = Prober::new();
    let owner = Arc::downgrade(&prober);
    tokio::spawn(async move {
        while let Some(host) = requests.recv().await {
            let Some(owner) = Weak::upgrade(&owner) else {
                return;
            };
            owner.probe(&host);
        }
    });
    prober
}

/// The task owns the part that it works with, and not the whole.
pub fn task_owns_its_part() -> Arc<Prober> {
    let (prober, mut requests) = Prober::new();
    let count = Arc::clone(&prober.probed);
    tokio::spawn(async move {
        while let Some(_host) = requests.recv().await {
            count.fetch_add(1, Relaxed);
        }
    });
    prober
}
// ANCHOR_END: task

impl Prober {
    fn new() -> (Arc<Prober>, mpsc::Receiver<Record>) {
        let (requests, incoming) = mpsc::channel(8);
        let prober = Prober {
            requests,
            probed: Arc::default(),
        };
        (Arc::new(prober), incoming)
    }

    /// Asks for a host to be probed. `false` when the task is gone.
    pub async fn ask(&self, host: Record) -> bool {
        self.requests.send(host).await.is_ok()
    }

    /// How many hosts were probed.
    pub fn probed(&self) -> usize {
        self.probed.load(Relaxed)
    }

    fn probe(&self, _host: &Record) {
        self.probed.fetch_add(1, Relaxed);
    }
}

/// A page of the cluster's answer, inside its block.
pub type InlinePage = [u8; PAGE_BYTES];

/// A page's length.
pub const PAGE_BYTES: usize = 16 << 10;

// ANCHOR: weak
/// A `Weak` whose value is gone. The value is dropped; its block stays, since the counts lie in the same block.
pub fn weak_to_a_page() -> Weak<InlinePage> {
    Arc::downgrade(&Arc::new([0; PAGE_BYTES]))
}

/// The same, with the page in a block of its own: what stays is the small block with the counts.
pub fn weak_to_a_boxed_page() -> Weak<Box<[u8]>> {
    Arc::downgrade(&Arc::new(vec![0; PAGE_BYTES].into_boxed_slice()))
}
// ANCHOR_END: weak
