//! From dhat's JSON to a profile.

mod frames;
mod trim;

use std::collections::HashMap;
use std::fmt;

use pprof::protos;
use serde::Deserialize;

use self::frames::{Call, Calls};
use super::build::Builder;
use super::{Profile, ProfileError};

/// Go's heap sample types in Go's order; the last is the default.
const SAMPLE_TYPES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// How [`Profile::from_dhat`] reads its input.
#[derive(Debug, Clone, Default)]
pub struct DhatOptions<'a> {
    /// Where names, files and lines come from.
    pub symbols: Symbols<'a>,
    /// Keeps every frame: the allocator's at the leaf, the thread's start at the root.
    ///
    /// By default they are cut, so that the first frame is a call that someone chose to make, and
    /// the last one belongs to the program that was measured.
    pub keep_machinery: bool,
}

/// Where names, files and lines of a dhat profile come from.
#[derive(Clone, Copy, Default)]
pub enum Symbols<'a> {
    /// From this process' own debug information, by address: whole paths. An address whose name
    /// there isn't the one that dhat wrote belongs to another process, and dhat's text is used.
    #[default]
    ThisProcess,
    /// From dhat's text, which keeps the last three parts of each path.
    Recorded,
    /// From a function of the caller's, which gets a return address and gives the calls there, the
    /// innermost inlined one first. Where it gives none, dhat's text is used.
    With(&'a dyn Fn(u64) -> Vec<SourceFrame>),
}

impl fmt::Debug for Symbols<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThisProcess => "ThisProcess",
            Self::Recorded => "Recorded",
            Self::With(_) => "With(..)",
        })
    }
}

/// One call as debug information describes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceFrame {
    /// The function's name, without hash.
    pub function: String,
    /// The source file; empty when it is unknown.
    pub file: String,
    /// The line, counted from one; zero when it is unknown.
    pub line: u32,
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
    // dhat's order comes out of a hash map. The largest first is the same every time.
    let mut samples: Vec<_> = merged.into_iter().collect();
    samples.sort_by(|(left_stack, left), (right_stack, right)| {
        let key = |values: &[i64; 4]| (values[3], values[1], values[2], values[0]);
        key(right)
            .cmp(&key(left))
            .then_with(|| left_stack.cmp(right_stack))
    });
    let message = assemble(&program(&document.cmd), &samples);
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
    if document.mode != "rust-heap" {
        return Err(not_dhat(format!(
            "dhat wrote it in mode \"{}\"; use dhat::Profiler::new_heap",
            document.mode
        )));
    }
    Ok(document)
}

/// The program's name in brackets, which keep Go's tools from looking for a file of that name:
/// with one at hand they would symbolize anew, and show no source.
fn program(command: &str) -> String {
    let path = command.split(' ').next().unwrap_or_default();
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = without_build_hash(name);
    if name.is_empty() {
        "[program]".to_owned()
    } else {
        format!("[{name}]")
    }
}

/// Cargo names a test's program `name-0123456789abcdef`, another one for every build.
fn without_build_hash(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((start, hash))
            if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            start
        }
        _ => name,
    }
}

fn assemble(program: &str, samples: &[(Vec<Call>, [i64; 4])]) -> protos::Profile {
    let mut builder = Builder::new();
    let sample_type = SAMPLE_TYPES
        .map(|(ty, unit)| builder.value_type(ty, unit))
        .to_vec();
    let period_type = Some(builder.value_type("space", "bytes"));
    let default_sample_type = builder.string(SAMPLE_TYPES[3].0);
    let addresses = || {
        samples
            .iter()
            .flat_map(|(stack, _)| stack)
            .map(|call| call.address)
    };
    // The flags tell Go's tools that nothing is left to be symbolized.
    let details = protos::Mapping {
        memory_start: addresses().min().unwrap_or(0),
        memory_limit: addresses().max().unwrap_or(0).saturating_add(1),
        has_functions: true,
        has_filenames: true,
        has_line_numbers: true,
        has_inline_frames: true,
        ..protos::Mapping::default()
    };
    let mapping = builder.mapping(program, "", &details);
    let mut locations: HashMap<&Call, u64> = HashMap::new();
    for (stack, values) in samples {
        let stack = stack.iter().map(|call| {
            let id = locations.entry(call);
            *id.or_insert_with(|| location(&mut builder, mapping, call))
        });
        let stack = stack.collect();
        builder.sample(stack, Vec::new(), values);
    }
    builder.finish(protos::Profile {
        sample_type,
        default_sample_type,
        period_type,
        // dhat sees every allocation.
        period: 1,
        ..protos::Profile::default()
    })
}

fn location(builder: &mut Builder, mapping: u64, call: &Call) -> u64 {
    let mut lines = Vec::with_capacity(call.frames.len());
    for frame in call.frames.iter() {
        // No system name: Go's tools take one that equals the name for a C++ name, and strip what
        // looks like template arguments.
        let function = builder.function(&frame.function, "", &frame.file, 0);
        lines.push((function, i64::from(frame.line)));
    }
    builder.location(mapping, call.address, lines)
}
