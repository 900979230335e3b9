//! Finds memory growth in Rust services, says what grows and where, and turns that into tests.
#![warn(missing_docs)]

mod class;
mod evidence;
mod verdict;

pub use class::{Class, UnknownClass};
pub use evidence::{
    Evidence, Finding, Frame, Instrument, Kind, NotRead, Origin, Reading, Sample, Site,
    SmallestLeak,
};
pub use verdict::Verdict;
