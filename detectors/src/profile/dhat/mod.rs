//! From dhat's JSON to a profile.

mod frames;

use std::collections::HashMap;

use serde::Deserialize;

use self::frames::Calls;
use super::assemble::{self, Call, HEAP, HEAP_ORDER, SPACE};
use super::{Profile, ProfileError, Symbols, trim};

/// How [`Profile::from_dhat`] reads its input.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DhatOptions<'a> {
    /// Where names, files and lines come from.
    pub symbols: Symbols<'a>,
    /// Keeps every frame: the allocator's at the leaf, the thread's start at the root.
    ///
    /// By default they are cut, so that the first frame is a call that someone chose to make, and
    /// the last one belongs to the program that was measured.
    pub keep_machinery: bool,
}

impl<'a> DhatOptions<'a> {
    /// Takes names, files and lines from there.
    #[must_use]
    pub fn symbols(mut self, symbols: Symbols<'a>) -> Self {
        self.symbols = symbols;
        self
    }

    /// Keeps every frame.
    #[must_use]
    pub fn keep_machinery(mut self) -> Self {
        self.keep_machinery = true;
        self
    }
}

/// What dhat writes, as far as a profile needs it. `b` stands for bytes and `bk` for blocks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with dhat's fields")]
struct Document {
    dhat_file_version: u32,
    mode: String,
    #[serde(default)]
    cmd: String,
    pps: Vec<Point>,
    ftbl: Vec<String>,
}

/// One place in the program that allocated.
#[derive(Deserialize)]
struct Point {
    /// Total over the run.
    tb: u64,
    tbk: u64,
    /// Live at the end.
    #[serde(default)]
    eb: u64,
    #[serde(default)]
    ebk: u64,
    /// Frames, as positions in `ftbl`.
    fs: Vec<usize>,
}

pub(super) fn convert(
    name: &str,
    json: &str,
    options: &DhatOptions<'_>,
) -> Result<Profile, ProfileError> {
    let document = parse(name, json)?;
    let malformed = |reason: String| ProfileError::Malformed {
        input: name.to_owned(),
        reason,
    };
    let mut calls = Calls::new(&document.ftbl, options.symbols);
    let mut merged: HashMap<Vec<Call>, [i64; 4]> = HashMap::new();
    for point in &document.pps {
        let mut stack = calls.stack(&point.fs).map_err(|frame| {
            malformed(format!(
                "a stack names frame {frame} of {}",
                document.ftbl.len()
            ))
        })?;
        if !options.keep_machinery {
            trim::machinery(&mut stack);
        }
        let sums = merged.entry(stack).or_default();
        for (sum, value) in sums
            .iter_mut()
            .zip([point.tbk, point.tb, point.ebk, point.eb])
        {
            *sum = i64::try_from(value)
                .ok()
                .and_then(|value| sum.checked_add(value))
                .ok_or_else(|| malformed("its amounts don't fit in 63 bits".to_owned()))?;
        }
    }
    let mut samples: Vec<_> = merged.into_iter().collect();
    assemble::sort(&mut samples, HEAP_ORDER);
    // dhat sees every allocation.
    let program = assemble::program(&document.cmd);
    let message = assemble::assemble(&program, &samples, HEAP, SPACE, 1);
    Profile::sealed(name, message)
}

fn parse(name: &str, json: &str) -> Result<Document, ProfileError> {
    let not_dhat = |reason: String| ProfileError::NotAProfile {
        input: name.to_owned(),
        reason,
    };
    let document: Document = serde_json::from_str(json).map_err(|error| {
        if error.is_eof() {
            ProfileError::Truncated {
                input: name.to_owned(),
                reason: "inside its JSON".to_owned(),
            }
        } else {
            not_dhat(format!("it isn't dhat's JSON ({error})"))
        }
    })?;
    if document.dhat_file_version != 2 {
        return Err(not_dhat(format!(
            "it is version {} of dhat's format, and only 2 is known",
            document.dhat_file_version
        )));
    }
    if !document.mode.starts_with("rust-") {
        return Err(not_dhat(format!(
            "Valgrind's DHAT wrote it, in mode \"{}\", and not the library dhat; look at it in dh_view.html, which comes with Valgrind",
            document.mode
        )));
    }
    if document.mode != "rust-heap" {
        return Err(not_dhat(format!(
            "dhat wrote it in mode \"{}\"; use dhat::Profiler::new_heap",
            document.mode
        )));
    }
    Ok(document)
}
