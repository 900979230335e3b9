//! Reads the response of each host that isn't well, and keeps what the report needs.

use crate::backend::Backend;
use reqwest::{Client, Response, StatusCode};
use std::collections::VecDeque;

/// Failures that are remembered: the last ones.
pub const FAILURES_MAX: usize = 64;

/// How much of a page is worth keeping, and how much of it is read at the most.
const EXCERPT_BYTES: usize = 8;
const READ_BYTES_MAX: usize = 256 << 10;

// ANCHOR: prober
/// What the report needs of a failure: its own few bytes.
#[derive(Debug)]
struct Failure {
    status: StatusCode,
    excerpt: String,
}

/// Asks hosts, and remembers those that weren't well.
#[derive(Debug)]
pub struct Prober {
    client: Client,
    failures: VecDeque<Failure>,
}

impl Prober {
    /// Asks a host. Returns whether it is well.
    pub async fn probe(&mut self, url: &str) -> reqwest::Result<bool> {
        let response = self.client.get(url).send().await?;
        let status = response.status();
        let is_well = status.is_success();
        // The body is read here, well or not: a connection whose answer was read to its end is used again.
        let excerpt = drain(response).await?;
        if !is_well {
            if self.failures.len() == FAILURES_MAX {
                self.failures.pop_front();
            }
            self.failures.push_back(Failure { status, excerpt });
        }
        Ok(is_well)
    }

    /// The report: a line for each failure.
    pub fn report(self) -> Vec<String> {
        let line = |failure: Failure| format!("{}: {}", failure.status, failure.excerpt);
        self.failures.into_iter().map(line).collect()
    }
}

/// Reads a body to its end, within reason, and returns a copy of how it begins.
async fn drain(mut response: Response) -> reqwest::Result<String> {
    let (mut excerpt, mut read) = (String::new(), 0);
    while let Some(chunk) = response.chunk().await? {
        let missing = EXCERPT_BYTES - excerpt.len();
        let more = &chunk[..missing.min(chunk.len())];
        excerpt.extend(more.iter().map(|byte| char::from(byte & 0x7f)));
        read += chunk.len();
        if read > READ_BYTES_MAX {
            // A new connection is cheaper than whatever else is coming.
            break;
        }
    }
    Ok(excerpt)
}
// ANCHOR_END: prober

impl Prober {
    /// A prober that has seen no failure.
    pub fn new() -> Self {
        Prober {
            client: Client::new(),
            failures: VecDeque::with_capacity(FAILURES_MAX),
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
