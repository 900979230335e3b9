//! How an answer is printed: for a person, or as one JSON document.

use clap::ValueEnum;
use serde::Serialize;
use std::io::Write;
use workbook::problem::{Problem, Result};

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person
    Text,
    /// One JSON document on standard output
    Json,
}

/// Prints one JSON document: `document`, whose parts are flattened into it.
pub(crate) fn json(document: &impl Serialize, out: &mut dyn Write) -> Result<()> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Problem::new("can't put the answer into JSON").because(error))?;
    writeln!(out, "{text}")?;
    Ok(())
}
