//! What grows, by how much, from where; by which instrument, and what that could have seen at all.

use super::kind::Kind;
use super::place::Site;
use serde::{Deserialize, Serialize};

/// One thing that grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What is counted.
    pub kind: Kind,
    /// How much stays for each iteration, in the kind's unit; `None` where only growth itself is known. Under `pressure`, how much
    /// is allocated in each.
    pub per_iteration: Option<f64>,
    /// The same for the site's function with all that it calls (*cum*); `None` where no site is known.
    #[serde(default)]
    pub cum_per_iteration: Option<f64>,
    /// The allocation's site as text, `function (path:line)`; `None` where no site is known.
    pub site: Option<String>,
    /// The allocation's site in parts.
    pub at: Option<Site>,
}

/// The smallest steady leak that a run could have told from none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SmallestLeak {
    /// Blocks for each iteration.
    pub blocks_per_iteration: f64,
    /// Bytes for each iteration.
    pub bytes_per_iteration: f64,
    /// Bytes for each iteration of what no Rust allocator sees: on the C library's heap, or mapped. `None` where that wasn't read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_bytes_per_iteration: Option<f64>,
}

/// The instrument that took the readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Instrument {
    /// Its name: `dhat`.
    pub name: String,
    /// How stacks were taken.
    pub stacks: String,
    /// What this build lacks, and how to build it in; empty when nothing.
    pub lacks: Vec<String>,
}
