//! The hosts that the exercise asks: they stand for the network, which knows how often it is being asked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Where hosts are asked.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// How many hosts are being asked now.
    asked: Arc<AtomicUsize>,
}

/// When a host answers.
#[derive(Clone, Copy)]
enum Answers {
    AtOnce,
    After(Duration),
    /// When so many hosts are being asked at the same time.
    Among(usize),
    Never,
}

/// A host. Only those who ask know whether it answers.
#[derive(Clone)]
pub struct Host {
    name: String,
    answers: Answers,
    network: Network,
}

impl Host {
    /// Asks the host. It answers with its name, or never.
    pub async fn ask(self) -> String {
        let _asked = BeingAsked::on(&self.network);
        match self.answers {
            Answers::AtOnce => {}
            Answers::After(delay) => tokio::time::sleep(delay).await,
            Answers::Among(hosts) => {
                while self.network.asked() < hosts {
                    tokio::task::yield_now().await;
                }
            }
            Answers::Never => std::future::pending().await,
        }
        tokio::task::yield_now().await;
        self.name
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Host");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

impl Network {
    /// How many hosts are being asked now.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// A host that answers.
    pub fn host(&self, name: &str) -> Host {
        self.named(name, Answers::AtOnce)
    }

    /// A host that takes its time.
    pub fn slow_host(&self, name: &str, delay: Duration) -> Host {
        self.named(name, Answers::After(delay))
    }

    /// A host that answers when so many are being asked at the same time.
    pub fn host_among(&self, name: &str, hosts: usize) -> Host {
        self.named(name, Answers::Among(hosts))
    }

    /// A host that never answers.
    pub fn silent_host(&self, name: &str) -> Host {
        self.named(name, Answers::Never)
    }

    fn named(&self, name: &str, answers: Answers) -> Host {
        Host {
            name: name.to_owned(),
            answers,
            network: self.clone(),
        }
    }
}

/// Counts as asked until it is dropped: with the answer, or with the future that waits for it.
struct BeingAsked(Arc<AtomicUsize>);

impl BeingAsked {
    fn on(network: &Network) -> Self {
        network.asked.fetch_add(1, Ordering::Relaxed);
        BeingAsked(Arc::clone(&network.asked))
    }
}

impl Drop for BeingAsked {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
