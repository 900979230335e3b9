//! Elsewhere than on Linux.

use super::answers::Refusal;
use axum::http::StatusCode;

pub(super) async fn holders() -> Refusal {
    let text = "who holds what stays is read on Linux alone, where a process' memory can be";
    Refusal::new(StatusCode::NOT_IMPLEMENTED, text)
}
