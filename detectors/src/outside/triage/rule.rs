//! The growth rule for what is read over time, where there are no iterations.
//!
//! Windows double here too: of a look of 16 s they are the seconds 1 to 2, 2 to 4, 4 to 8 and 8 to 16. A window's floor is the
//! minimum of its second half, so the troughs of a saw-tooth count and its teeth don't. Growth is when every floor rises, the last
//! rise is clear of the noise, and the end of the look keeps at least half of the early pace.
//!
//! That last part stands for a watch's "no rise is smaller than the one before". Nobody drives the process at an even pace, so a
//! rise may well be smaller; but what warms up slows down to the end.
//!
//! What has stopped must have rested for twice as long as ever before, since what grows in bursts rests too.
//!
//! ```text
//! leak       /    saw-tooth  /|/|/|/|    warm-up  ,----    one step   ,----
//!          /                                     /                   |
//!        /                                      /              ------'
//! ```

use crate::model::judge::{Floor, Floors, Motion, PARTS};
use std::time::Duration;

/// How many windows a look is cut into: the first begins at a sixteenth of it.
const WINDOWS: u32 = 4;

/// Fewer can't show that growth goes on.
const WINDOWS_LEAST: usize = 3;

/// The part of a look that lies between the middles of its last two windows.
const LAST_RISE: f64 = 3.0 / 8.0;

/// The part of a look that lies between the first and the last part of its last window's second half.
const LATE: f64 = 3.0 / 16.0;

/// Growth that goes on keeps at least this much of its early pace. A cache that fills takes in less and less that is new.
const PACE_KEPT: f64 = 0.5;

/// Longer than this nobody is asked to wait.
const LONGEST: Duration = Duration::from_hours(24);

/// One quantity over time, oldest first.
pub(super) type Series = Vec<(Duration, i64)>;

/// What one quantity did.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) motion: Motion,
    /// Whether each floor is higher than the one before, and the last by more than what moves without a reason.
    pub(super) climbs: bool,
    /// The growth over all windows, in the quantity's unit.
    pub(super) per_second: f64,
    /// How far a floor moves when nothing grows.
    pub(super) noise: i64,
    /// Slower growth may have hidden in this look: below what is clear of the noise, or below what rose, with the noise on top.
    pub(super) smallest_per_second: f64,
    /// How long a look would have to be to tell, where this one can't; `None` when none would.
    pub(super) needs: Option<Duration>,
    /// The windows' floors.
    pub(super) floors: Vec<Window>,
}

/// A stretch of the look, with its floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) floor: i64,
}

/// What a series did in a look of `time`. A move of at most `grain` counts as none.
pub(super) fn judge(series: &[(Duration, i64)], time: Duration, grain: i64) -> Judged {
    let mut floors = Floors::in_steps_of(grain);
    let mut windows = Vec::new();
    for power in (1..=WINDOWS).rev() {
        let (from, to) = (time / 2_u32.pow(power), time / 2_u32.pow(power - 1));
        if let Some(floor) = floor(series, (from + to) / 2, to) {
            floors.push(floor);
            let floor = floor.value();
            windows.push(Window { from, to, floor });
        }
    }
    let last_rise = floors.rises().next_back().unwrap_or(0);
    let climbs = last_rise > grain && floors.rises().all(|rise| rise > 0);
    let motion = match motion(&floors, series, time) {
        Motion::Flat | Motion::Stopped if climbs => Motion::Unclear,
        motion => motion,
    };
    let hides = match motion {
        Motion::Growing => floors.clear(),
        _ => floors.clear().max(floors.sway()),
    };
    let between = time.as_secs_f64() * LAST_RISE;
    Judged {
        motion,
        climbs,
        per_second: floors.per_iteration() * 1_000.0,
        noise: floors.noise(),
        smallest_per_second: hides as f64 / between,
        needs: needed(time, floors.clear() as f64, last_rise as f64 / between),
        floors: windows,
    }
}

/// The minima of the parts of `from..to`; `None` when nothing was read then.
fn floor(series: &[(Duration, i64)], from: Duration, to: Duration) -> Option<Floor> {
    let start = series.partition_point(|(at, _)| *at < from);
    let end = series.partition_point(|(at, _)| *at < to);
    let half = series.get(start..end).filter(|half| !half.is_empty())?;
    let part = |number: usize| {
        let from = number * half.len() / PARTS;
        let to = ((number + 1) * half.len() / PARTS).max(from + 1);
        let values = half[from..to].iter().map(|(_, value)| *value);
        values.min().unwrap_or(i64::MAX) // never: no part is empty
    };
    Some(Floor {
        // In milliseconds, where a watch counts iterations.
        middle: u64::try_from(half[0].0.as_millis()).unwrap_or(u64::MAX),
        parts: std::array::from_fn(part),
    })
}

