//! From stacks of resolved calls to a profile's message.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use pprof::protos;

use super::SourceFrame;
use super::build::Builder;
use super::trim::Role;

/// Go's heap sample types in Go's order; the last is the default.
const SAMPLE_TYPES: [(&str, &str); 4] = [
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

/// A stack of calls, leaf first, and its values in the order of [`SAMPLE_TYPES`].
pub(super) type Stacked = (Vec<Call>, [i64; 4]);

/// The largest first, and the same order every time.
pub(super) fn sort(samples: &mut [Stacked]) {
    samples.sort_by(|(left_stack, left), (right_stack, right)| {
        let key = |values: &[i64; 4]| (values[3], values[1], values[2], values[0]);
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

/// `period` is how many bytes lie between two samples on average; 1 where every allocation is seen.
pub(super) fn assemble(program: &str, samples: &[Stacked], period: i64) -> protos::Profile {
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
        period,
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
