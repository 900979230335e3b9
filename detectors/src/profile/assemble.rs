//! From stacks of resolved calls to a profile's message.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::model::packages;
use crate::model::place::{self, Origin, without_detours};

use super::SourceFrame;
use super::build::Builder;
use super::program::LINES;
use super::protos;
use super::trim::Role;

/// Go's heap sample types in Go's order; the last is the default.
pub(super) const HEAP: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// One address of a stack, with the calls that the compiler put there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    /// The innermost inlined call first. Shared: a program has far fewer calls than stacks.
    pub(super) frames: Rc<[SourceFrame]>,
    pub(super) address: u64,
    pub(super) role: Role,
}

impl Hash for Call {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The address all but tells calls apart; hashing every name would take most of the time.
        self.address.hash(state);
        self.frames.len().hash(state);
    }
}

/// The order in which heap samples are sorted: bytes before objects, what is in use before what was allocated.
pub(super) const HEAP_ORDER: [usize; 4] = [3, 1, 2, 0];

/// Go's types of contention, in Go's order.
pub(super) const WAITS: [(&str, &str); 2] = [("contentions", "count"), ("delay", "nanoseconds")];

/// The longest first.
pub(super) const WAITS_ORDER: [usize; 2] = [1, 0];

/// Go's types of CPU time, in Go's order.
#[cfg(all(feature = "debug", unix))]
pub(super) const CPU: [(&str, &str); 2] = [("samples", "count"), ("cpu", "nanoseconds")];

/// The most time first.
#[cfg(all(feature = "debug", unix))]
pub(super) const CPU_ORDER: [usize; 2] = [1, 0];

/// What lies between two samples of a heap.
pub(super) const SPACE: (&str, &str) = ("space", "bytes");

/// A stack of calls, leaf first, and its values in the order of the sample types.
pub(super) type Stacked<S, const TYPES: usize> = (S, [i64; TYPES]);

/// What samples are told apart by.
pub(super) trait Stack: Ord {
    fn calls(&self) -> &[Call];

    /// Keys and values.
    fn labels(&self) -> &[(String, String)] {
        &[]
    }
}

impl Stack for Vec<Call> {
    fn calls(&self) -> &[Call] {
        self
    }
}

/// A stack of calls, and the labels that its sample has.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LabelledStack {
    pub(super) calls: Vec<Call>,
    pub(super) labels: Vec<(String, String)>,
}

impl Stack for LabelledStack {
    fn calls(&self) -> &[Call] {
        &self.calls
    }

    fn labels(&self) -> &[(String, String)] {
        &self.labels
    }
}

/// The largest first, by the values in the given order, and the same order every time.
pub(super) fn sort<S: Stack, const TYPES: usize>(
    samples: &mut [Stacked<S, TYPES>],
    by: [usize; TYPES],
) {
    samples.sort_by(|(left_stack, left), (right_stack, right)| {
        let key = |values: &[i64; TYPES]| by.map(|value| values[value]);
        key(right)
            .cmp(&key(left))
            .then_with(|| left_stack.cmp(right_stack))
    });
}

/// The program's name in brackets, which keep Go's tools from looking for a file of that name:
/// with one at hand they would symbolize anew, and show no source.
pub(super) fn program(command: &str) -> String {
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

/// `period` is how much of its type lies between two samples on average; 1 where everything is seen. The last of the types is
/// the default.
pub(super) fn assemble<S: Stack, const TYPES: usize>(
    program: &str,
    samples: &[Stacked<S, TYPES>],
    types: [(&str, &str); TYPES],
    period_type: (&str, &str),
    period: i64,
) -> protos::Profile {
    let mut builder = Builder::new();
    let sample_type = types
        .map(|(ty, unit)| builder.value_type(ty, unit))
        .to_vec();
    let period_type = Some(builder.value_type(period_type.0, period_type.1));
    let default_sample_type = builder.string(types[TYPES - 1].0);
    let addresses = || {
        samples
            .iter()
            .flat_map(|(stack, _)| stack.calls())
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
        let calls = stack.calls().iter().map(|call| {
            let id = locations.entry(call);
            *id.or_insert_with(|| location(&mut builder, mapping, call))
        });
        let calls = calls.collect();
        let labels = stack.labels().iter().map(|(key, value)| protos::Label {
            key: builder.string(key),
            str: builder.string(value),
            ..protos::Label::default()
        });
        let labels = labels.collect();
        builder.sample(calls, labels, values);
    }
    let packages = other_packages(samples);
    let packages = packages.iter().map(|root| builder.package(root));
    let mut comment: Vec<i64> = packages.collect();
    comment.extend(without_lines(samples).map(|text| builder.string(&text)));
    builder.finish(protos::Profile {
        sample_type,
        period_type,
        period,
        comment,
        default_sample_type,
        ..protos::Profile::default()
    })
}

/// The folders of the packages that have a frame here and aren't the program's own: whoever reads the profile can't look them up.
fn other_packages<S: Stack, const TYPES: usize>(samples: &[Stacked<S, TYPES>]) -> BTreeSet<String> {
    let calls = samples.iter().flat_map(|(stack, _)| stack.calls());
    let files: HashSet<&str> = calls
        .flat_map(|call| call.frames.iter())
        .map(|frame| frame.file.as_str())
        .collect();
    let straight = files.into_iter().map(without_detours);
    straight
        .filter_map(|file| packages::root_of(&file))
        .collect()
}

/// Why most stacks have no line of the program's, in words that readers of the profile show; `None` where they have one.
fn without_lines<S: Stack, const TYPES: usize>(samples: &[Stacked<S, TYPES>]) -> Option<String> {
    let is_told = |frame: &SourceFrame| {
        frame.line > 0 && place::origin_by_path(&frame.file) != Origin::Standard
    };
    let is_a_place = |frame: &SourceFrame| {
        let address = frame.function.rsplit('+').next();
        frame.file.is_empty() && address.is_some_and(|address| address.starts_with("0x"))
    };
    let untold = samples
        .iter()
        .map(|(stack, _)| stack.calls().iter().flat_map(|call| call.frames.iter()));
    let untold: Vec<_> = untold
        .filter(|frames| !frames.clone().any(is_told))
        .collect();
    if 2 * untold.len() <= samples.len() {
        return None;
    }
    let (stacks, all) = (untold.len(), samples.len());
    let why = if untold.into_iter().flatten().all(is_a_place) {
        "the program's file is stripped of names, so they are places in it (addr2line -Cfie COPY ADDRESS, with an unstripped copy)"
    } else {
        "the program has none"
    };
    Some(format!(
        "{stacks} of {all} stacks are without lines: {why}; {LINES} and strip = \"none\""
    ))
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
