//! Cleanup that comes too late, or never.
//!
//! The lookup service exports a customer's hosts into a file. It was ported from Go, where `defer f.Close()` stood behind
//! each open. [`leaky`] puts the descriptors on a list that is closed at shutdown; [`fixed`] lets each file close where its
//! scope ends. [`at_once`] holds what piles up within one call and is gone at its end: a peak shows it, a watch doesn't.

pub mod at_once;
pub mod fixed;
pub mod leaky;
