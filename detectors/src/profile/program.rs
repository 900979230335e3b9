//! What the file of this program tells of its code, in words for whoever reads its sites; and the machinery of an instrument, known
//! by its functions' addresses where names are gone.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What there is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Functions, files and lines, of what was built with them.
    Lines,
    /// Functions that have code of their own.
    Functions,
    /// No name at all.
    Nothing,
}

pub(super) fn told() -> Told {
    static TOLD: OnceLock<Told> = OnceLock::new();
    *TOLD.get_or_init(super::symbols::told)
}

/// Whether the program's file has no names.
pub(crate) fn is_stripped() -> bool {
    told() == Told::Nothing
}

/// What sites lack in this build, and how to build it in.
pub(crate) fn lacks() -> Option<String> {
    match told() {
        Told::Lines => None,
        Told::Functions => Some(format!(
            "built without lines: a site is a function, and what was inlined stands under its caller; {LINES}"
        )),
        Told::Nothing => Some(format!(
            "stripped: the program's file has no names, so a site is a place in it, and its line can't be told; {LINES} and strip = \"none\"; \
             or look the place up in an unstripped copy of the same build: addr2line -Cfie COPY ADDRESS"
        )),
    }
}

/// How a program gets lines.
pub(super) const LINES: &str = "build with debug = \"line-tables-only\" in its Cargo profile (CARGO_PROFILE_DEV_DEBUG=line-tables-only, \
                                CARGO_PROFILE_RELEASE_DEBUG=line-tables-only)";

/// Where functions of the allocator and of what it calls begin.
static MACHINERY: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// Has the functions of the machinery told once, in a program where they have no names: `stacks` takes some stacks that begin in it
/// and pass through the function at `caller`.
pub(crate) fn learn_machinery(caller: usize, stacks: impl FnOnce() -> Vec<Vec<usize>>) {
    static LEARNED: OnceLock<()> = OnceLock::new();
    if !is_stripped() {
        return;
    }
    LEARNED.get_or_init(|| {
        let mut machinery = MACHINERY.lock().unwrap_or_else(PoisonError::into_inner);
        for stack in stacks() {
            let functions: Vec<usize> = stack.iter().map(|&address| function_at(address)).collect();
            // Where the caller was inlined into its own, nothing is known of this stack.
            if let Some(end) = functions.iter().position(|&function| function == caller) {
                machinery.extend(functions[..end].iter().filter(|&&function| function != 0));
            }
        }
    });
}

/// Whether a call without a name is the machinery's.
pub(super) fn is_machinery(return_address: usize) -> bool {
    let machinery = MACHINERY.lock().unwrap_or_else(PoisonError::into_inner);
    !machinery.is_empty() && machinery.contains(&function_at(return_address))
}

/// Whether a return address lies in the function that begins there.
#[cfg(all(feature = "debug", unix))]
pub(super) fn is_in_function(return_address: usize, start: usize) -> bool {
    start != 0 && function_at(return_address) == start
}

/// Where the function begins that holds the call before a return address, as tables for unwinding have it; 0 where they don't.
#[cfg(target_os = "linux")]
fn function_at(return_address: usize) -> usize {
    use std::ffi::c_void;
    unsafe extern "C" {
        fn _Unwind_FindEnclosingFunction(address: *mut c_void) -> *mut c_void;
    }
    // SAFETY: the unwinder, which every Rust program is linked to here, looks the address up in its tables, and reads nothing there.
    unsafe {
        _Unwind_FindEnclosingFunction(std::ptr::without_provenance_mut(
            return_address.saturating_sub(1),
        ))
        .addr()
    }
}

#[cfg(not(target_os = "linux"))]
fn function_at(_: usize) -> usize {
    0
}
