//! `GET /apex/{apex}`: the hosts of a customer's domain.

use crate::Options;
use crate::answers::Answers;
use crate::leak::Leaks;
use crate::search::{self, Search, SearchError};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use detectors::contention::waiting;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// What all requests share.
#[derive(Debug, Clone)]
pub(crate) struct App {
    search: Search,
    places: Arc<Semaphore>,
    within: Duration,
    is_streaming: bool,
    kept: Answers,
    leaks: Arc<Leaks>,
}

impl App {
    pub(crate) fn new(search: Search, options: &Options, leaks: Leaks) -> Self {
        App {
            search,
            places: Arc::new(Semaphore::new(options.at_once)),
            within: options.within,
            is_streaming: options.is_streaming,
            kept: Answers::up_to(options.keep_answers),
            leaks: Arc::new(leaks),
        }
    }
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/apex/{apex}", routing::get(by_apex))
        .route("/health", routing::get(async || "well\n"))
        .with_state(app)
}

/// Why there is no answer, or no whole one.
#[derive(Debug)]
enum ApexError {
    /// What was asked for is no domain's name.
    NoName,
    /// Nobody knows the domain.
    Unknown,
    /// As many requests are being answered as may be.
    Overloaded,
    /// It would have taken too long.
    TooLate,
    Search(SearchError),
}

impl IntoResponse for ApexError {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            ApexError::NoName => (
                StatusCode::BAD_REQUEST,
                "a domain's name has letters, digits, dots and hyphens, 253 at most".to_owned(),
            ),
            ApexError::Unknown => (
                StatusCode::NOT_FOUND,
                "no host of this domain is known".to_owned(),
            ),
            ApexError::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests at once; come again in a second".to_owned(),
            ),
            ApexError::TooLate => (StatusCode::GATEWAY_TIMEOUT, "it took too long".to_owned()),
            ApexError::Search(error @ SearchError::TooLate(_)) => {
                (StatusCode::GATEWAY_TIMEOUT, error.to_string())
            }
            ApexError::Search(error) => (StatusCode::BAD_GATEWAY, error.to_string()),
        };
        let body = Json(json!({ "error": text, "status": status.as_u16() }));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return (status, [(header::RETRY_AFTER, "1")], body).into_response();
        }
        (status, body).into_response()
    }
}

impl From<SearchError> for ApexError {
    fn from(error: SearchError) -> Self {
        ApexError::Search(error)
    }
}

async fn by_apex(State(app): State<App>, Path(apex): Path<String>) -> Result<Response, ApexError> {
    if !is_name(&apex) {
        return Err(ApexError::NoName);
    }
    let Ok(place) = Arc::clone(&app.places).try_acquire_owned() else {
        return Err(ApexError::Overloaded);
    };
    app.leaks.strike().await;
    if app.is_streaming {
        return stream(app, apex, place).await;
    }
    let hosts = if let Some(hosts) = app.kept.get(&apex) {
        hosts
    } else {
        let collected = tokio::time::timeout(app.within, collect(&app.search, &apex)).await;
        let hosts: Arc<[Host]> = collected.map_err(|_| ApexError::TooLate)??.into();
        app.kept.keep(&apex, &hosts);
        hosts
    };
    drop(place);
    Ok(Json(json!({ "apex": apex, "count": hosts.len(), "hosts": *hosts })).into_response())
}

fn is_name(apex: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    (1..=253).contains(&apex.len()) && apex.bytes().all(is_letter)
}

/// What the service tells of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Host {
    name: String,
    addresses: Vec<String>,
    ports: Vec<u16>,
    technologies: Vec<String>,
    last_seen: String,
}

impl Host {
    /// What it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.addresses.iter().chain(&self.technologies);
        let texts: usize = texts
            .map(|text| size_of::<String>() + text.capacity())
            .sum();
        let ports = self.ports.capacity() * size_of::<u16>();
        size_of::<Self>() + self.name.capacity() + self.last_seen.capacity() + ports + texts
    }
}

// ANCHOR: collect
/// The incident's way: each page becomes a tree of values, hosts are copied out of it and appended, and all are returned at once.
async fn collect(search: &Search, apex: &str) -> Result<Vec<Host>, ApexError> {
    let mut hosts = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let text = search.page(apex, after.as_deref()).await?;
        let page: Value = serde_json::from_slice(&text).map_err(|error| malformed(&error))?;
        let hits = page["hits"]["hits"]
            .as_array()
            .ok_or_else(|| missing("hits.hits"))?;
        for hit in hits {
            hosts.push(host_of(&hit["_source"])?);
        }
        if hits.len() < search.page_size() {
            break;
        }
        let last = hits.last().and_then(|hit| hit["sort"][0].as_str());
        after = Some(last.ok_or_else(|| missing("sort"))?.to_owned());
    }
    if hosts.is_empty() {
        return Err(ApexError::Unknown);
    }
    Ok(hosts)
}
// ANCHOR_END: collect

fn host_of(source: &Value) -> Result<Host, ApexError> {
    let text = |value: &Value, name: &str| {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| missing(name))
    };
    let list = |name: &str| source[name].as_array().ok_or_else(|| missing(name));
    Ok(Host {
        name: text(&source["host"], "host")?,
        addresses: list("records")?
            .iter()
            .map(|record| text(&record["value"], "records.value"))
            .collect::<Result<_, _>>()?,
        ports: list("ports")?
            .iter()
            .map(|port| {
                port["port"]
                    .as_u64()
                    .and_then(|port| port.try_into().ok())
                    .ok_or_else(|| missing("ports.port"))
            })
            .collect::<Result<_, _>>()?,
        technologies: list("technologies")?
            .iter()
            .map(|technology| text(&technology["name"], "technologies.name"))
            .collect::<Result<_, _>>()?,
        last_seen: text(&source["last_seen"], "last_seen")?,
    })
}

