//! What the learner's part, the operator's and the incident show: reports, charts, files, and how far something has come.

mod format;
#[cfg(feature = "whole")]
pub(crate) mod measured;
pub(crate) mod progress;
pub(crate) mod scale;
pub(crate) mod verdict;

pub(crate) use format::{Format, json};
