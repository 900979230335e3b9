//! A small service that has no memory test. The test is the exercise.
//!
//! `variants/` has the same service four times more: mended in all, mended but for one fault, and written anew. A good test fails on what
//! leaks and passes on what doesn't, whatever it looks like inside.

pub mod notifier;
