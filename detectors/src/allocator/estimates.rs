//! The heap profile of a running process, from its samples.

use super::sampling::{self, OBJECT};
use super::stacks::sites::{Estimates, SITES, Site};
use super::{labels, slot};
use crate::profile::{Measured, Profile, ProfileError, Symbols};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// The heap profile of the process while it runs, estimated from samples, in pprof's four types: allocated since the process
/// began, and in use now.
///
/// Samples carry the [labels](super::Label) under which they were allocated.
///
/// Each sample stands for the inverse of its own chance, so objects and bytes have the right expectation for every size, also
/// where one stack allocates many. How far an estimate may be off: with `n` samples behind it, about one part in the square
/// root of `n`.
///
/// Names, files and lines are resolved here, in the calling thread, and the tables for that are given back before this returns.
///
/// # Errors
///
/// When no sample was taken yet.
pub fn profile() -> Result<Profile, ProfileError> {
    let profile = profile_or_empty();
    profile.refuse_empty()?;
    Ok(profile)
}

/// The same, without samples where there are none yet.
pub(crate) fn profile_or_empty() -> Profile {
    super::stacks::learn();
    let _uncounted = slot::InsideInstrument::enter();
    let names = labels::names();
    let samples: Vec<Measured> = SITES
        .iter()
        .map(|(_, site)| {
            let [alloc_objects, alloc_bytes, objects, bytes] = sampled(site);
            let whole = |units: u64| ((units + OBJECT / 2) / OBJECT).cast_signed();
            Measured {
                stack: site.frames().to_vec(),
                values: [
                    whole(alloc_objects),
                    alloc_bytes.cast_signed(),
                    whole(objects),
                    bytes.cast_signed(),
                ],
                labels: names.get(&site.labels()).cloned().unwrap_or_default(),
            }
        })
        .filter(|measured| measured.values[0] > 0)
        .collect();
    let interval = sampling::interval().max(1).try_into().unwrap_or(i64::MAX);
    let profile = Profile::of_heap(
        "this process' heap",
        &samples,
        interval,
        Symbols::ThisProcess,
    );
    crate::profile::give_back();
    profile
}

/// Objects and bytes allocated, objects and bytes in use; objects in units of [`OBJECT`].
pub(super) fn sampled(site: &Site<Estimates>) -> [u64; 4] {
    let value = |counter: &AtomicU64| counter.load(Relaxed);
    // Frees first: what is allocated and freed between the two reads is then seen as live, and never as negative.
    let free_objects = value(&site.counted.free_objects);
    let free_bytes = value(&site.counted.free_bytes);
    let alloc_objects = value(&site.counted.alloc_objects);
    let alloc_bytes = value(&site.counted.alloc_bytes);
    [
        alloc_objects,
        alloc_bytes,
        alloc_objects.saturating_sub(free_objects),
        alloc_bytes.saturating_sub(free_bytes),
    ]
}

/// What [`profile`] estimates at one stack, before anything is rounded or named.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// Return addresses, the innermost first.
    pub stack: &'static [usize],
    /// Objects and bytes allocated, objects and bytes in use.
    pub values: [f64; 4],
}

/// What [`profile`] says, without names: a test of the estimates takes thousands of them.
#[doc(hidden)]
pub fn estimates() -> Vec<Estimate> {
    let objects = |units: u64| units as f64 / OBJECT as f64;
    SITES
        .iter()
        .map(|(_, site)| {
            let [alloc_objects, alloc_bytes, live_objects, live_bytes] = sampled(site);
            Estimate {
                stack: site.frames(),
                values: [
                    objects(alloc_objects),
                    alloc_bytes as f64,
                    objects(live_objects),
                    live_bytes as f64,
                ],
            }
        })
        .collect()
}