fn motion(floors: &Floors, series: &[(Duration, i64)], time: Duration) -> Motion {
    let ([first, .., before, last], WINDOWS_LEAST..) = (floors.windows(), floors.len()) else {
        return Motion::Unclear;
    };
    let noise = floors.noise();
    let rise = last.value() - before.value();
    let late_rise = last.parts[PARTS - 1] - last.parts[0];
    let milliseconds = before.middle.saturating_sub(first.middle).max(1);
    let pace = (before.value() - first.value()) as f64 / milliseconds as f64;
    let late_pace = late_rise as f64 / (time.as_millis() as f64 * LATE);
    let keeps_rising = floors.rises().all(|rise| rise > 0) && rise >= floors.clear();
    match floors.motion() {
        _ if keeps_rising && late_pace >= PACE_KEPT * pace => Motion::Growing,
        // What falls again has filled nothing.
        Motion::Stopped if rise < -noise || last.value() - first.value() <= noise => Motion::Flat,
        Motion::Flat => Motion::Flat,
        _ if late_rise <= noise && has_rested(series, noise, time) => Motion::Stopped,
        _ => Motion::Unclear,
    }
}

/// Whether what stays has stayed the same for twice as long as ever before in this look. What grows in bursts rests between
/// them, and has not stopped.
fn has_rested(series: &[(Duration, i64)], noise: i64, time: Duration) -> bool {
    // What stays at a moment is the least from then on.
    let mut least = i64::MAX;
    let mut stays: Series = Vec::with_capacity(series.len());
    for (at, value) in series.iter().rev() {
        least = least.min(*value);
        stays.push((*at, least));
    }
    let Some((mut since, mut level)) = stays.last().copied() else {
        return false;
    };
    let mut longest = Duration::ZERO;
    for (at, stays) in stays.into_iter().rev() {
        if stays - level > noise {
            longest = longest.max(at.saturating_sub(since));
            (since, level) = (at, stays);
        }
    }
    time.saturating_sub(since) >= 2 * longest
}

/// A look is asked for that is so many times as long as the growth needs, since its noise is another one.
const SPARE: f64 = 1.5;

/// How long a look must be for the same growth to be clear; twice as long where it was clear, and yet not even.
fn needed(time: Duration, clear: f64, per_second: f64) -> Option<Duration> {
    let at_least = 2 * time;
    if per_second <= 0.0 {
        return Some(at_least);
    }
    let seconds = SPARE * clear / (per_second * LAST_RISE);
    let needed = Duration::try_from_secs_f64(seconds.ceil()).ok()?;
    (needed <= LONGEST).then_some(needed.max(at_least))
}

#[cfg(test)]
mod tests {
    //! Computed series, hundreds of seeds for each shape: none of them was measured. tests/triage has real processes.

    use super::{Series, judge};
    use crate::model::judge::Motion;
    use std::time::Duration;

    const SEEDS: u64 = 300;
    const LOOK: f64 = 15.0;
    const LOOKED: Duration = Duration::from_secs(15);
    const MB: f64 = 1e6;
    const GRAIN: i64 = 64 << 10;

    /// A generator that is the same everywhere: xorshift.
    struct Random(u64);

    impl Random {
        /// From 0 to 1.
        fn next(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn between(&mut self, low: f64, high: f64) -> f64 {
            low + (high - low) * self.next()
        }
    }

    /// Readings every 50 ms, some of them late, of a quantity given by the seconds.
    fn series(random: &mut Random, mut value: impl FnMut(f64, &mut Random) -> f64) -> Series {
        let mut at = 0.0;
        let mut series = Series::new();
        while at < LOOK {
            #[expect(clippy::cast_possible_truncation, reason = "a small figure")]
            series.push((Duration::from_secs_f64(at), value(at, random) as i64));
            let is_late = random.next() < 0.02;
            at += if is_late { 0.2 } else { 0.05 };
        }
        series
    }

    /// How many of the seeds end in each motion: flat, stopped, growing, unclear.
    fn counted(shape: impl Fn(&mut Random) -> Series) -> [u64; 4] {
        let mut counts = [0; 4];
        for seed in 1..=SEEDS {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            for _ in 0..5 {
                random.next(); // the first few still look like the seed
            }
            let judged = judge(&shape(&mut random), LOOKED, GRAIN);
            let place = match judged.motion {
                Motion::Flat => 0,
                Motion::Stopped => 1,
                Motion::Growing => 2,
                Motion::Unclear | Motion::Resting | Motion::Wandering => 3,
            };
            counts[place] += 1;
        }
        counts
    }

