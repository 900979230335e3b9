//! Steady, and useless: only the first host is asked, whether it answers or not.

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
    let first = hosts.first().cloned()?;
    let patience = std::time::Duration::from_millis(5);
    tokio::time::timeout(patience, first.ask()).await.ok()
}
