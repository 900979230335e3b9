//! What a measurement shows: its report, its pictures and its files. The learner's, and in part the incident's.

pub(crate) mod artefacts;
pub(crate) mod axis;
mod chart;
pub(crate) mod progress;
mod quantity;
pub(crate) mod report;
mod timeline;
