//! Memory that nothing points to.
//!
//! The lookup service names each span of its trace after the apex that was asked for. [`leaky`] makes the name live for
//! ever, since the span wants a `&'static str`; [`fixed`] lets the span own its name. [`beside`] loses memory in three
//! other ways.

pub mod beside;
pub mod fixed;
pub mod leaky;
