//! The embedded search cluster: Elasticsearch's `_search`, as far as the service needs it, over a corpus that is the same each time.
//!
//! `POST /domains/_search` takes a query by term on `apex`, `size`, `sort` by `host` and `search_after`, and answers as
//! Elasticsearch does, with its words for errors too. So a real cluster can stand in its place.

use crate::corpus;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Elasticsearch's own bound for one page.
const SIZE_MAX: u64 = 10_000;

/// Its size where a question has none.
const SIZE: u64 = 10;

/// The running cluster. It ends with this value.
#[derive(Debug)]
pub struct Cluster {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Cluster {
    /// Starts it on this runtime, on a port of loopback; 0 takes any that is free.
    ///
    /// # Errors
    ///
    /// When the system refuses the port.
    pub async fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move { axum::serve(listener, router()).await });
        Ok(Cluster {
            address,
            serving: serving.abort_handle(),
        })
    }

    /// What the service is to be given as the cluster's address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The API by itself, for a server of your own.
pub fn router() -> Router {
    Router::new().route("/{index}/_search", routing::post(search))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    query: Query,
    #[serde(default = "default_size")]
    size: u64,
    #[serde(default)]
    sort: Vec<String>,
    search_after: Option<(String,)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    term: Term,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    apex: String,
}

fn default_size() -> u64 {
    SIZE
}

async fn search(Path(index): Path<String>, body: Bytes) -> Response {
    let started = Instant::now();
    if index != "domains" {
        let reason = format!("no such index [{index}]");
        return error(StatusCode::NOT_FOUND, "index_not_found_exception", &reason);
    }
    let question: Question = match serde_json::from_slice(&body) {
        Ok(question) => question,
        Err(wrong) => {
            return error(
                StatusCode::BAD_REQUEST,
                "parsing_exception",
                &wrong.to_string(),
            );
        }
    };
    if question.size > SIZE_MAX {
        let reason = format!(
            "Result window is too large, size must be less than or equal to: [{SIZE_MAX}] but was [{}]",
            question.size
        );
        return error(
            StatusCode::BAD_REQUEST,
            "illegal_argument_exception",
            &reason,
        );
    }
    let is_sorted = question.sort == ["host"];
    if question.search_after.is_some() && !is_sorted {
        return error(
            StatusCode::BAD_REQUEST,
            "illegal_argument_exception",
            "Sort must contain at least one field when using search_after",
        );
    }
    // Documents are made as they are asked for: that takes a core, not a pause.
    let answered = tokio::task::spawn_blocking(move || answer(&question, started)).await;
    answered.map_or_else(
        |failed| {
            error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "exception",
                &failed.to_string(),
            )
        },
        |answer| Json(answer).into_response(),
    )
}

fn answer(question: &Question, started: Instant) -> Value {
    let apex = &question.query.term.apex;
    let all = corpus::hosts(apex);
    let after = question.search_after.as_ref();
    let first = after.map_or(0, |(name,)| corpus::first_after(apex, name));
    let hits: Vec<Value> = (first..all.min(first + question.size))
        .map(|number| {
            let host = corpus::host_name(apex, number);
            json!({
                "_index": "domains",
                "_id": host,
                "_score": null,
                "_source": corpus::document(apex, number),
                "sort": [host],
            })
        })
        .collect();
    json!({
        "took": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "timed_out": false,
        "_shards": { "total": 1, "successful": 1, "skipped": 0, "failed": 0 },
        "hits": {
            "total": { "value": all, "relation": "eq" },
            "max_score": null,
            "hits": hits,
        },
    })
}

fn error(status: StatusCode, kind: &str, reason: &str) -> Response {
    let cause = json!({ "type": kind, "reason": reason });
    let body = json!({
        "error": { "root_cause": [cause], "type": kind, "reason": reason },
        "status": status.as_u16(),
    });
    (status, Json(body)).into_response()
}
