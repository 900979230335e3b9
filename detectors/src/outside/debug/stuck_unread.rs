//! Elsewhere than on 64-bit Linux.

use super::answers::Refusal;
use axum::http::StatusCode;

/// How many tasks can never wake, and how many couldn't be judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) stuck: u64,
    pub(super) not_decided: u64,
}

pub(super) fn last() -> Option<Figures> {
    None
}

pub(super) async fn task_leak() -> Refusal {
    let text =
        "which tasks can never wake is read on 64-bit Linux alone, where a process' memory can be";
    Refusal::new(StatusCode::NOT_IMPLEMENTED, text)
}
