//! What else can happen to a response. Each asks a host once and returns what its caller keeps.

use crate::backend::Backend;
use reqwest::header::HeaderValue;
use reqwest::{Client, Response};
use std::time::Duration;

/// What was asked, and the answer.
async fn ask(client: &Client, url: &str) -> Response {
    let asked = client.get(url).send().await;
    asked.expect("the host answers")
}

/// Drops the response with its body unread. Its connection is closed: the next answer begins behind the rest of this body, and the
/// client doesn't read that far.
pub async fn dropped_unread(client: &Client, backend: &Backend) {
    drop(ask(client, &backend.url(false)).await);
}

/// Drops a response whose body is so small that it came with the headers. The client has read to its end by chance, so the
/// connection goes back to the pool.
pub async fn a_small_one_dropped_unread(client: &Client, backend: &Backend) {
    drop(ask(client, &backend.url(true)).await);
}

/// Reads the body to its end. The connection goes back to the pool.
///
/// # Panics
///
/// When the body can't be read.
pub async fn read_to_the_end(client: &Client, backend: &Backend) {
    let body = ask(client, &backend.url(false)).await.bytes().await;
    assert!(body.is_ok_and(|body| !body.is_empty()));
}

// ANCHOR: header
/// Reads the body, and keeps one header's value: sixteen letters, and a share of the buffer that all headers came in.
///
/// # Panics
///
/// When the body can't be read.
pub async fn a_header_kept(client: &Client, backend: &Backend) -> HeaderValue {
    let response = ask(client, &backend.url_with_headers()).await;
    let id = response.headers()["x-request-id"].clone();
    assert!(response.bytes().await.is_ok());
    id
}

/// The same sixteen letters, as a copy.
///
/// # Panics
///
/// When the body can't be read.
pub async fn a_header_copied(client: &Client, backend: &Backend) -> Box<[u8]> {
    let response = ask(client, &backend.url_with_headers()).await;
    let id = Box::from(response.headers()["x-request-id"].as_bytes());
    assert!(response.bytes().await.is_ok());
    id
}
// ANCHOR_END: header

// ANCHOR: timeout
/// Gives a response of a client with a timeout to somebody who keeps it. The timeout ends whoever *waits* for the body. Nobody
/// waits, so it ends nothing.
pub async fn held_past_its_timeout(client: &Client, backend: &Backend) -> Response {
    ask(client, &backend.url(false)).await
}

/// How long a client waits for an answer.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// A client that gives up after that.
///
/// # Panics
///
/// When it can't be made.
pub fn impatient() -> Client {
    let builder = Client::builder().timeout(PATIENCE);
    builder.build().expect("a client without TLS")
}
// ANCHOR_END: timeout

// ANCHOR: http2
/// A client that speaks HTTP/2. All requests to a host share one connection. At most 65,535 bytes of one body may be on their way
/// unread, and as many of all bodies together: the protocol's own defaults, where hyper's are 2 MB and 5 MB.
///
/// # Panics
///
/// When it can't be made.
pub fn one_connection() -> Client {
    let builder = Client::builder()
        .http2_prior_knowledge()
        .http2_initial_stream_window_size(65_535)
        .http2_initial_connection_window_size(65_535);
    builder.build().expect("a client without TLS")
}

/// Holds a body unread, and asks a host that is well. Returns whether that one could be read to its end while the first was held,
/// and whether it could after it was let go.
///
/// # Panics
///
/// When a host can't be asked at all.
pub async fn starved(client: &Client, backend: &Backend) -> (bool, bool) {
    let held = ask(client, &backend.url(false)).await;
    // The window fills when the connection's task has read what the host had to send.
    let fills = Duration::from_millis(200);
    tokio::time::sleep(fills).await;
    let healthy = async { ask(client, &backend.url(true)).await.bytes().await };
    let mut healthy = Box::pin(healthy);
    let during = tokio::time::timeout(fills, &mut healthy).await.is_ok();
    drop(held);
    let after = during || healthy.await.is_ok();
    (during, after)
}
// ANCHOR_END: http2
