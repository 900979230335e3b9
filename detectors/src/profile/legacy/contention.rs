//! Waits for locks: Go's `--- mutex:` and `--- contention:`, and gperftools' `--- contentionz 1 ---`.
//!
//! ```text
//! --- mutex:
//! cycles/second=2596165857
//! sampling period=1
//! 235333384 79 @ 0x4b9365 0x4b933e
//! ```
//!
//! A sample has the cycles that were waited, and how often.

use super::maps::is_sentinel;
use super::stacks::{Dropped, Stacks};
use super::text::{Lines, addresses, is_blank_or_comment};
use crate::profile::{ProfileError, protos};

const CONTENTIONS: (&str, &str) = ("contentions", "count");

/// How the values were taken.
#[derive(Debug, Clone, Copy)]
struct Sampling {
    /// One in so many waits was recorded.
    period: i64,
    cycles_per_second: i64,
}

impl Sampling {
    /// Takes a line such as `sampling period=1`; `None` where it is none of these.
    fn take(&mut self, message: &mut protos::Profile, line: &str) -> Option<()> {
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        match key.trim() {
            "cycles/second" => self.cycles_per_second = value.parse().ok()?,
            "sampling period" => self.period = value.parse().ok()?,
            "ms since reset" => {
                let milliseconds: i64 = value.parse().ok()?;
                message.duration_nanos = milliseconds.saturating_mul(1_000_000);
            }
            "discarded samples" => {}
            _ => return None,
        }
        Some(())
    }

    /// Waits, and the nanoseconds that they took.
    fn values(self, cycles: i64, waits: i64) -> Vec<i64> {
        if self.period <= 0 {
            return vec![waits, cycles];
        }
        let mut delay = cycles;
        if self.cycles_per_second > 0 {
            let per_nanosecond = self.cycles_per_second as f64 / 1e9;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "Go's tool truncates too, and a value that is too large becomes the largest"
            )]
            let nanoseconds = (cycles as f64 * self.period as f64 / per_nanosecond) as i64;
            delay = nanoseconds;
        }
        vec![waits.saturating_mul(self.period), delay]
    }
}

pub(super) fn read<'a>(
    name: &'a str,
    lines: &mut Lines<'a>,
) -> Result<protos::Profile, ProfileError> {
    lines.next();
    let types = [CONTENTIONS, ("delay", "nanoseconds")];
    let mut stacks = Stacks::new(name, &types, (CONTENTIONS, 1), Dropped::Locks);
    let mut sampling = Sampling {
        period: 1,
        cycles_per_second: 0,
    };
    while let Some(line) = lines.next() {
        if is_sentinel(line) || line.starts_with("---") {
            break;
        }
        if is_blank_or_comment(line) {
            stacks.comment(line)?;
            continue;
        }
        let Some((values, stack)) = line.split_once('@') else {
            sampling.take(&mut stacks.message, line).ok_or_else(|| {
                lines.refused(name, line, "is no setting of a contention profile")
            })?;
            continue;
        };
        let sample = || {
            let (cycles, waits) = values.trim().split_once(char::is_whitespace)?;
            let values = sampling.values(cycles.parse().ok()?, waits.trim().parse().ok()?);
            Some((values, addresses(stack)?))
        };
        let (values, mut stack) =
            sample().ok_or_else(|| lines.refused(name, line, "is no sample of waits"))?;
        // The leaf is the call that waited, as the others are calls.
        for address in &mut stack {
            *address = address.wrapping_sub(1);
        }
        stacks.add(&stack, values, None)?;
    }
    stacks.message.period = sampling.period;
    stacks.finish(lines)
}
