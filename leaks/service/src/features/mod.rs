//! The service with all that its operators have added to it: sessions, a throttle, an audit trail, watchers, exports, reports.
//!
//! | part | is |
//! |---|---|
//! | [`rollout`] | which changes are live, for which part of the work |
//! | `sessions`, `throttle` | who is being served, and how often a client may ask |
//! | `lookup`, `briefs` | asks the search cluster; the last answers |
//! | `audit`, `watchers`, `registry` | who was told what, who waits for changes, the last apexes as trees and views |
//! | `buffers`, `slots`, `short`, `codec` | what answers are written into, the last pages, short texts, zlib |
//! | `exports`, `reports` | files and mails; what is told of large customers |

mod audit;
mod briefs;
mod buffers;
mod codec;
mod exports;
mod lookup;
mod registry;
mod reports;
pub mod rollout;
pub mod serve;
mod sessions;
mod short;
mod slots;
mod throttle;
mod watchers;

use crate::StartError;
use audit::Audit;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use briefs::{Brief, Briefs, Mark};
use buffers::Buffers;
use bytes::Bytes;
use codec::Codec;
use exports::Exports;
use lookup::{Lookup, PAGE, Page};
use registry::Registry;
use reports::Reports;
use rollout::Rollout;
use sessions::Sessions;
use slots::Slots;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use throttle::Throttle;
use tokio::net::TcpListener;
use watchers::{Change, Watchers};

/// More hosts than a page may have.
const TOO_MANY: usize = 400;

/// What is weighed of each host.
const MARKS: u64 = 32;

/// How long a client may wait for a change.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// All that requests share.
#[derive(Debug)]
struct Desk {
    sessions: Sessions,
    throttle: Throttle,
    lookup: Lookup,
    briefs: Briefs,
    audit: Audit,
    watchers: Watchers,
    registry: Registry,
    buffers: Buffers,
    slots: Slots,
    codec: Codec,
    exports: Exports,
    reports: Reports,
}

/// The service's routes, with these changes live. `folder` is for what it exports.
///
/// # Errors
///
/// When the search cluster's address is none.
///
/// # Panics
///
/// Outside of a runtime: some parts have a task.
pub fn router(search_url: &str, folder: PathBuf, rollout: &Rollout) -> Result<Router, StartError> {
    let live = || rollout.clone();
    let desk = Desk {
        sessions: Sessions::new(live()),
        throttle: Throttle::new(live()),
        lookup: Lookup::new(search_url, live())?,
        briefs: Briefs::new(live()),
        audit: Audit::new(live()),
        watchers: Watchers::new(live()),
        registry: Registry::new(live()),
        buffers: Buffers::new(live()),
        slots: Slots::new(live()),
        codec: Codec::new(live()),
        exports: Exports::new(folder, live()),
        reports: Reports::new(live()),
    };
    Ok(Router::new()
        .route("/apex/{apex}", routing::get(apex))
        .route("/watch/{apex}", routing::get(watch))
        .route("/beats/{apex}", routing::get(beats))
        .route("/next/{apex}", routing::get(next))
        .route("/deep/{apex}", routing::get(deep))
        .route("/export/{apex}", routing::get(export))
        .route("/report/{apex}", routing::get(report))
        .route("/status", routing::get(status))
        .route("/health", routing::get(async || "well\n"))
        .with_state(Arc::new(desk)))
}

/// Serves these routes to whoever connects, until the runtime ends.
pub async fn serve_on(listener: TcpListener, router: Router) {
    // It tries again after whatever error.
    let _ = axum::serve(listener, router).await;
}

type Of = State<Arc<Desk>>;

/// A value of the query, `client=C0042&for=500`.
fn of_query<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

/// How long to wait.
fn within(query: Option<&str>) -> Duration {
    let wanted = of_query(query, "for").and_then(|text| text.parse().ok());
    wanted
        .map_or(Duration::from_secs(1), Duration::from_millis)
        .min(WAIT_MAX)
}

