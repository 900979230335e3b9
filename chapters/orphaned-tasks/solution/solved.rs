//! SOLUTION: the probes belong to the call. A `JoinSet` gives the first that ends, and aborts the others when it goes.

use tokio::task::JoinSet;

/// A host, and whether it answers.
#[derive(Debug, Clone)]
pub struct Host {
    pub name: String,
    pub answers: bool,
}

impl Host {
    /// Asks the host. It answers with its name, or never.
    pub async fn ask(self) -> String {
        if !self.answers {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        self.name
    }
}

/// The name of the first host that answers; `None` when there is no host.
pub async fn first_to_answer(hosts: &[Host]) -> Option<String> {
    let mut probes = JoinSet::new();
    for host in hosts.iter().cloned() {
        probes.spawn(host.ask());
    }
    while let Some(ended) = probes.join_next().await {
        if let Ok(name) = ended {
            return Some(name);
        }
    }
    None
}
