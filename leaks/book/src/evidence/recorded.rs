//! A run as it was recorded: the JSON beside the text that a page shows.

use mdbook_driver::errors::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What a run left, as far as it is drawn.
#[derive(Debug, Deserialize)]
pub(super) struct Run {
    pub(super) verdict: String,
    /// What the verdict means.
    pub(super) means: String,
    pub(super) because: String,
    pub(super) settle_by: Option<String>,
    pub(super) class: Option<String>,
    pub(super) class_means: Option<String>,
    pub(super) findings: Vec<Finding>,
    pub(super) holders: Vec<Held>,
    pub(super) readings: Vec<Reading>,
    pub(super) peak_bytes: u64,
    pub(super) resting_bytes: u64,
    pub(super) retention: Option<String>,
    /// The smallest leak that the run could have caught.
    pub(super) reach: String,
    pub(super) not_read: Vec<NotRead>,
    pub(super) flames: Option<Flames>,
}

/// One kind of thing that grows at one site.
#[derive(Debug, Deserialize)]
pub(super) struct Finding {
    pub(super) kind: String,
    pub(super) per_iteration: Option<f64>,
    /// With all that the site's function calls.
    pub(super) cum_per_iteration: Option<f64>,
    pub(super) site: Option<String>,
}

/// Who holds the blocks of one site.
#[derive(Debug, Deserialize)]
pub(super) struct Held {
    pub(super) site: String,
    pub(super) blocks: u64,
    /// Most blocks first.
    pub(super) by: Vec<Root>,
    /// What made the blocks on the way, nearest to the site first.
    pub(super) through: Vec<String>,
    pub(super) queue: Option<String>,
}

/// Where pointers to blocks begin.
#[derive(Debug, Deserialize)]
pub(super) struct Root {
    pub(super) root: String,
    pub(super) name: Option<String>,
    pub(super) blocks: u64,
}

/// What one window saw.
#[derive(Debug, Deserialize)]
pub(super) struct Reading {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) floor_bytes: i64,
    #[serde(default)]
    pub(super) floor_counts: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) resident_bytes: Option<u64>,
}

/// What was not read, and why.
#[derive(Debug, Deserialize)]
pub(super) struct NotRead {
    pub(super) kind: String,
    pub(super) why: String,
}

/// A heap profile as a tree.
#[derive(Debug, Deserialize)]
pub(super) struct Flames {
    /// What the widths are: `inuse_space`.
    pub(super) values: String,
    /// Depth, function, bytes, and how many of them were made at a site that grows; each frame before what it calls.
    pub(super) frames: Vec<(usize, String, u64, u64)>,
}

/// The run whose text lies in this file; `None` where none was recorded.
pub(super) fn beside(text: &Path) -> Result<Option<Run>> {
    let (file, run) = match text.file_name().and_then(|name| name.to_str()) {
        Some("run.txt") => ("report.json", "leaky"),
        Some("run-fixed.txt") => ("report.json", "fixed"),
        Some("check.txt") => ("check.json", "exercise"),
        _ => return Ok(None),
    };
    let file = text.with_file_name(file);
    let Ok(json) = fs::read_to_string(&file) else {
        return Ok(None);
    };
    let mut runs: BTreeMap<String, Run> = serde_json::from_str(&json).map_err(|error| {
        Error::msg(format!(
            "can't read the run in {}: {error}",
            workbook::say::path(&file)
        ))
    })?;
    Ok(runs.remove(run))
}
