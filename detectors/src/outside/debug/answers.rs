//! Answers that aren't profiles: refusals that say what to do.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Display;

/// A refusal in words.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Display) -> Self {
        Refusal {
            status,
            text: format!("{text}\n"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // As Go's server does, so that its pprof prints the text instead of looking for a profile in it.
        let mark = ("x-go-pprof", "1");
        (self.status, [mark, PLAIN], self.text).into_response()
    }
}

const PLAIN: (&str, &str) = ("content-type", "text/plain; charset=utf-8");

pub(super) fn text(text: String) -> Response {
    ([PLAIN, ("x-content-type-options", "nosniff")], text).into_response()
}

pub(super) fn json(text: String) -> Response {
    let kind = ("content-type", "application/json");
    ([kind, ("x-content-type-options", "nosniff")], text).into_response()
}

/// A profile to be saved under that name.
pub(super) fn file(name: &str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.pb.gz\""),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, bytes).into_response()
}

pub(super) async fn not_found(uri: Uri) -> Refusal {
    let text = format!(
        "there is nothing at {}; the list of profiles is at /debug/pprof/, the metrics are at /metrics",
        uri.path()
    );
    Refusal::new(StatusCode::NOT_FOUND, text)
}

pub(super) async fn not_allowed(uri: Uri) -> Refusal {
    let method = if ["/freememory", "/holders"].contains(&uri.path()) {
        "POST"
    } else {
        "GET"
    };
    let text = format!("{} is asked by {method}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text)
}
