//! From what a watch counted to its evidence: the verdict, why, and the sites that grow.

use super::Watch;
use super::driver::Driver;
use super::pass::{Budget, Counted, Pass};
use crate::evidence::{Evidence, Finding, Instrument, Kind, NotRead, SmallestLeak};
use crate::heap::SourceError;
use crate::judge::Motion;
use crate::sites::{self, Amount, Grown, Round};
use crate::text::{amount, bytes, count};
use crate::{Class, Verdict};

/// Even a leak of one block in every iteration could hide below this resolution: no verdict then.
const COARSE_BLOCKS_PER_ITERATION: f64 = 1.0;
/// The same for growth inside one block: a kilobyte an iteration is a gigabyte in a million requests.
const COARSE_BYTES_PER_ITERATION: f64 = 1_024.0;
/// Fine enough to stop early: one block in ten iterations, or 16 bytes (the smallest malloc block) in each, would
/// have shown.
const FINE_BLOCKS_PER_ITERATION: f64 = 0.1;
const FINE_BYTES_PER_ITERATION: f64 = 16.0;
/// `pressure`: the peak is this many times what stays. Below it, an ordinary buffer for one request would be accused.
const PRESSURE_TIMES: u64 = 8;
/// Live bytes that many times as many as the holder means to keep can't be bookkeeping: a `Bytes` handle for a
/// 16-byte id costs 32 bytes, twice the id.
const PINNING_TIMES: f64 = 4.0;

impl Watch {
    /// The verdict on what was counted; runs the workload again for sites when something grew.
    pub(super) fn judge(
        &mut self,
        counted: &Counted,
        driver: &mut impl Driver,
        budget: &Budget,
    ) -> Evidence {
        let (of_blocks, of_bytes) = (counted.blocks.motion(), counted.bytes.motion());
        let growing = of_blocks == Motion::Growing || of_bytes == Motion::Growing;
        let unclear = !growing && (of_blocks == Motion::Unclear || of_bytes == Motion::Unclear);
        let mut evidence = self.report(counted);

        if counted.out_of_time {
            evidence.because = format!(
                "the deadline of {} came after {}",
                amount(self.deadline.as_secs_f64(), "second"),
                iterations(counted)
            );
            evidence.settle_by = Some(
                "a longer Watch::deadline, a cheaper iteration, or a shorter Watch::warm_up"
                    .to_owned(),
            );
            return evidence;
        }

        if let Some((kept, bound)) = counted.filling().filter(|_| growing && !pins(counted)) {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "the holder is filling and accounts for what grows: it means to keep {} now, {} at most",
                bytes(kept),
                bytes(bound)
            );
            return evidence;
        }

        // Noise that hides a leak in the totals doesn't hide it at its site.
        let hidden = unclear || !growing && is_coarse(counted) && self.source.reads_sites();
        let grown = if growing || hidden || self.always_profile {
            self.grown(counted, driver, budget, unclear)
        } else {
            Ok(Grown::default())
        };
        let grown = grown.unwrap_or_else(|error| {
            evidence.not_read.push(NotRead {
                kind: Kind::Bytes,
                why: format!("sites were not read: {error}"),
            });
            Grown::default()
        });
        evidence.profile.clone_from(&grown.profile);

