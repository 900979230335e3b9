//! Heap profiles of jemalloc: `heap_v2/524288`, the average number of bytes between two samples, and for each stack a line of the
//! sums over all threads, then one for each thread.
//!
//! ```text
//! heap_v2/524288
//!   t*: 28106: 56637512 [0: 0]
//! @ 0x5f86da8 0x5f5a1dc
//!   t*: 13: 6688 [0: 0]
//!   t1: 13: 6688 [0: 0]
//! ```
//!
//! The values in brackets are of all that was ever allocated, where `prof_accum` had it counted. Go's tool doesn't read this form;
//! they are scaled as in its `heap_v2`, and as `jeprof` scales them.

use super::heap::Kind;
use super::maps::is_sentinel;
use super::stacks::into_calls;
use super::text::{Lines, addresses, is_blank_or_comment, pairs};
use crate::profile::{ProfileError, protos};

/// The mark of the sums over all threads.
const ALL_THREADS: &str = "t*:";

pub(super) fn read<'a>(
    name: &'a str,
    lines: &mut Lines<'a>,
) -> Result<protos::Profile, ProfileError> {
    let header = lines.next().unwrap_or_default();
    let rate = header
        .trim_end()
        .strip_prefix("heap_v2/")
        .and_then(|rate| rate.parse().ok())
        .ok_or_else(|| lines.refused(name, header, "is no header of jemalloc's"))?;
    let all = lines.next().unwrap_or_default();
    let [_, allocated] =
        sums(all).ok_or_else(|| lines.refused(name, all, "has no sums over all threads"))?;
    let kind = Kind {
        rate: Some(rate),
        period: rate,
        has_allocated: allocated != [0, 0],
    };
    let mut stacks = kind.stacks(name);
    let mut stack: Option<Vec<u64>> = None;
    while let Some(line) = lines.next() {
        if is_sentinel(line) {
            break;
        }
        if is_blank_or_comment(line) {
            continue;
        }
        if let Some(frames) = line.strip_prefix('@') {
            stack =
                Some(addresses(frames).ok_or_else(|| lines.refused(name, line, "is no stack"))?);
        } else if line.trim_start().starts_with(ALL_THREADS) {
            let values = sums(line).and_then(|[live, all]| kind.values(live, all));
            let (values, block) =
                values.ok_or_else(|| lines.refused(name, line, "has no sums over all threads"))?;
            let mut stack = stack
                .take()
                .ok_or_else(|| lines.refused(name, line, "follows no stack"))?;
            into_calls(&mut stack);
            stacks.add(&stack, values, Some(block))?;
        } else if !line.trim_start().starts_with('t') {
            return Err(lines.refused(name, line, "is neither a stack nor a thread's"));
        }
    }
    stacks.finish(lines)
}

fn sums(line: &str) -> Option<[[i64; 2]; 2]> {
    pairs(line.trim_start().strip_prefix(ALL_THREADS)?)
}
