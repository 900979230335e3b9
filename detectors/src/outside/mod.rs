//! A process that runs: looked at from outside, and what it tells of itself on a port of its own.

#[cfg(feature = "debug")]
pub mod debug;
mod kept;
pub mod triage;