        // Where totals drown in noise, a site that grows in a straight line settles it.
        let by_site = hidden && grown.has_straight_site();
        if growing && grown.was_read() && !grown.explains(totals(counted)) {
            evidence.because = format!(
                "live memory rose in each of {} windows, but not when the workload ran again from a fresh state",
                counted.readings.len()
            );
            evidence.settle_by = Some(
                "a longer Watch::warm_up: what outlives a run, such as a static, may still have been filling"
                    .to_owned(),
            );
        } else if growing || by_site {
            evidence.verdict = Verdict::Leak;
            evidence.findings = findings(counted, &grown, by_site);
            // The one class that the holder's own account tells.
            evidence.class = pins(counted).then_some(Class::RetainedSubslices);
            evidence.because = because_it_leaks(counted, by_site);
        } else if unclear {
            evidence.because = format!(
                "live memory still rose in the last window (by {} in {}), but not in every window or less each time",
                count(last(counted.bytes.rises()), "byte"),
                count(last(counted.blocks.rises()), "block"),
            );
            evidence.settle_by = Some(
                "one more window (Watch::windows), a longer Watch::warm_up, or less going on beside the workload"
                    .to_owned(),
            );
        } else if is_coarse(counted) {
            evidence.because = format!(
                "floors moved by {} and {} without a trend, which hides a leak of {} an iteration",
                count(counted.bytes.noise(), "byte"),
                count(counted.blocks.noise(), "block"),
                amount(counted.bytes.smallest_visible(), "byte")
            );
            evidence.settle_by = Some(
                "a process of its own (detectors::tests!), less going on beside the workload, or more windows"
                    .to_owned(),
            );
        } else if self.is_pressed(counted) {
            evidence.verdict = Verdict::Pressure;
            evidence.because = format!(
                "the peak was {}, and {} stayed: nothing grows, the work itself needs that much at once",
                bytes(counted.peak_bytes),
                bytes(counted.resting_bytes)
            );
        } else if of_blocks == Motion::Stopped || of_bytes == Motion::Stopped {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "it grew in an early window and not in the last of {}",
                counted.readings.len()
            );
        } else {
            evidence.verdict = Verdict::Steady;
            evidence.because = format!(
                "after warm-up, no floor rose in {} windows ({})",
                counted.readings.len(),
                iterations(counted)
            );
        }
        evidence
    }

    fn is_pressed(&self, counted: &Counted) -> bool {
        counted.peak_bytes >= self.pressure_bytes
            && counted.peak_bytes >= PRESSURE_TIMES.saturating_mul(counted.resting_bytes)
    }

    /// Runs the workload again, under full stacks. An instrument that can tell its sites at any moment is read in each window
    /// of one run; for another one the workload runs to half its length and to the whole, and to every quarter when only a
    /// straight line can settle it.
    fn grown(
        &mut self,
        counted: &Counted,
        driver: &mut impl Driver,
        budget: &Budget,
        by_line: bool,
    ) -> Result<Grown, SourceError> {
        let mut pass = Pass::new(driver, &mut *self.source, &mut self.observer, budget);
        if pass.reads_sites() {
            let windows = pass.sites_by_window(self.warm_up, counted.readings.len())?;
            return Ok(sites::grown_in_windows(windows));
        }
        let whole = counted.iterations();
        let lengths: &[u64] = if by_line {
            &[whole / 4, whole / 2, whole * 3 / 4, whole]
        } else {
            &[whole / 2, whole]
        };
        let mut rounds = Vec::new();
        for (number, &iterations) in (1..).zip(lengths) {
            rounds.push(Round {
                iterations,
                profile: pass.profile(number, iterations)?,
            });
        }
        Ok(sites::grown(rounds))
    }

    /// The evidence that is the same for every verdict; `inconclusive` until something else is proved.
    fn report(&self, counted: &Counted) -> Evidence {
        Evidence {
            readings: counted.readings.clone(),
            timeline: counted.timeline.clone(),
            peak_bytes: counted.peak_bytes,
            resting_bytes: counted.resting_bytes,
            smallest_leak: Some(SmallestLeak {
                blocks_per_iteration: counted.blocks.smallest_visible(),
                bytes_per_iteration: counted.bytes.smallest_visible(),
            })
            .filter(|smallest| smallest.blocks_per_iteration.is_finite()),
            ..self.empty()
        }
    }

    pub(super) fn unread(&self, error: &SourceError) -> Evidence {
        Evidence {
            because: format!("nothing could be read: {}", error.reason),
            settle_by: Some(error.next.clone()),
            ..self.empty()
        }
    }

    fn empty(&self) -> Evidence {
        Evidence {
            name: self.name.clone(),
            verdict: Verdict::Inconclusive,
            class: None,
            because: String::new(),
            settle_by: None,
            findings: Vec::new(),
            readings: Vec::new(),
            timeline: Vec::new(),
            peak_bytes: 0,
            resting_bytes: 0,
            smallest_leak: None,
            instrument: Instrument {
                name: self.source.name().to_owned(),
                stacks: self.source.stacks(),
                lacks: [lacks(), self.source.lacks()].concat(),
            },
            not_read: not_read(),
            profile: None,
        }
    }
}

