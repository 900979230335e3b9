//! A small service that has no memory test. The test is the exercise.
//!
//! `variants/` has parts of the same service that are mended, and the whole of it written anew. A good test fails on what leaks and passes
//! on what doesn't, whatever it looks like inside.

pub mod notifier;
mod receipts;
mod topics;
