//! A place in the code: a line of a stack, whose code it is, and the line of a stack to look at first.

use crate::model::packages;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// A place in the code that allocates, and how the program came there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Site {
    /// The frame to look at first: the innermost one of the workload's own code, or of a dependency's where
    /// no own frame is on the stack.
    pub frame: Frame,
    /// Whose code that frame is.
    pub origin: Origin,
    /// The same for the same leak in every run: a hash of the stack's functions, without addresses and lines.
    pub signature: String,
    /// The whole stack, allocation first, the workload's entry last.
    pub stack: Vec<Frame>,
}

impl Site {
    /// Whether C code asked for it, and not Rust's allocator.
    pub(crate) fn is_foreign(&self) -> bool {
        let leaf = self.stack.first();
        leaf.is_some_and(|leaf| {
            leaf.file.is_empty() && ["malloc", "mmap"].contains(&leaf.function.as_str())
        })
    }

    /// The C functions between the allocation and the code that called into C, innermost first.
    pub(crate) fn in_c(&self) -> &[Frame] {
        let under = self.stack.get(1..).filter(|_| self.is_foreign());
        let under = under.unwrap_or_default();
        let rust = under.iter().position(Frame::is_of_rust);
        &under[..rust.unwrap_or(under.len())]
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frame.fmt(f)
    }
}

/// One line of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Frame {
    /// The function's whole name, without a hash.
    pub function: String,
    /// The whole path of its source file, as the compiler saw it; empty where unknown.
    pub file: String,
    /// The line in that file; 0 where unknown.
    pub line: u32,
}

impl Frame {
    /// A line of a stack: the function's whole name, its file as the compiler saw it (empty where unknown), the line (0 where
    /// unknown).
    pub fn new(function: impl Into<String>, file: impl Into<String>, line: u32) -> Self {
        Frame {
            function: function.into(),
            file: file.into(),
            line,
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_empty() {
            write!(f, "{}", self.function)
        } else {
            write!(f, "{} ({}:{})", self.function, self.file, self.line)
        }
    }
}

/// Whose code a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// The workload's own crate or workspace; also what nothing tells to be another's.
    Own,
    /// A dependency's: from a registry, by git, vendored, or by a path outside of the workspace.
    Dependency,
    /// The standard library's.
    Standard,
    /// No file is known.
    Unknown,
}

/// A `#[path = "../src/exercise.rs"]` is seen by the compiler as `tests/../src/exercise.rs`.
pub(crate) fn without_detours(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            (".", Some(_)) => {}
            ("..", Some(&last)) if !matches!(last, "" | "." | "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The name of the site that a stack points at, as findings have it.
pub(crate) fn name_of(stack: &[Frame]) -> String {
    site(stack.to_vec()).to_string()
}

/// The site that a stack points at: its innermost own frame, else its innermost dependency's, else its leaf.
pub(crate) fn site(stack: Vec<Frame>) -> Site {
    site_beside(stack, &[])
}

/// The same for a stack of another program, which knew the folders of these packages for not its own.
pub(crate) fn site_beside(stack: Vec<Frame>, packages: &[&str]) -> Site {
    let origin = |frame: &Frame| match frame.origin() {
        Origin::Own
            if packages
                .iter()
                .any(|root| packages::is_below(&frame.file, root)) =>
        {
            Origin::Dependency
        }
        origin => origin,
    };
    let first = |wanted| stack.iter().find(|frame| origin(frame) == wanted);
    let chosen = first(Origin::Own)
        .or_else(|| first(Origin::Dependency))
        .or_else(|| stack.first())
        .cloned()
        .unwrap_or_else(|| Frame {
            function: "an unknown function".to_owned(),
            file: String::new(),
            line: 0,
        });
    Site {
        origin: origin(&chosen),
        signature: signature(&stack),
        frame: chosen,
        stack,
    }
}

impl Frame {
    /// Whether it is a function of Rust's, as far as its name and file tell.
    fn is_of_rust(&self) -> bool {
        Path::new(&self.file).extension() == Some("rs".as_ref())
            || self.function.contains("::")
            || self.function.starts_with('<')
    }

    /// Whose code the frame belongs to, told by where its file lies, and by what this process' debug information says of that folder.
    pub fn origin(&self) -> Origin {
        match origin_by_path(&self.file) {
            // The watch is on every stack and never at fault.
            Origin::Own if is_ours(&self.function) => Origin::Dependency,
            Origin::Own if packages::root_of(&self.file).is_some() => Origin::Dependency,
            origin => origin,
        }
    }
}

/// Whose file it is, as far as its path tells.
pub(crate) fn origin_by_path(path: &str) -> Origin {
    let path = path.replace('\\', "/");
    if path.is_empty() {
        Origin::Unknown
    } else if path.starts_with("/rustc/")
        // Where the standard library's own dependencies were built.
        || path.starts_with("/rust/deps/")
        || path.contains("/lib/rustlib/src/")
    {
        Origin::Standard
    } else if path.contains("/registry/src/") || path.contains("/git/checkouts/") {
        Origin::Dependency
    } else {
        Origin::Own
    }
}

/// Whether a function belongs to this library, as a function of it or of a closure in it.
fn is_ours(function: &str) -> bool {
    function
        .trim_start_matches(['<', '&'])
        .starts_with("detectors::")
}

/// FNV-1a over the names of the stack's functions, without this library's own, which are no part of the leak: it must be the same
/// in every run and on every machine, which the standard hasher doesn't promise.
fn signature(stack: &[Frame]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let names = stack.iter().map(|frame| frame.function.as_str());
    let names = names.filter(|function| !is_ours(function));
    for byte in names.flat_map(|name| name.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::{Frame, Origin, site_beside, without_detours};

    #[test]
    fn another_programs_packages_are_not_its_own() {
        let stack = ["/srv/vendor/keeps/src/lib.rs", "/srv/shop/src/main.rs"];
        let frames = stack.map(|file| Frame::new("a function", file, 7)).to_vec();
        let of = |packages: &[&str]| site_beside(frames.clone(), packages);
        let told = of(&["/srv/vendor/keeps"]);
        assert_eq!(
            (told.frame.file.as_str(), told.origin),
            (stack[1], Origin::Own)
        );
        let alone = of(&["/srv/vendor/keeps", "/srv/shop"]);
        assert_eq!(
            (alone.frame.file.as_str(), alone.origin),
            (stack[0], Origin::Dependency)
        );
        // Where nothing is told, it may be accused.
        assert_eq!(of(&[]).frame.file, stack[0]);
    }

    #[test]
    fn a_path_goes_straight_to_its_file() {
        for (detour, straight) in [
            (
                "/w/chapter/tests/../src/exercise.rs",
                "/w/chapter/src/exercise.rs",
            ),
            ("/w/./a/../b/./c.rs", "/w/b/c.rs"),
            ("../outside.rs", "../outside.rs"),
            ("/../top.rs", "/../top.rs"),
            ("src/lib.rs", "src/lib.rs"),
            ("", ""),
        ] {
            assert_eq!(without_detours(detour), straight);
        }
    }
}
