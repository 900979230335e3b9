//! A static collection that only grows.
//!
//! The lookup service remembers the answer for each apex, so that the search cluster is asked only once. [`leaky`] keeps
//! answers in a static map for ever; [`fixed`] gives the same map bounds, in bytes and in time. [`beside`] holds two more
//! collections that are keyed by whatever comes in.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;