    /// At most this many of the seeds may end as flat, stopped, growing, unclear.
    #[track_caller]
    fn at_most(allowed: [u64; 4], shape: impl Fn(&mut Random) -> Series) {
        let counts = counted(shape);
        let is_within = counts
            .iter()
            .zip(allowed)
            .all(|(count, most)| *count <= most);
        assert!(
            is_within,
            "{counts:?} flat, stopped, growing, unclear of {SEEDS}; at most {allowed:?} may be"
        );
    }

    #[test]
    fn a_leak_in_noise_grows() {
        at_most([0, 0, SEEDS, 0], |r| {
            let (rate, noise) = (r.between(1.0, 50.0) * MB, r.between(0.0, 2.0) * MB);
            series(r, |t, r| rate * t + r.between(0.0, noise))
        });
    }

    #[test]
    fn a_leak_below_buffers_that_come_and_go_grows() {
        at_most([0, 0, SEEDS, 0], |r| {
            series(r, |t, r| {
                let buffer = if r.next() < 0.3 {
                    r.between(0.0, 20.0)
                } else {
                    0.0
                };
                (t + buffer) * MB
            })
        });
    }

    #[test]
    fn a_leak_at_an_uneven_pace_grows() {
        at_most([0, 0, SEEDS, 0], |r| {
            let mut sum = 0.0;
            series(r, |_, r| {
                sum += r.between(0.0, 0.2) * MB;
                sum
            })
        });
    }

    /// As under a load that comes and goes, or beside a machine's other work.
    #[test]
    fn a_leak_whose_pace_changes_every_second_grows_or_is_unclear() {
        at_most([0, 0, SEEDS, 20], |r| {
            let paces: Vec<f64> = (0..16).map(|_| r.between(0.3, 3.0) * MB).collect();
            series(r, |t, _| {
                let lasted = |second: u32| (t - f64::from(second)).clamp(0.0, 1.0);
                paces
                    .iter()
                    .zip(0..)
                    .map(|(pace, second)| pace * lasted(second))
                    .sum()
            })
        });
    }

    #[test]
    fn a_leak_in_large_pages_grows_or_is_unclear() {
        at_most([0, 0, SEEDS, 15], |r| {
            let (rate, phase) = (r.between(1.0, 4.0), r.next());
            series(r, |t, _| ((rate * t / 2.0 + phase).floor() * 2.0) * MB)
        });
    }

    /// Calm would be a false word for it. Where the bursts are seconds apart it can't be ruled out: a look may see one, or none.
    #[test]
    fn a_leak_in_rare_bursts_is_hardly_ever_called_calm() {
        at_most([8, 8, SEEDS, SEEDS], |r| {
            let mean = r.between(0.5, 3.0);
            let mut kept = 0.0;
            series(r, |_, r| {
                if r.next() < 0.05 / mean {
                    kept += 20.0 * MB;
                }
                kept
            })
        });
    }

    #[test]
    fn a_saw_tooth_is_flat() {
        for (shortest, longest, unclear) in [(0.2, 4.0, 3), (4.0, 12.0, 30)] {
            at_most([SEEDS, 0, 0, unclear], |r| {
                let (period, phase) = (r.between(shortest, longest), r.next());
                let height = r.between(1.0, 100.0) * MB;
                series(r, |t, _| ((t / period + phase) % 1.0) * height)
            });
        }
    }

    #[test]
    fn what_warms_up_is_never_growing() {
        for (shortest, longest) in [(0.2, 4.0), (4.0, 12.0)] {
            at_most([10, SEEDS, 0, SEEDS], |r| {
                let tau = r.between(shortest, longest);
                let height = r.between(1.0, 100.0) * MB;
                series(r, |t, r| {
                    (1.0 - (-t / tau).exp()) * height + r.between(0.0, 0.1) * MB
                })
            });
        }
    }

    #[test]
    fn what_filled_and_stopped_is_never_growing() {
        // What fills into the last half of a look isn't called calm over floors that rise there.
        for (earliest, latest, unclear) in [(1.0, 5.0, 0), (5.0, 12.0, SEEDS)] {
            at_most([60, SEEDS, 0, unclear], |r| {
                let stop = r.between(earliest, latest);
                series(r, |t, _| t.min(stop) * 10.0 * MB)
            });
        }
    }

    #[test]
    fn one_step_is_never_growing() {
        at_most([SEEDS, SEEDS, 0, 150], |r| {
            let at = r.between(0.0, LOOK);
            series(r, |t, _| if t < at { 0.0 } else { 50.0 * MB })
        });
    }

