//! The words and values that all share: kinds and places, findings and verdicts, the rule that judges, and how figures are worded.

pub(crate) mod class;
pub(crate) mod combination;
pub(crate) mod complaint;
pub(crate) mod crates;
pub(crate) mod finding;
pub(crate) mod judge;
pub(crate) mod kind;
#[cfg(target_os = "linux")]
pub(crate) mod mapping;
pub(crate) mod out;
pub(crate) mod packages;
pub(crate) mod place;
pub(crate) mod reading;
pub(crate) mod sources;
pub(crate) mod this_test;
pub(crate) mod thread_cache;
pub(crate) mod verdict;
pub(crate) mod words;
pub(crate) mod workload;
