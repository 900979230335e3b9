//! Asks the search cluster for the hosts of an apex, and sometimes before anybody wants them.

use super::rollout::Rollout;
use crate::StartError;
use bytes::Bytes;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Hosts of one page.
pub(super) const PAGE: usize = 25;

/// A page that is longer isn't read.
const LONGEST: u64 = 256 << 10;

/// The same for a report.
const LONGEST_OF_A_REPORT: u64 = 64 << 20;

/// Hosts that are asked for ahead.
const NEXT: usize = 200;

/// Refusals that the operators' page shows.
const REFUSALS: usize = 4_000;

/// Pages that are asked for before anybody wants them.
const AHEAD: usize = 2;

const WITHIN: Duration = Duration::from_secs(20);

/// How long a connection to the cluster may be idle.
const IDLE: Duration = Duration::from_secs(15);

/// The cluster's answer, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) hits: Hits<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Hits<'a> {
    #[serde(borrow)]
    pub(super) hits: Vec<Hit<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Hit<'a> {
    #[serde(borrow, rename = "_source")]
    pub(super) source: Source<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Source<'a> {
    pub(super) host: &'a str,
    pub(super) last_seen: &'a str,
    #[serde(borrow)]
    pub(super) ports: Vec<Port<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Port<'a> {
    pub(super) port: u16,
    pub(super) banner: &'a str,
}

/// The cluster said no, or too much.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    whole: Option<Response>,
}

/// Pages that were asked for before anybody wanted them.
#[derive(Debug)]
struct Ahead {
    latest: VecDeque<Response>,
    earlier: Vec<Response>,
}

#[derive(Debug)]
pub(super) struct Lookup {
    client: Client,
    url: Url,
    refusals: Mutex<VecDeque<Refusal>>,
    ahead: Mutex<Ahead>,
    rollout: Rollout,
}

impl Lookup {
    pub(super) fn new(url: &str, rollout: Rollout) -> Result<Self, StartError> {
        let refused = |why: String| StartError::SearchUrl(url.to_owned(), why);
        let base = Url::parse(url).map_err(|error| refused(error.to_string()))?;
        let client = Client::builder()
            .no_proxy()
            .timeout(WITHIN)
            .pool_idle_timeout(IDLE)
            .build();
        Ok(Lookup {
            client: client.map_err(|error| refused(error.to_string()))?,
            url: base
                .join("/domains/_search")
                .map_err(|error| refused(error.to_string()))?,
            refusals: Mutex::new(VecDeque::with_capacity(REFUSALS)),
            ahead: Mutex::new(Ahead {
                latest: VecDeque::with_capacity(AHEAD + 1),
                earlier: Vec::with_capacity(4_096),
            }),
            rollout,
        })
    }

    async fn ask(&self, apex: &str, size: usize, after: Option<&str>) -> reqwest::Result<Response> {
        let mut question = json!({
            "query": { "term": { "apex": apex } },
            "size": size,
            "sort": ["host"],
        });
        if let Some(after) = after {
            question["search_after"] = json!([after]);
        }
        let asked = self.client.post(self.url.clone());
        let asked = asked.header("content-type", "application/json");
        asked.body(question.to_string()).send().await
    }

    /// The text of the first page, of so many hosts. `None` where the cluster refuses, can't be reached or says too much.
    pub(super) async fn page(&self, apex: &str, size: usize) -> Option<Bytes> {
        let answer = self.ask(apex, size, None).await.ok()?;
        let length = answer.content_length().unwrap_or(0);
        if answer.status().is_success() && length <= LONGEST {
            return answer.bytes().await.ok();
        }
        self.refused(answer);
        None
    }

    /// The text of a page for a report, which may be long.
    pub(super) async fn long_page(&self, apex: &str, size: usize) -> Option<Bytes> {
        let answer = self.ask(apex, size, None).await.ok()?;
        let length = answer.content_length().unwrap_or(0);
        let is_read = answer.status().is_success() && length <= LONGEST_OF_A_REPORT;
        answer.bytes().await.ok().filter(|_| is_read)
    }

    /// Keeps what the cluster said for the operators' page: its status, and what else is to be shown of it.
    fn refused(&self, answer: Response) {
        let status = answer.status();
        let whole = self.rollout.takes(38).then_some(answer);
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() == REFUSALS {
            refusals.pop_front();
        }
        refusals.push_back(Refusal { status, whole });
    }

    /// Asks for what comes after the page that somebody has just read.
    pub(super) async fn look_ahead(&self, apex: &str, after: &str) {
        let Ok(answer) = self.ask(apex, NEXT, Some(after)).await else {
            return;
        };
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.latest.push_back(answer);
        if ahead.latest.len() > AHEAD {
            let oldest = ahead.latest.pop_front();
            ahead
                .earlier
                .extend(oldest.filter(|_| self.rollout.takes(71)));
        }
    }

    /// How many refusals are shown, how long they are, and how many pages were asked for ahead.
    pub(super) fn shown(&self) -> (usize, u64, usize) {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let length = |refusal: &Refusal| refusal.whole.as_ref().and_then(Response::content_length);
        let bad = refusals
            .iter()
            .filter(|refusal| refusal.status == StatusCode::OK);
        let length = bad.filter_map(length).sum();
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        (
            refusals.len(),
            length,
            ahead.latest.len() + ahead.earlier.len(),
        )
    }
}
