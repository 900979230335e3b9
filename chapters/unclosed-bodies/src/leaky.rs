//! Keeps the response of each host that isn't well.

use crate::backend::Backend;
use reqwest::{Client, Response};

/// Failures that a report may have: enough for a night.
const FAILURES_MAX: usize = 4_096;

// ANCHOR: prober
/// Asks hosts, and remembers those that weren't well.
#[derive(Debug)]
pub struct Prober {
    client: Client,
    failures: Vec<Response>,
}

impl Prober {
    /// Asks a host. Returns whether it is well.
    pub async fn probe(&mut self, url: &str) -> reqwest::Result<bool> {
        let response = self.client.get(url).send().await?;
        let is_well = response.status().is_success();
        if !is_well {
            // For the report in the morning: status, headers, and what the page says.
            self.failures.push(response);
        }
        Ok(is_well)
    }

    /// The report: a line for each failure.
    pub async fn report(self) -> Vec<String> {
        let mut lines = Vec::new();
        for failure in self.failures {
            let status = failure.status();
            let page = failure.text().await.unwrap_or_default();
            lines.push(format!("{status}: {}", page.get(..8).unwrap_or_default()));
        }
        lines
    }
}
// ANCHOR_END: prober

impl Prober {
    /// A prober that has seen no failure.
    pub fn new() -> Self {
        Prober {
            client: Client::new(),
            failures: Vec::with_capacity(FAILURES_MAX),
        }
    }

    /// How many failures it remembers.
    pub fn failures(&self) -> usize {
        self.failures.len()
    }
}

impl Default for Prober {
    fn default() -> Self {
        Self::new()
    }
}

/// One iteration is one probe of a host that isn't well.
///
/// # Panics
///
/// When the host can't be asked at all.
pub async fn workload() -> impl AsyncFnMut() {
    let backend = Backend::start();
    let mut prober = Prober::new();
    async move || {
        let url = backend.url(false);
        prober.probe(&url).await.expect("the host answers");
    }
}
