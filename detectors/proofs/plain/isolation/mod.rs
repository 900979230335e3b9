//! The proof that a test declared with `detectors::tests!` runs in a process of its own, and that whatever becomes of
//! that process is reported in words.
//!
//! These are tests under cargo's own harness. What they look at is the binary of `subject.rs`.

mod alone;
mod commands;
mod endings;
mod misuse;
mod next;
#[cfg(target_os = "linux")]
mod processes;
mod runs;
