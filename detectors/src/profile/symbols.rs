//! From addresses to names, files and lines.

use crate::model::place::{Frame, without_detours};
use crate::model::{packages, sources};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(target_os = "linux")]
pub(super) use super::lean::{place_of, resolve_all, told};

/// Whether `backtrace` holds tables of this program's debug information.
static HELD: AtomicBool = AtomicBool::new(false);

/// Where names, files and lines of a profile come from.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct SourceFrame {
    /// The function's name, without hash.
    pub function: String,
    /// The source file; empty when it is unknown.
    pub file: String,
    /// The line, counted from one; zero when it is unknown.
    pub line: u32,
}

impl SourceFrame {
    /// A call: the function's name without hash, its source file (empty when unknown), the line (zero when unknown).
    pub fn new(function: impl Into<String>, file: impl Into<String>, line: u32) -> Self {
        SourceFrame {
            function: function.into(),
            file: file.into(),
            line,
        }
    }
}

impl From<&SourceFrame> for Frame {
    fn from(frame: &SourceFrame) -> Self {
        Frame {
            function: frame.function.clone(),
            file: without_detours(&frame.file),
            line: frame.line,
        }
    }
}

/// The calls at a return address of this process; `backtrace` itself looks at the call before it.
pub(super) fn resolve_here(return_address: u64) -> Vec<SourceFrame> {
    let mut frames = Vec::new();
    let Ok(address) = usize::try_from(return_address) else {
        return frames;
    };
    HELD.store(true, Ordering::Relaxed);
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        // `:#` leaves out the hash.
        let Some(name) = symbol.name().map(|name| format!("{name:#}")) else {
            return;
        };
        let file = symbol.filename().map(|path| path.display().to_string());
        let file = file.unwrap_or_default();
        packages::look(&file);
        frames.push(SourceFrame {
            function: sources::whole_name(&name, &file).unwrap_or(name),
            file,
            line: symbol.lineno().unwrap_or(0),
        });
    });
    frames
}

/// None: only on Linux are addresses resolved in a batch.
#[cfg(not(target_os = "linux"))]
pub(super) fn resolve_all(_: &[usize]) -> std::collections::HashMap<usize, Vec<SourceFrame>> {
    std::collections::HashMap::new()
}

/// Nothing: only on Linux is a program's file read.
#[cfg(not(target_os = "linux"))]
pub(super) fn place_of(_: usize) -> Option<String> {
    None
}

/// Not known: only on Linux is a program's file read.
#[cfg(not(target_os = "linux"))]
pub(super) fn told() -> super::program::Told {
    super::program::Told::Lines
}

/// Says that a library is about to resolve addresses by `backtrace`, so that [`give_back`] has something to give back.
#[cfg(all(feature = "tokio", tells_await_stacks))]
pub(crate) fn others_resolve() {
    HELD.store(true, Ordering::Relaxed);
}

/// Gives back what [`resolve_here`] has read of this program's debug information: tens of megabytes, for some programs.
pub(crate) fn give_back() {
    // Not more often: to clear what was never filled would make the list of libraries first, and keep it.
    if HELD.swap(false, Ordering::Relaxed) {
        backtrace::clear_symbol_cache();
    }
}
