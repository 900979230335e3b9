//! tokio-rs/tracing#900, 2020: a registry of spans that no layer was added to removes no span that was closed.
//!
//! Who closes a span is counted by the layers. The mended use adds one, as every program that reads its spans does.

use tracing::{Dispatch, dispatcher, info_span};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

wild::case!(spans_that_nobody_reads, spans_that_a_layer_reads);

fn spans_that_nobody_reads() -> impl FnMut() {
    requests_under(Dispatch::new(tracing_subscriber::registry()))
}

fn spans_that_a_layer_reads() -> impl FnMut() {
    requests_under(Dispatch::new(
        tracing_subscriber::registry().with(LevelFilter::INFO),
    ))
}

fn requests_under(subscriber: Dispatch) -> impl FnMut() {
    move || {
        dispatcher::with_default(&subscriber, || {
            for number in 0..10 {
                info_span!("request", number).in_scope(|| {}); // <- the line
            }
        });
    }
}
