//! Which frames say nothing about the program that was measured.

use std::path::Path;
use std::rc::Rc;

use super::SourceFrame;
use super::assemble::Call;
use crate::model::sources;

/// Functions of the allocator, of the instrumented locks, and what the compiler puts between an allocator and whoever asks, wherever
/// they are said to stand.
const ALLOCATOR: [&str; 10] = [
    "detectors::allocator::",
    "detectors::readings::contention::",
    "__rdl_",
    "__rg_",
    "__rust_",
    "__rustc::",
    "alloc::alloc::",
    "_Unwind_Backtrace",
    "backtrace::",
    "dhat::",
];

/// Files of the libraries that come with Rust, and of what they are built from.
///
/// They are cut at the leaf like the allocator, as Go's profiles cut `make` and `append`: the line that calls
/// `Vec::with_capacity` is the one that allocates, to whoever reads the profile.
const STANDARD_FILES: [&str; 3] = ["/rustc/", "/rust/deps/", "/lib/rustlib/src/"];

/// Where a thread's or a measurement's own frames begin, seen from the leaf.
const START: [&str; 4] = [
    "detectors::harness::",
    "detectors::verdicts::watch::",
    "detectors::model::workload::",
    "__rust_begin_short_backtrace",
];

/// Calls that only pass on to a closure, and the outermost frames of threads.
const PASSED_ON: [&str; 10] = [
    "_start",
    "__libc_start",
    "clone",
    "core::ops::function::",
    "core::panic::unwind_safe::",
    "alloc::boxed::Box<F,A> as core::ops::function::",
    "alloc::boxed::call_",
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
    /// Whether a thread or a measurement starts here: nothing further out says anything about the program.
    pub(super) fn starts(self) -> bool {
        self.starts
    }

    /// That of one frame of the allocator's, which has no name to tell it by.
    pub(super) fn of_machinery() -> Self {
        Self {
            allocator_frames: 1,
            starts: false,
            programs_own: true,
            passes_on: false,
        }
    }

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

/// Cuts the allocator's frames at the leaf and the thread's start at the root. Where nothing would be left, as before the
/// program's own code begins, the start stays and stands for it.
pub(super) fn machinery(stack: &mut Vec<Call>) {
    let end = root(stack);
    let is_whole = |call: &&Call| call.role.allocator_frames == call.frames.len();
    let start = stack[..end].iter().take_while(is_whole).count();
    if start == end {
        let allocators = stack.iter().take_while(is_whole).count();
        stack.drain(..allocators.min(stack.len().saturating_sub(1)));
        if let Some(rest) = stack.first_mut() {
            let inlined = rest.role.allocator_frames.min(rest.frames.len() - 1);
            cut_inlined(rest, inlined);
        }
        return;
    }
    stack.truncate(end);
    cut_start(&mut stack[end - 1]);
    stack.drain(..start);
    let leaf = &mut stack[0];
    cut_inlined(leaf, leaf.role.allocator_frames);
}

/// Cuts so many of a call's innermost frames.
fn cut_inlined(call: &mut Call, inlined: usize) {
    if inlined > 0 {
        call.frames = Rc::from(&call.frames[inlined..]);
        call.role = Role::of(&call.frames);
    }
}

/// Cuts the thread's start at the root alone: who asks where time goes wants to see the allocator.
#[cfg(all(feature = "debug", unix))]
pub(super) fn start(stack: &mut Vec<Call>) {
    let end = root(stack);
    if end > 0 {
        stack.truncate(end);
        cut_start(&mut stack[end - 1]);
    }
}

/// Where the program's own frames are inlined into the function that starts them, that function goes and they stay.
fn cut_start(call: &mut Call) {
    let inner = call
        .frames
        .iter()
        .position(|frame| is_start(&frame.function));
    if let Some(inner) = inner.filter(|&inner| inner > 0) {
        call.frames = Rc::from(&call.frames[..inner]);
        call.role = Role::of(&call.frames);
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

/// The functions on a stack from whoever asked for the block outwards: a library that asks stays.
pub(super) fn who_asked<'f>(
    functions: impl Iterator<Item = &'f String>,
) -> impl Iterator<Item = &'f String> {
    functions.skip_while(|function| starts_with_any(function, &ALLOCATOR))
}

fn is_allocator(frame: &SourceFrame) -> bool {
    starts_with_any(&frame.function, &ALLOCATOR)
        || is_of_machinery(&frame.file)
        // Where the file's whole path isn't known.
        || !Path::new(&frame.file).is_absolute() && sources::is_standard(&frame.function)
}

fn is_of_machinery(file: &str) -> bool {
    let file = file.replace('\\', "/");
    STANDARD_FILES.iter().any(|folder| file.contains(folder))
        || file.split('/').any(|part| part.starts_with("dhat-"))
}

fn is_start(name: &str) -> bool {
    let (marker, paths) = (START[3], &START[..3]);
    name.contains(marker) || starts_with_any(name, paths)
}

fn is_passed_on(name: &str) -> bool {
    name == "main" || name == "???" || name == "start_thread" || starts_with_any(name, &PASSED_ON)
}

#[cfg(test)]
mod tests {
    use super::who_asked;

    #[test]
    fn a_stack_begins_at_whoever_asked() {
        let functions = [
            "detectors::allocator::ProfilingAllocator<A>::alloc_slowly",
            "<detectors::allocator::ProfilingAllocator<A> as core::alloc::global::GlobalAlloc>::alloc",
            "__rustc::__rust_alloc",
            "alloc::alloc::alloc",
            "alloc::sync::Arc<T>::new",
            "tokio::runtime::scheduler::current_thread::CurrentThread::new",
        ]
        .map(str::to_owned);
        let left: Vec<_> = who_asked(functions.iter()).collect();
        assert_eq!(left, functions[4..].iter().collect::<Vec<_>>());
    }
}