/// The growing sites as findings, or what grows in total where no site was read.
fn findings(counted: &Counted, grown: &Grown, by_site: bool) -> Vec<Finding> {
    let totals = totals(counted);
    let by_site = grown.findings((!by_site).then_some(totals));
    if !by_site.is_empty() {
        return by_site;
    }
    [(Kind::Bytes, totals.bytes), (Kind::Blocks, totals.blocks)]
        .into_iter()
        .filter(|(_, per_iteration)| *per_iteration > 0.0)
        .map(|(kind, per_iteration)| Finding {
            kind,
            per_iteration: Some(per_iteration),
            cum_per_iteration: None,
            site: None,
            at: None,
        })
        .collect()
}

/// What grows for each iteration, all sites together.
fn totals(counted: &Counted) -> Amount {
    Amount {
        blocks: counted.blocks.per_iteration(),
        bytes: counted.bytes.per_iteration(),
    }
}

/// Whether much more stays live than the holder means to keep.
fn pins(counted: &Counted) -> bool {
    counted
        .kept_per_iteration()
        .is_some_and(|kept| kept > 0.0 && counted.bytes.per_iteration() >= PINNING_TIMES * kept)
}

/// Takes the last of the rises, 0 when there is none.
fn last(rises: impl DoubleEndedIterator<Item = i64>) -> i64 {
    rises.into_iter().next_back().unwrap_or(0)
}

fn is_coarse(counted: &Counted) -> bool {
    counted.blocks.smallest_visible() > COARSE_BLOCKS_PER_ITERATION
        || counted.bytes.smallest_visible() > COARSE_BYTES_PER_ITERATION
}

pub(super) fn is_fine(counted: &Counted) -> bool {
    counted.blocks.smallest_visible() <= FINE_BLOCKS_PER_ITERATION
        && counted.bytes.smallest_visible() <= FINE_BYTES_PER_ITERATION
}

fn iterations(counted: &Counted) -> String {
    count(counted.iterations().cast_signed(), "iteration")
}

fn because_it_leaks(counted: &Counted, by_site: bool) -> String {
    let per_iteration = format!(
        "{} in {} stay for each iteration",
        amount(counted.bytes.per_iteration(), "byte"),
        amount(counted.blocks.per_iteration(), "block")
    );
    if by_site {
        format!(
            "{per_iteration}; totals are noisy, but a site's live blocks grow in a straight line with the iterations"
        )
    } else {
        format!(
            "{per_iteration}, in each of {} windows and never less than before",
            counted.readings.len()
        )
    }
}

/// What this build can't do, in words.
fn lacks() -> Vec<String> {
    let mut lacks = Vec::new();
    if !cfg!(frame_pointers) {
        lacks.push(
            "built without frame pointers: stacks through code without unwind tables end early; build with \
             RUSTFLAGS=-Cforce-frame-pointers=yes"
                .to_owned(),
        );
    }
    if !cfg!(tokio_unstable) {
        lacks.push(
            "built without tokio_unstable: tasks are not seen by spawn site; build with RUSTFLAGS=\"--cfg \
             tokio_unstable\""
                .to_owned(),
        );
    }
    lacks
}

/// Kinds that have a word and no source yet.
fn not_read() -> Vec<NotRead> {
    [
        Kind::Tasks,
        Kind::Sockets,
        Kind::Descriptors,
        Kind::Resident,
    ]
    .into_iter()
    .map(|kind| NotRead {
        kind,
        why: "this version of detectors reads the heap only".to_owned(),
    })
    .collect()
}
