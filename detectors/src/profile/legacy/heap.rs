//! Heap profiles in the form of gperftools, which Go writes as well.
//!
//! ```text
//! heap profile: 114: 1287488 [126: 3669872] @ heap/8192
//! 10: 1064960 [12: 1081344] @ 0x4b911d 0x4b923e 0x437a92
//! ```
//!
//! Objects and bytes that are live, then, in brackets, all that ever were. Behind the `@` of the header stands what the values are.

use super::maps::is_sentinel;
use super::stacks::{Dropped, Stacks, into_calls};
use super::text::{Lines, addresses, is_blank_or_comment, pairs};
use crate::profile::{ProfileError, protos};

const PERIOD: (&str, &str) = ("space", "bytes");

/// What a heap's values are, and how they were sampled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// How many bytes lie between two samples on average; `None` where the values aren't to be scaled.
    pub(super) rate: Option<i64>,
    /// The period that the profile tells.
    pub(super) period: i64,
    /// Whether it counts what was allocated, beside what is live.
    pub(super) has_allocated: bool,
}

impl Kind {
    pub(super) fn stacks(self, name: &str) -> Stacks<'_> {
        let types: &[_] = if self.has_allocated {
            &[
                ("alloc_objects", "count"),
                ("alloc_space", "bytes"),
                ("inuse_objects", "count"),
                ("inuse_space", "bytes"),
            ]
        } else {
            &[("objects", "count"), ("space", "bytes")]
        };
        Stacks::new(name, types, (PERIOD, self.period), Dropped::Allocators)
    }

    /// The values of a sample with these pairs, in the order of the types, and the size of a block. `None` where bytes are of no object.
    pub(super) fn values(self, live: [i64; 2], allocated: [i64; 2]) -> Option<(Vec<i64>, i64)> {
        let mut values = Vec::with_capacity(4);
        let mut block = 0;
        let allocated = self.has_allocated.then_some(allocated);
        for [count, size] in allocated.into_iter().chain([live]) {
            if count == 0 && size != 0 {
                return None;
            }
            block = size.checked_div(count).unwrap_or(block);
            values.extend(match self.rate {
                Some(rate) => unsampled([count, size], rate),
                None => [count, size],
            });
        }
        Some((values, block))
    }
}

/// What stands for a sample of so many objects and bytes.
///
/// An allocation of `s` bytes is sampled with the probability `1 - exp(-s / rate)`: those that were seen stand for as many more.
pub(super) fn unsampled([count, size]: [i64; 2], rate: i64) -> [i64; 2] {
    if count == 0 || size == 0 {
        return [0, 0];
    }
    // At a rate of one everything was seen; a smaller one isn't known.
    if rate <= 1 {
        return [count, size];
    }
    let mean = size as f64 / count as f64;
    let scale = 1.0 / (1.0 - (-mean / rate as f64).exp());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "Go's tool truncates too, and a value that is too large becomes the largest"
    )]
    [count, size].map(|value| (value as f64 * scale) as i64)
}

pub(super) fn read<'a>(
    name: &'a str,
    lines: &mut Lines<'a>,
) -> Result<protos::Profile, ProfileError> {
    let header = lines.next().unwrap_or_default();
    let kind = kind(header).ok_or_else(|| lines.refused(name, header, "is no heap's header"))?;
    let mut stacks = kind.stacks(name);
    while let Some(line) = lines.next() {
        if is_sentinel(line) {
            break;
        }
        if is_blank_or_comment(line) {
            stacks.comment(line)?;
            continue;
        }
        let sample = line.split_once('@').and_then(|(values, stack)| {
            let [live, allocated] = pairs(values)?;
            let (values, block) = kind.values(live, allocated)?;
            Some((values, block, addresses(stack)?))
        });
        let (values, block, mut stack) =
            sample.ok_or_else(|| lines.refused(name, line, "is no sample of a heap"))?;
        into_calls(&mut stack);
        stacks.add(&stack, values, Some(block))?;
    }
    stacks.finish(lines)
}

fn kind(header: &str) -> Option<Kind> {
    let (values, word) = header.strip_prefix("heap profile:")?.split_once('@')?;
    let [live, allocated] = pairs(values)?;
    let word = word.trim();
    let (word, rate) = match word.split_once('/') {
        Some((word, rate)) => (word, rate.parse().ok()?),
        None => (word, 0),
    };
    // A header whose two halves are the same, or the second 0, only fills the second in.
    let tells = |which: usize| allocated[which] != live[which] && allocated[which] != 0;
    let has_allocated = tells(0) || tells(1);
    let sampled = |rate| Kind {
        rate: Some(rate),
        period: rate,
        has_allocated,
    };
    let exact = Kind {
        rate: None,
        period: 1,
        has_allocated,
    };
    match word {
        // Go writes twice its rate.
        "heap" => Some(sampled(rate / 2)),
        "heap_v2" | "heapz_v2" => Some(sampled(rate)),
        "heapprofile" => Some(exact),
        // How a heap grew, and what it lost to fragmentation.
        "growth" | "growthz" | "fragmentation" | "fragmentationz" => Some(Kind {
            has_allocated: false,
            ..exact
        }),
        _ => None,
    }
}
