//! tracing: threads log requests as JSON lines into a file, through a thread that writes.

use crate::Observer;
use crate::random::{key, text};
use crate::workers::Workers;
use fastrand::Rng;
use tracing_subscriber::EnvFilter;

/// Three requests an iteration by two threads, with a span each, spans within, and events of which most are written.
pub fn run<O: Observer>(observer: O) -> O::Says {
    let folder = tempfile::tempdir().expect("a folder for the log");
    let file = tracing_appender::rolling::never(&folder, "requests.json");
    let (writer, _guard) = tracing_appender::non_blocking(file);
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new("info,logger::details=warn"))
        .with_writer(writer)
        .init();
    let workers = Workers::start(2);
    observer.of_calls(|| || workers.answer((0..3).map(|_| handle)))
}

fn handle() {
    let mut random = Rng::new();
    let path = format!("/pages/{}", key(&mut random, 10_000));
    let span = tracing::info_span!("request", path, status = tracing::field::Empty);
    let _entered = span.enter();
    for step in 0..random.u8(1..6) {
        let _query = tracing::info_span!("query", step, table = text(&mut random, 4, 12)).entered();
        tracing::info!(rows = random.u16(..), "asked");
        tracing::info!(target: "logger::details", plan = text(&mut random, 10, 200), "not written");
        if random.u8(..8) == 0 {
            tracing::warn!(error = text(&mut random, 20, 400), "slow");
        }
    }
    span.record("status", if random.bool() { 200 } else { 404 });
    tracing::info!(bytes = random.u32(..), "answered");
}