async fn apex(State(desk): Of, Path(apex): Path<String>, RawQuery(query): RawQuery) -> Response {
    let client = of_query(query.as_deref(), "client").unwrap_or("nobody");
    if !desk.throttle.admits(client) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    desk.sessions.enter(client, &apex);
    let brief = desk.brief(client, &apex).await;
    desk.sessions.leave(client);
    match brief {
        Some(brief) => brief.text.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Desk {
    /// What is told of an apex: as it was told before, or from the cluster's first page.
    async fn brief(&self, client: &str, apex: &str) -> Option<Arc<Brief>> {
        if let Some(brief) = self.briefs.get(apex) {
            return Some(brief);
        }
        if self.briefs.is_unknown(apex) {
            return None;
        }
        let text = self.lookup.page(apex, PAGE).await?;
        self.told(client, apex, &text)
    }

    /// Reads a page, and has every part take note of it.
    fn told(&self, client: &str, apex: &str, text: &Bytes) -> Option<Arc<Brief>> {
        let page: Page<'_> = serde_json::from_slice(text).ok()?;
        let hosts = || page.hits.hits.iter().map(|hit| &hit.source);
        let Some(first) = hosts().next() else {
            self.briefs
                .remember_unknown(apex, "the cluster knows no host of it");
            return None;
        };
        let marks = hosts().flat_map(|host| {
            (0..MARKS).map(move |number| Mark {
                number,
                ports: host.ports.len() as u64,
                weight: host.ports.iter().map(|port| u64::from(port.port)).sum(),
            })
        });
        self.briefs.list(apex, marks.collect());
        self.briefs.date(text, first.last_seen);
        self.audit.note(client, text, first.host);
        self.registry.enter(apex, hosts().map(|host| host.host));
        self.registry.view(hosts().map(|host| host.last_seen));
        self.slots.put(text);
        let brief = self.buffers.written(client, |out| write(out, &page));
        // A summary has no host in it.
        self.slots.visit(apex, brief.lines());
        self.audit.copy(client, &brief);
        let what = brief.chars().take(2_000).collect();
        self.watchers.tell(Change {
            apex: apex.to_owned(),
            what,
        });
        Some(self.briefs.keep(apex, &brief))
    }
}

/// A line for each host, and a summary where there are many.
fn write(out: &mut String, page: &Page<'_>) {
    for hit in &page.hits.hits {
        let host = &hit.source;
        let _ = write!(out, "{} {}", host.host, host.last_seen);
        for port in &host.ports {
            let _ = write!(out, " {}", port.banner);
        }
        out.push('\n');
    }
    if page.hits.hits.len() >= PAGE {
        let _ = writeln!(out, "\n{} and more", page.hits.hits.len());
    }
}

async fn watch(State(desk): Of, Path(apex): Path<String>, RawQuery(query): RawQuery) -> String {
    let is_changed = desk.watchers.wait(&apex, within(query.as_deref())).await;
    format!("{is_changed}\n")
}

async fn beats(State(desk): Of, Path(apex): Path<String>, RawQuery(query): RawQuery) -> String {
    let beats = desk
        .watchers
        .wait_with_beats(&apex, within(query.as_deref()))
        .await;
    format!("{beats}\n")
}

async fn next(State(desk): Of, Path(apex): Path<String>, RawQuery(query): RawQuery) -> StatusCode {
    let after = of_query(query.as_deref(), "after").unwrap_or_default();
    desk.lookup.look_ahead(&apex, after).await;
    StatusCode::ACCEPTED
}

async fn deep(State(desk): Of, Path(apex): Path<String>) -> StatusCode {
    let page = desk.lookup.page(&apex, TOO_MANY).await;
    page.map_or(StatusCode::BAD_REQUEST, |_| StatusCode::OK)
}

async fn export(State(desk): Of, Path(apex): Path<String>, RawQuery(query): RawQuery) -> Response {
    let Some(page) = desk.lookup.page(&apex, PAGE).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let Ok(read) = serde_json::from_slice::<Page<'_>>(&page) else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let lines = of_query(query.as_deref(), "lines").and_then(|text| text.parse().ok());
    let hosts = read.hits.hits.iter().take(lines.unwrap_or(PAGE));
    let mut text = String::new();
    for hit in hosts {
        let _ = writeln!(text, "{},{}", hit.source.host, hit.source.last_seen);
    }
    let spooled = desk.codec.spooled(&page);
    let written = desk.exports.write(&apex, &text);
    if spooled.is_none() || written.is_err() {
        return StatusCode::INSUFFICIENT_STORAGE.into_response();
    }
    desk.exports.mail(&page);
    match desk.codec.compressed(text.as_bytes()) {
        Some(compressed) => compressed.into_response(),
        None => text.into_response(),
    }
}

async fn report(State(desk): Of, Path(apex): Path<String>) -> String {
    let ports = desk.reports.ports(&desk.lookup, &apex).await;
    let desk = Arc::clone(&desk);
    let indexing = tokio::task::spawn_blocking(move || desk.reports.index(&apex));
    format!(
        "{ports} ports, {} bytes of words\n",
        indexing.await.unwrap_or(0)
    )
}

async fn status(State(desk): Of) -> String {
    let sessions = desk.sessions.shown();
    let (briefs, audit, watchers) = (
        desk.briefs.shown(),
        desk.audit.shown(),
        desk.watchers.shown(),
    );
    let (refusals, registry, slots) = (
        desk.lookup.shown(),
        desk.registry.shown(),
        desk.slots.shown(),
    );
    let (exports, buffers) = (desk.exports.shown(), desk.buffers.shown());
    format!(
        "sessions {sessions:?}\nbriefs {briefs:?}\naudit {audit:?}\nwatchers {watchers:?}\nlookup {refusals:?}\n\
         registry {registry:?}\nslots {slots:?}\nexports {exports:?}\nbuffers {buffers:?}\n"
    )
}
