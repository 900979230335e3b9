//! From stacks that were sampled while they ran to a profile of CPU time.

use super::assemble::{self, CPU, CPU_ORDER, Call};
use super::measured::{call, distinct, resolve_each, this_program};
use super::{Profile, SourceFrame, program, trim};
use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a sampler saw of this process.
pub(crate) struct Sampled {
    /// Addresses, the innermost first and the sampler's own among them, and how many samples were taken there.
    pub(crate) stacks: Vec<(Vec<usize>, i64)>,
    /// Where the function begins that takes a sample; 0 where that isn't known.
    pub(crate) handler: usize,
    /// Samples in a second of CPU time.
    pub(crate) rate: i64,
    pub(crate) started: SystemTime,
    pub(crate) took: Duration,
}

/// It may be empty, as Go's is: an idle process uses no CPU time.
pub(crate) fn convert(name: &str, seen: &Sampled) -> Profile {
    let period = 1_000_000_000 / seen.rate;
    let addresses = seen.stacks.iter().map(|(stack, _)| &stack[..]);
    let mut resolved = resolve_each(&distinct(addresses));
    let mut calls: HashMap<usize, Call> = HashMap::new();
    let mut merged: HashMap<Vec<Call>, [i64; 2]> = HashMap::new();
    for (stack, count) in &seen.stacks {
        let stack = stack.iter().map(|&address| {
            let known = calls.entry(address).or_insert_with(|| {
                let frames = resolved.remove(&address);
                call(address, frames.unwrap_or_default())
            });
            known.clone()
        });
        let mut stack: Vec<Call> = stack.collect();
        cut_the_sampler(&mut stack, seen.handler);
        trim::start(&mut stack);
        let sums = merged.entry(stack).or_insert([0; 2]);
        sums[0] += count;
        sums[1] += count * period;
    }
    let mut samples: Vec<_> = merged.into_iter().collect();
    assemble::sort(&mut samples, CPU_ORDER);
    let mut message = assemble::assemble(&this_program(), &samples, CPU, CPU[1], period);
    let since_1970 = seen.started.duration_since(UNIX_EPOCH);
    message.time_nanos = nanoseconds(since_1970.unwrap_or_default());
    message.duration_nanos = nanoseconds(seen.took);
    Profile::new(name, message)
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// The innermost frames are those that take the sample: pprof's, which a signal calls, and the C library's way back from it.
fn cut_the_sampler(stack: &mut Vec<Call>, start: usize) {
    let is_pprofs = |frame: &SourceFrame| frame.function.ends_with("perf_signal_handler");
    let is_handler = |call: &Call| {
        let return_address = usize::try_from(call.address).map_or(0, |address| address + 1);
        call.frames.iter().any(is_pprofs) || program::is_in_function(return_address, start)
    };
    if let Some(handler) = stack.iter().position(is_handler) {
        stack.drain(..(handler + 2).min(stack.len() - 1));
    }
}
