//! Who holds what a service allocated and has not freed, as its debug port tells it and a triage reads it.

use crate::readings::holders::HeldBy;
use serde::{Deserialize, Serialize};

/// Where the debug port tells it.
#[cfg(feature = "triage")]
pub(super) const PATH: &str = "/holders";

/// Who holds what a service allocated within some seconds, and had not freed at their end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Held {
    /// For how long each block was noted.
    pub seconds: u64,
    /// For how long the service was held while it was copied, in milliseconds: who asked for memory then had to wait.
    pub paused_ms: f64,
    /// How long the copy lived, in milliseconds. Whatever the service wrote to meanwhile was copied first.
    pub copy_ms: f64,
    /// One for each function that allocates, most bytes first.
    pub by_site: Vec<HeldBy>,
    /// Memory that was left out, in words; `None` where there is none.
    pub not_read: Option<String>,
}
