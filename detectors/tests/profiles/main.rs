//! Profiles through the public interface: real ones, made-up ones and hostile ones.
#![expect(clippy::unwrap_used, reason = "tests")]

mod differences;
mod drawings;
mod from_dhat;
mod go;
mod hostile;
mod listings;
mod support;