fn malformed(error: &serde_json::Error) -> ApexError {
    // It quotes the answer, which may be long.
    ApexError::Search(SearchError::Malformed(search::start_of(&error.to_string())))
}

fn missing(name: &str) -> ApexError {
    ApexError::Search(SearchError::Malformed(format!(
        "{name} is missing or of another type"
    )))
}

/// A page of hosts, of which only what is needed is read, and nothing is copied that needn't be.
#[derive(Debug, Deserialize)]
struct Page<'t> {
    #[serde(borrow)]
    hits: Hits<'t>,
}

#[derive(Debug, Deserialize)]
struct Hits<'t> {
    #[serde(borrow)]
    hits: Vec<Hit<'t>>,
}

#[derive(Debug, Deserialize)]
struct Hit<'t> {
    #[serde(borrow, rename = "_source")]
    source: Source<'t>,
    sort: (String,),
}

#[derive(Debug, Deserialize)]
struct Source<'t> {
    #[serde(borrow)]
    host: std::borrow::Cow<'t, str>,
    #[serde(borrow)]
    records: Vec<Record<'t>>,
    ports: Vec<Port>,
    #[serde(borrow)]
    technologies: Vec<Technology<'t>>,
    #[serde(borrow)]
    last_seen: std::borrow::Cow<'t, str>,
}

#[derive(Debug, Deserialize)]
struct Record<'t> {
    #[serde(borrow)]
    value: std::borrow::Cow<'t, str>,
}

#[derive(Debug, Deserialize)]
struct Port {
    port: u16,
}

#[derive(Debug, Deserialize)]
struct Technology<'t> {
    #[serde(borrow)]
    name: std::borrow::Cow<'t, str>,
}

/// The same answer in bounded memory: a page is asked for when the one before it is on its way to the client.
///
/// What goes wrong before the first page is told with a status. Afterwards the connection is closed in the middle, since the
/// status is out: the client sees an answer that isn't whole.
async fn stream(
    app: App,
    apex: String,
    place: OwnedSemaphorePermit,
) -> Result<Response, ApexError> {
    let first = tokio::time::timeout(app.within, page_of(&app.search, &apex, None)).await;
    let first = first.map_err(|_| ApexError::TooLate)??;
    if first.hosts == 0 {
        return Err(ApexError::Unknown);
    }
    let (pieces, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    tokio::spawn(async move {
        let _place = place;
        let sent =
            tokio::time::timeout(app.within, send_all(&app.search, &apex, first, &pieces)).await;
        let failed = match sent {
            Ok(Ok(())) => return,
            Ok(Err(error)) => format!("{error:?}"),
            Err(_) => "it took too long".to_owned(),
        };
        // Fails when the client has gone; then nobody is left to tell.
        let _ = pieces.send(Err(std::io::Error::other(failed))).await;
    });
    let body = Body::from_stream(ReceiverStream::new(receiver));
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

struct Piece {
    /// The page's hosts as JSON, each behind a comma but the first.
    text: String,
    hosts: usize,
    last: Option<String>,
}

async fn page_of(search: &Search, apex: &str, after: Option<&str>) -> Result<Piece, ApexError> {
    let text = search.page(apex, after).await?;
    let page: Page<'_> = serde_json::from_slice(&text).map_err(|error| malformed(&error))?;
    let hits = &page.hits.hits;
    let mut piece = String::with_capacity(text.len() / 4);
    for Hit { source, .. } in hits {
        if !piece.is_empty() {
            piece.push(',');
        }
        let host = json!({
            "name": source.host,
            "addresses": source.records.iter().map(|record| &*record.value).collect::<Vec<_>>(),
            "ports": source.ports.iter().map(|port| port.port).collect::<Vec<_>>(),
            "technologies": source.technologies.iter().map(|technology| &*technology.name).collect::<Vec<_>>(),
            "last_seen": source.last_seen,
        });
        let _ = write!(piece, "{host}"); // a String takes whatever comes
    }
    let is_last = hits.len() < search.page_size();
    Ok(Piece {
        text: piece,
        hosts: hits.len(),
        last: hits
            .last()
            .filter(|_| !is_last)
            .map(|hit| hit.sort.0.clone()),
    })
}

async fn send_all(
    search: &Search,
    apex: &str,
    first: Piece,
    pieces: &mpsc::Sender<Result<Bytes, std::io::Error>>,
) -> Result<(), ApexError> {
    let head = format!("{{\"apex\":{},\"hosts\":[", json!(apex));
    let mut count = first.hosts;
    let mut after = first.last;
    // The client's pace: it takes one piece, and only then is there room for another.
    let send = |text: String| waiting(pieces.send(Ok(text.into())));
    let mut is_open = send(head + &first.text).await.is_ok();
    while let Some(last) = after.take().filter(|_| is_open) {
        let next = page_of(search, apex, Some(&last)).await?;
        if next.hosts > 0 {
            is_open = send(format!(",{}", next.text)).await.is_ok();
        }
        count += next.hosts;
        after = next.last;
    }
    // Without a client there is nobody to end the answer for.
    let _ = send(format!("],\"count\":{count}}}")).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_are_of_domains() {
        for name in ["customer-0042.example", "a", &"a".repeat(253)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a b", "a/b", "é.example", "\"", &"a".repeat(254)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
