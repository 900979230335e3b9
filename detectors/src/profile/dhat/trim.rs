//! Which frames say nothing about the program that was measured.

use std::rc::Rc;

use super::SourceFrame;
use super::frames::Call;

/// Pure machinery of allocation: no reader would look for a leak there. A `Vec` or `String` method
/// stays, since someone called it.
///
/// Without their crate's name come the functions of a crate whose debug information is line tables
/// only.
const ALLOCATOR: [&str; 14] = [
    "__rdl_",
    "__rg_",
    "__rust_",
    "__rustc::",
    "alloc::alloc::",
    "alloc::boxed::box_new",
    "alloc::raw_vec::",
    "backtrace::",
    "box_new",
    "core::alloc::",
    "dhat::",
    "hashbrown::alloc::",
    "hashbrown::raw::alloc::",
    "std::alloc::",
];

/// The ends of the same machinery's files, which tell it apart where names come without their crate.
const ALLOCATOR_FILES: [&str; 5] = [
    "alloc/src/alloc.rs",
    "alloc/src/raw_vec.rs",
    "src/raw_vec/mod.rs",
    "core/src/alloc/global.rs",
    "std/src/alloc.rs",
];

/// The steps between a method of `Vec` that someone calls, and the allocator.
const VEC_STEPS: [&str; 3] = ["push_mut", "try_with_capacity_in", "with_capacity_in"];
const VEC_FILE: &str = "src/vec/mod.rs";

/// Where a thread's or a measurement's own frames begin, seen from the leaf.
const START: [&str; 3] = [
    "detectors::isolation::",
    "detectors::watch::",
    "__rust_begin_short_backtrace",
];

/// Calls that only pass on to a closure, and the outermost frames of threads.
const PASSED_ON: [&str; 9] = [
    "_start",
    "__libc_start",
    "clone",
    "core::ops::function::",
    "core::panic::unwind_safe::",
    "alloc::boxed::Box<F,A> as core::ops::function::",
    "std::panic",
    "std::rt::",
    "std::sys::",
];

/// What one address is to the measurement, told from its frames once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Role {
    /// How many of its frames, from the innermost, are the allocator's.
    allocator_frames: usize,
    /// Whether a thread or a measurement starts here.
    starts: bool,
    /// Whether a frame of the program's is here.
    programs_own: bool,
    /// Whether all it does is to pass on to a closure.
    passes_on: bool,
}

impl Role {
    pub(super) fn of(frames: &[SourceFrame]) -> Self {
        let machinery =
            |frame: &SourceFrame| is_start(&frame.function) || is_passed_on(&frame.function);
        Self {
            allocator_frames: frames
                .iter()
                .take_while(|frame| is_allocator(frame))
                .count(),
            starts: frames.iter().any(|frame| is_start(&frame.function)),
            programs_own: !frames.iter().all(machinery),
            passes_on: frames.iter().all(|frame| is_passed_on(&frame.function)),
        }
    }
}

/// Cuts the allocator's frames at the leaf and the thread's start at the root. A stack that would
/// be left with nothing keeps all its frames.
pub(super) fn machinery(stack: &mut Vec<Call>) {
    let end = root(stack);
    let is_whole = |call: &&Call| call.role.allocator_frames == call.frames.len();
    let start = stack[..end].iter().take_while(is_whole).count();
    if start == end {
        return;
    }
    stack.truncate(end);
    stack.drain(..start);
    let leaf = &mut stack[0];
    let inlined = leaf.role.allocator_frames;
    if inlined > 0 {
        leaf.frames = Rc::from(&leaf.frames[inlined..]);
        leaf.role = Role::of(&leaf.frames);
    }
}

/// How many addresses lie above the first that starts a thread or a measurement, and above what
/// passed on to the closure there. An address that holds a frame of the program's stays.
fn root(stack: &[Call]) -> usize {
    let start = stack.iter().position(|call| call.role.starts);
    let end = start.map_or(stack.len(), |start| {
        start + usize::from(stack[start].role.programs_own)
    });
    let passed_on = stack[..end]
        .iter()
        .rev()
        .take_while(|call| call.role.passes_on)
        .count();
    end - passed_on
}

/// The path of a function's name, without what marks an implementation: `<a::B as c::D>::e` is
/// `a::B as c::D>::e`.
fn bare(name: &str) -> &str {
    name.trim_start_matches(['<', '&'])
}

fn starts_with_any(name: &str, prefixes: &[&str]) -> bool {
    let bare = bare(name);
    prefixes
        .iter()
        .any(|prefix| name.starts_with(prefix) || bare.starts_with(prefix))
}

fn is_allocator(frame: &SourceFrame) -> bool {
    let name = &frame.function;
    starts_with_any(name, &ALLOCATOR)
        || name.contains(" as core::alloc::")
        || is_allocator_file(&frame.file)
        || is_vec_step(frame)
}

fn is_vec_step(frame: &SourceFrame) -> bool {
    let method = VEC_STEPS.iter().any(|step| {
        let parts = frame.function.rsplit_once(step);
        parts.is_some_and(|(before, after)| {
            (before.is_empty() || before.ends_with("::"))
                && (after.is_empty() || after.starts_with('<'))
        })
    });
    method && frame.file.replace('\\', "/").ends_with(VEC_FILE)
}

fn is_allocator_file(file: &str) -> bool {
    let file = file.replace('\\', "/");
    let of_crate = |name: &str| file.split('/').any(|part| part.starts_with(name));
    ALLOCATOR_FILES.iter().any(|end| file.ends_with(end))
        || of_crate("dhat-")
        || of_crate("hashbrown-") && file.ends_with("/alloc.rs")
}

fn is_start(name: &str) -> bool {
    let (marker, paths) = (START[2], &START[..2]);
    name.contains(marker) || starts_with_any(name, paths)
}

fn is_passed_on(name: &str) -> bool {
    name == "main" || name == "???" || name == "start_thread" || starts_with_any(name, &PASSED_ON)
}
