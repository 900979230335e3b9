//! What the learner's part, the operator's and the incident show: reports, charts, files, and how far something has come.

pub(crate) mod artefacts;
mod chart;
mod format;
pub(crate) mod progress;
mod quantity;
pub(crate) mod report;
pub(crate) mod scale;
mod timeline;

pub(crate) use format::{Format, json};
