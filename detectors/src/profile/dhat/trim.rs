//! Which frames say nothing about the program that was measured.

use std::rc::Rc;

use super::frames::Call;

/// Pure machinery of allocation: no reader would look for a leak there. A `Vec` or `String` method
/// stays, since someone called it.
const ALLOCATOR: [&str; 13] = [
    "__rdl_",
    "__rg_",
    "__rust_",
    "__rustc::",
    "alloc::alloc::",
    "alloc::boxed::box_new",
    "alloc::raw_vec::",
    "backtrace::",
    "core::alloc::",
    "dhat::",
    "hashbrown::alloc::",
    "hashbrown::raw::alloc::",
    "std::alloc::",
];

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

/// Cuts the allocator's frames at the leaf and the thread's start at the root. A stack that would
/// be left with nothing keeps all its frames.
pub(super) fn machinery(stack: &mut Vec<Call>) {
    let untouched = stack.clone();
    cut_root(stack);
    cut_leaf(stack);
    if stack.is_empty() {
        *stack = untouched;
    }
}

/// Drops frames while they are the allocator's, inside an address too.
fn cut_leaf(stack: &mut Vec<Call>) {
    let whole = stack
        .iter()
        .take_while(|call| {
            call.frames
                .iter()
                .all(|frame| is_allocator(&frame.function))
        })
        .count();
    stack.drain(..whole);
    if let Some(leaf) = stack.first_mut() {
        let inlined = leaf
            .frames
            .iter()
            .take_while(|frame| is_allocator(&frame.function))
            .count();
        if inlined > 0 {
            leaf.frames = Rc::from(&leaf.frames[inlined..]);
        }
    }
}

/// Drops whole addresses from the first that starts a thread or a measurement, with what passed on
/// to the closure before it. An address that holds a frame of the program's stays.
fn cut_root(stack: &mut Vec<Call>) {
    let all =
        |call: &Call, is: fn(&str) -> bool| call.frames.iter().all(|frame| is(&frame.function));
    let start = stack
        .iter()
        .position(|call| call.frames.iter().any(|frame| is_start(&frame.function)));
    if let Some(start) = start {
        let end = start
            + usize::from(!all(&stack[start], |name| {
                is_start(name) || is_passed_on(name)
            }));
        stack.truncate(end);
    }
    while stack.last().is_some_and(|call| all(call, is_passed_on)) {
        stack.pop();
    }
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

fn is_allocator(name: &str) -> bool {
    starts_with_any(name, &ALLOCATOR) || name.contains(" as core::alloc::")
}

fn is_start(name: &str) -> bool {
    let (marker, paths) = (START[2], &START[..2]);
    name.contains(marker) || starts_with_any(name, paths)
}

fn is_passed_on(name: &str) -> bool {
    name == "main" || name == "???" || name == "start_thread" || starts_with_any(name, &PASSED_ON)
}