    #[test]
    fn noise_is_flat() {
        at_most([SEEDS, 0, 0, 6], |r| {
            series(r, |_, r| r.between(0.0, 5.0) * MB)
        });
        at_most([SEEDS, 0, 0, 0], |r| series(r, |_, _| 40.0 * MB));
        at_most([SEEDS, 6, 0, 6], |r| {
            let mut at = 0.0;
            series(r, |_, r| {
                if r.next() < 0.1 {
                    at += if r.next() < 0.5 { 4_096.0 } else { -4_096.0 };
                }
                at
            })
        });
    }

    /// The hardest look-alike: its steps add up, and no rule can know that they won't go on.
    #[test]
    fn a_random_walk_hardly_ever_grows() {
        at_most([SEEDS, SEEDS, 12, SEEDS], |r| {
            let mut at = 0.0;
            series(r, |_, r| {
                at += r.between(-0.4, 0.4) * MB;
                at
            })
        });
    }

    /// A look that ends when a leak is clear asks four times, at these parts of its longest time.
    const ASKED: [f64; 4] = [1.0 / 6.0, 1.0 / 3.0, 2.0 / 3.0, 1.0];

    /// How many of the seeds are called growing at one of those times.
    fn ever_growing(shape: impl Fn(&mut Random) -> Series) -> u64 {
        let is_ever = |seed: &u64| {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            (0..5).for_each(|_| _ = random.next());
            let series = shape(&mut random);
            ASKED.iter().any(|part| {
                let time = LOOKED.mul_f64(*part);
                let so_far = series.partition_point(|(at, _)| *at < time);
                judge(&series[..so_far], time, GRAIN).motion == Motion::Growing
            })
        };
        (1..=SEEDS).filter(is_ever).count() as u64
    }

    /// The error rate of such a look: noise, saw-teeth of up to a sixth of the longest time, steps and what has filled by a twelfth of it are
    /// hardly ever accused. A walk by chance is, as often as its steps go one way.
    #[test]
    fn asking_four_times_accuses_no_more_than_a_few() {
        let noise = ever_growing(|r| series(r, |_, r| r.between(0.0, 5.0) * MB));
        let teeth = ever_growing(|r| {
            let (period, phase) = (r.between(0.2, 2.5), r.next());
            let height = r.between(1.0, 100.0) * MB;
            series(r, |t, _| ((t / period + phase) % 1.0) * height)
        });
        let step = ever_growing(|r| {
            let at = r.between(0.0, LOOK);
            series(r, |t, _| if t < at { 0.0 } else { 50.0 * MB })
        });
        let filled = ever_growing(|r| {
            let full = r.between(0.0, LOOK / 12.0);
            series(r, |t, _| t.min(full) * 10.0 * MB)
        });
        let warm = ever_growing(|r| {
            let tau = r.between(0.2, 1.2);
            series(r, |t, r| {
                ((1.0 - (-t / tau).exp()) * 50.0 + r.between(0.0, 0.1)) * MB
            })
        });
        let walk = ever_growing(|r| {
            let mut at = 0.0;
            series(r, |_, r| {
                at += r.between(-0.4, 0.4) * MB;
                at
            })
        });
        let all = [noise, teeth, step, filled, warm, walk];
        let at_most = [1, 3, 1, 1, 1, 30];
        let is_within = all.iter().zip(at_most).all(|(count, most)| *count <= most);
        assert!(
            is_within,
            "{all:?} of {SEEDS} are called growing; at most {at_most:?} may be"
        );
    }

    #[test]
    fn slow_growth_says_how_long_it_needs() {
        at_most([0, 0, 0, SEEDS], |r| series(r, slow));
        let judged = judge(&series(&mut Random(7), slow), LOOKED, GRAIN);
        // Four grains in three eighths of the time, and half as long again: 256 KiB at 10 kB/s.
        let seconds = judged.needs.expect("it can be told").as_secs();
        assert!((90..=135).contains(&seconds), "{seconds}");
        assert!((judged.per_second - 10_000.0).abs() < 1_000.0, "{judged:?}");
    }

    /// 10 kB a second, in pages.
    fn slow(seconds: f64, _: &mut Random) -> f64 {
        (seconds * 2.5).floor() * 4_096.0
    }

    #[test]
    fn too_few_readings_are_unclear() {
        let few = [(Duration::ZERO, 0), (Duration::from_secs(12), 9 << 20)];
        assert_eq!(judge(&few, LOOKED, GRAIN).motion, Motion::Unclear);
        assert_eq!(judge(&[], LOOKED, GRAIN).motion, Motion::Unclear);
    }
}
