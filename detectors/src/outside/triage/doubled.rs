//! A block that gave way to one of twice the size: a vector or a table that doubles. What fills it is seen by nobody before it doubles
//! again, so one step up is no word of its having stopped.

use super::judgement::Settle;
use super::quantity::Quantity;
use crate::model::words::bytes;
use std::time::Duration;

/// Smaller blocks double in any program that begins to work.
const BYTES_MIN: u64 = 1 << 20;

/// Twice as large, but for one part in this.
const CLOSE: u64 = 64;

/// Of what was added so large a part comes at once.
const AT_ONCE: f64 = 0.75;

/// A pace isn't even.
const SPARE: f64 = 1.5;

/// Longer than this nobody is asked to wait.
const LONGEST: Duration = Duration::from_hours(24);

/// What doubled once while it was looked at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doubled {
    /// What it is, in a sentence.
    pub(super) what: String,
    /// Where it is made, as far as that is known.
    pub(super) site: Option<String>,
    /// Its bytes before and after.
    pub(super) from: u64,
    pub(super) to: u64,
    /// How old the process is; `None` where that isn't known.
    pub(super) age: Option<Duration>,
}

impl Doubled {
    /// Whether a size is twice another one, and large enough to ask.
    pub(super) fn is_double(from: u64, to: u64) -> bool {
        from >= BYTES_MIN && to.abs_diff(2 * from) <= from / CLOSE
    }

    /// Why no calm word can be said, and what would settle it; `None` where memory didn't rise by as much at once.
    ///
    /// However long it has rested since: what was loaded at a start may have filled it nearly, and a slow leak the rest.
    pub(super) fn keeps_open(&self, memory: &[Quantity]) -> Option<(String, Settle)> {
        let at = memory.iter().find_map(|quantity| self.step(quantity))?;
        let because = format!(
            "{} gave way to one of twice the size {} s into the look, from {} to {}: a vector or a table that doubles, and what fills it isn't \
             seen before it doubles again",
            self.what,
            at.as_secs(),
            bytes(self.from),
            bytes(self.to)
        );
        // Filled evenly since the process began, it is full again after as long as it has run.
        let needs = self
            .age
            .map(|age| age.mul_f64(SPARE))
            .filter(|needs| *needs <= LONGEST);
        let how = match needs {
            Some(needs) => format!(
                "look again for {} s: if it has been filling evenly since the process began, it doubles again by then",
                needs.as_secs()
            ),
            None => {
                "look again, for longer than the process has run: what fills evenly doubles again by then. Or watch in a test the code that \
                 fills it: detectors::Watch reads how full a vector or a table is"
                    .to_owned()
            }
        };
        Some((because, (how, needs)))
    }

    /// When the quantity rose by this at once, to stay; `None` where it didn't.
    fn step(&self, quantity: &Quantity) -> Option<Duration> {
        /// Readings between before and after: the new block is filled before the old one goes.
        const WITHIN: usize = 3;
        #[expect(clippy::cast_possible_truncation, reason = "bytes of a process")]
        let least = (AT_ONCE * self.from as f64) as i64;
        let series = &quantity.series;
        // What stays from a reading on.
        let mut stays = series.clone();
        for at in (1..stays.len()).rev() {
            stays[at - 1].1 = stays[at - 1].1.min(stays[at].1);
        }
        let mut before = series.iter().zip(stays.iter().skip(WITHIN));
        let begun = before.position(|(before, after)| after.1 - before.1 >= least)?;
        let (_, level) = series[begun];
        let mut up = series[begun..].iter();
        up.find(|(_, value)| value - level >= least)
            .map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    //! Computed looks: none of them was measured. tests/triage has real processes.

    use super::{Doubled, Quantity};
    use crate::model::kind::Kind;
    use crate::outside::triage::evidence::Moment;
    use crate::outside::triage::sampling::Look;
    use std::time::Duration;

    const MIB: u64 = 1 << 20;
    const SECONDS: u64 = 180;

    /// A look at 20 MiB, and what is added to it by the second.
    fn look(added: impl Fn(f64) -> u64) -> Look {
        let moments = (0..300).map(|at| {
            let seconds = f64::from(at) * 0.6;
            Moment {
                seconds,
                live: Some(20 * MIB + added(seconds)),
                ..Moment::default()
            }
        });
        Look {
            time: Duration::from_secs(SECONDS),
            collector: None,
            moments: moments.collect(),
        }
    }

    /// What is said of 8 MiB that become 16 in this look, of a process that is so old.
    fn said(look: &Look, age: Option<Duration>) -> Option<(String, Option<Duration>)> {
        let live = Quantity::of(look, Kind::Bytes, "live memory", |now| {
            Some(now.live?.cast_signed())
        });
        let doubled = Doubled {
            what: "one block of shop::add (shop.rs:7)".to_owned(),
            site: None,
            from: 8 * MIB,
            to: 16 * MIB,
            age,
        };
        let (because, (_, needs)) = doubled.keeps_open(&[live.expect("it was read")])?;
        Some((because, needs))
    }

    #[test]
    fn what_doubled_once_is_open_however_long_it_rests() {
        for at in [6.0, 42.0, 168.0] {
            let once = look(|seconds| if seconds < at - 0.1 { 0 } else { 8 * MIB });
            let (because, needs) = said(&once, None).expect("open");
            let told = format!(" {at} s into the look");
            assert!(because.contains(&told), "{because}");
            assert_eq!(needs, None);
            let hour = Duration::from_hours(1);
            let (_, needs) = said(&once, Some(hour)).expect("open");
            assert_eq!(needs, Some(hour * 3 / 2));
            let (_, needs) = said(&once, Some(24 * hour)).expect("open");
            assert_eq!(needs, None, "nobody waits for that");
        }
    }

    #[test]
    fn what_rose_bit_by_bit_or_by_less_is_no_doubling() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let even = look(|seconds| (seconds * MIB as f64 / 20.0) as u64);
        assert_eq!(said(&even, None), None);
        let less = look(|seconds| if seconds < 40.0 { 0 } else { 5 * MIB });
        assert_eq!(said(&less, None), None);
        let peak = look(|seconds| {
            if (40.0..41.0).contains(&seconds) {
                16 * MIB
            } else {
                0
            }
        });
        assert_eq!(said(&peak, None), None);
    }

    #[test]
    fn twice_is_twice() {
        assert!(Doubled::is_double(8 * MIB, 16 * MIB));
        assert!(Doubled::is_double(17 << 19, 17 << 20));
        assert!(!Doubled::is_double(8 * MIB, 15 * MIB));
        assert!(!Doubled::is_double(MIB / 2, MIB), "any program's");
    }
}
