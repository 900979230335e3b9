//! Profiles through the public interface: real ones, made-up ones and hostile ones.

mod differences;
mod drawings;
mod from_dhat;
mod go;
mod graphs;
mod hostile;
mod kinds;
mod legacy;
mod listings;
mod narrowed;
#[path = "../../../src/profile/protos.rs"]
mod protos; // the format's messages, to put together what no writer would
mod support;

/// Counts what reading costs.
#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
