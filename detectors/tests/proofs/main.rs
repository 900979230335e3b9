//! The detector's proofs, by the profiling allocator: it fires on the fault, names the site, is silent on the fixed twin and on look-alikes.
//!
//! Each proof repeats its watch with another seed each time, with a busy process beside it. A *false word* is a leak called
//! calm, or a clean workload called a leak: none is allowed. `inconclusive` is no false word, and allowed only where the
//! proof says that noise is part of the workload.
//!
//! `DETECTORS_REPETITIONS=1000 DETECTORS_DEADLINE=14400 cargo test -p detectors --test proofs` repeats more often; 3 unless
//! told otherwise.

mod clean;
mod faults;
mod harness;

use detectors::Watch;
use harness::{fires, fires_or_is_unsure, silent, silent_or_unsure};

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

/// The allocator tells what each site holds while the workload runs, so noise elsewhere hides nothing.
const READS_SITES: bool = true;

include!("all.rs");
