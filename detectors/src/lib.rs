//! Finds memory growth in Rust services, says what grows and where, and turns that into tests.
#![warn(missing_docs)]

pub mod profile;

pub use profile::Profile;
