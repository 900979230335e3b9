//! What can be read now: the heap, tasks, what the process has open, resident memory, waits, and who holds what.

pub mod contention;
#[cfg(any(finds_stuck_tasks, all(feature = "debug", target_os = "linux")))]
pub(crate) mod copy;
pub(crate) mod counters;
pub mod heap;
pub(crate) mod holders;
pub(crate) mod kernel;
pub mod memory;
pub mod process;
pub(crate) mod spawn_site;
#[cfg(any(feature = "debug", feature = "triage"))]
pub(crate) mod tables;
#[cfg(feature = "tokio")]
pub mod tasks;
pub(crate) mod unseen;
