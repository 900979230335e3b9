//! Asks the search cluster for an apex' hosts, page by page.

use crate::StartError;
use bytes::Bytes;
use reqwest::{Client, StatusCode, Url};
use serde_json::json;
use std::fmt;
use std::time::Duration;

/// A page that is larger is refused: what asks is to be bounded, whatever answers.
const PAGE_BYTES_MAX: usize = 64 << 20;

/// How long a connection to the cluster may be idle: each costs both sides a socket, and this side two tasks.
const IDLE: Duration = Duration::from_secs(15);

/// Characters of the cluster's own words that are passed on.
const SHOWN_MAX: usize = 200;

/// The cluster, and how much is asked for at once.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    client: Client,
    url: Url,
    page_size: usize,
    /// How long the cluster may take for one page.
    within: Duration,
}

/// Why the cluster didn't answer as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SearchError {
    /// It can't be reached, or the connection broke.
    Unreachable(String),
    /// It took longer than that.
    TooLate(Duration),
    /// It answered with an error.
    Refused(u16, String),
    /// It answered with something that is no page of hosts.
    Malformed(String),
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SearchError::Unreachable(why) => {
                write!(f, "the search cluster can't be reached: {why}")
            }
            SearchError::TooLate(within) => write!(
                f,
                "the search cluster took longer than {} s",
                within.as_secs_f64()
            ),
            SearchError::Refused(status, why) => {
                write!(f, "the search cluster answered {status}: {why}")
            }
            SearchError::Malformed(why) => {
                write!(f, "the search cluster's answer is no page of hosts: {why}")
            }
        }
    }
}

impl Search {
    pub(crate) fn new(url: &str, page_size: usize, within: Duration) -> Result<Self, StartError> {
        let refused = |why: String| StartError::SearchUrl(url.to_owned(), why);
        let base = Url::parse(url).map_err(|error| refused(error.to_string()))?;
        if base.scheme() != "http" {
            return Err(refused("this build speaks http alone".to_owned()));
        }
        let client = Client::builder()
            .timeout(within)
            .pool_idle_timeout(IDLE)
            .build();
        Ok(Search {
            client: client.map_err(|error| refused(error.to_string()))?,
            url: base
                .join("/domains/_search")
                .map_err(|error| refused(error.to_string()))?,
            page_size,
            within,
        })
    }

    pub(crate) fn page_size(&self) -> usize {
        self.page_size
    }

    /// The text of one page: the hosts after the one named, in order.
    pub(crate) async fn page(&self, apex: &str, after: Option<&str>) -> Result<Bytes, SearchError> {
        let mut question = json!({
            "query": { "term": { "apex": apex } },
            "size": self.page_size,
            "sort": ["host"],
        });
        if let Some(after) = after {
            question["search_after"] = json!([after]);
        }
        let asked = self.client.post(self.url.clone());
        let asked = asked.header("content-type", "application/json");
        let mut answer = asked
            .body(question.to_string())
            .send()
            .await
            .map_err(|error| self.of_transport(&error))?;
        let status = answer.status();
        // Read to its end whatever it says, so that the connection can be used again.
        let mut text = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.of_transport(&error))?
        {
            if text.len() + chunk.len() > PAGE_BYTES_MAX {
                return Err(SearchError::Malformed(format!(
                    "it is longer than {PAGE_BYTES_MAX} bytes"
                )));
            }
            text.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK {
            Ok(text.into())
        } else {
            Err(SearchError::Refused(status.as_u16(), reason(&text)))
        }
    }

    fn of_transport(&self, error: &reqwest::Error) -> SearchError {
        if error.is_timeout() {
            return SearchError::TooLate(self.within);
        }
        // reqwest's own words name the request; what went wrong is at the end of the chain.
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        SearchError::Unreachable(cause.to_string())
    }
}

/// Elasticsearch's own word for what is wrong.
fn reason(text: &[u8]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    let reason = answer["error"]["reason"]
        .as_str()
        .unwrap_or("without a reason");
    start_of(reason)
}

/// As much as a client is to read of what the cluster said.
pub(crate) fn start_of(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}
