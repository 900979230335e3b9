//! From what a watch counted to its evidence: the verdict, why, and the sites that grow.

use super::counted::Counted;
use super::driver::Driver;
use super::pass::{Budget, Pass};
use super::{Watch, class};
use crate::evidence::{Evidence, Finding, Instrument, Kind, NotRead, SmallestLeak};
use crate::heap::SourceError;
use crate::holders::Holding;
use crate::judge::{Floors, Motion};
use crate::memory::Retention;
use crate::sites::{Amount, Grown, Round, allocated, grown, grown_in_windows};
use crate::text::{amount, bytes, count, listed, one_of};
use crate::{Class, Verdict};

/// Even a leak of one block in every iteration could hide below this resolution: no verdict then.
const COARSE_BLOCKS_PER_ITERATION: f64 = 1.0;
/// The same for growth inside one block: a kilobyte an iteration is a gigabyte in a million requests.
const COARSE_BYTES_PER_ITERATION: f64 = 1_024.0;
/// The same for tasks, sockets, descriptors and threads.
const COARSE_COUNTS_PER_ITERATION: f64 = 1.0;
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
        let heap = heap_motion(counted);
        let heap_grows = heap == Motion::Growing;
        let more: Vec<Kind> = kinds(counted, Motion::Growing);
        let grows = heap_grows || !more.is_empty();
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

        let accounted = heap_grows && more.is_empty() && !pins(counted);
        if let Some((kept, bound)) = counted.filling().filter(|_| accounted) {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "the holder is filling and accounts for what grows: it means to keep {} now, {} at most",
                bytes(kept),
                bytes(bound)
            );
            return evidence;
        }

        if let Some(freed) = counted.replaced().filter(|_| heap_grows && more.is_empty()) {
            evidence.because = format!(
                "new blocks take the place of older ones, of which {} were freed in the last window",
                bytes(freed)
            );
            evidence.settle_by = Some(
                "a longer Watch::warm_up, or a state that begins empty: what was there before the watch isn't counted when it comes"
                    .to_owned(),
            );
            return evidence;
        }

        // Noise that hides a leak in the totals doesn't hide it at its site.
        let hidden = heap == Motion::Unclear
            || !heap_grows && is_coarse(counted) && self.source.reads_sites();
        // What has gone by the end of an iteration leaves its makers in the profile alone.
        let pressed = !grows && self.is_pressed(counted);
        let sites = if grows || hidden || pressed || self.always_profile {
            self.grown(counted, driver, budget, heap == Motion::Unclear)
        } else {
            Ok(Grown::default())
        };
        let sites = sites.unwrap_or_else(|error| {
            evidence.not_read.push(NotRead {
                kind: Kind::Bytes,
                why: format!("sites were not read: {error}"),
            });
            Grown::default()
        });
        evidence.profile.clone_from(&sites.profile);

        // Where totals drown in noise, a site that grows in a straight line settles it.
        let by_site = hidden && sites.has_straight_site();
        // What is no heap was counted in one run only, and its growth needs no second.
        let again = !sites.was_read() || sites.explains(totals(counted));
        if heap_grows && !again && more.is_empty() {
            evidence.because = format!(
                "live memory rose in each of {} windows, but not when the workload ran again from a fresh state",
                counted.readings.len()
            );
            evidence.settle_by = Some(
                "a longer Watch::warm_up: what outlives a run, such as a static, may still have been filling"
                    .to_owned(),
            );
        } else if grows || by_site {
            evidence.verdict = Verdict::Leak;
            evidence.findings = count_findings(counted, &more);
            if heap_grows && again || by_site {
                evidence.findings.extend(findings(counted, &sites, by_site));
            }
            evidence.holders = holders(sites.holders, &mut evidence);
            evidence.class = class::of(&evidence, pins(counted));
            evidence.because = because_it_leaks(counted, &more, heap_grows, by_site);
        } else {
            self.judge_calm(counted, heap, &mut evidence);
            if evidence.verdict != Verdict::Inconclusive
                && counted.kept_after_free >= self.retention_bytes
            {
                self.judge_resident(&mut evidence);
            }
        }
        evidence
    }

    /// The verdict where nothing live grows, and what was freed is resident still.
    fn judge_resident(&self, evidence: &mut Evidence) {
        match Retention::find(self.retention_bytes) {
            Ok(Some(retention)) => {
                evidence.because = format!(
                    "live memory is flat, and {} that were freed are resident still: {}",
                    bytes(retention.free),
                    retention.kind.definition()
                );
                if evidence.verdict == Verdict::Pressure {
                    let peak = bytes(evidence.peak_bytes);
                    let source = [
                        "; the work itself has a peak of ",
                        &peak,
                        ", which is where they come from",
                    ];
                    evidence.because.extend(source);
                }
                evidence.verdict = Verdict::Retention;
                evidence.class = Some(Class::AllocatorRetention);
                evidence.findings = vec![Finding {
                    kind: Kind::Resident,
                    per_iteration: None,
                    cum_per_iteration: None,
                    site: Some(retention.kind.to_string()),
                    at: None,
                }];
                evidence.retention = Some(retention);
            }
            Ok(None) => {}
            Err(error) => evidence.not_read.push(NotRead {
                kind: Kind::Resident,
                why: error.to_string(),
            }),
        }
    }

    /// The verdict where nothing was seen to grow.
    fn judge_calm(&self, counted: &Counted, heap: Motion, evidence: &mut Evidence) {
        if heap == Motion::Unclear {
            evidence.because = format!(
                "live memory still rose in the last window (by {} in {}), but not in every window or less each time",
                count(last(counted.bytes.rises()), "byte"),
                count(last(counted.blocks.rises()), "block"),
            );
            evidence.settle_by = Some(
                "one more window (Watch::windows), a longer Watch::warm_up, or less going on beside the workload"
                    .to_owned(),
            );
        } else if let Some(&kind) = kinds(counted, Motion::Unclear).first() {
            evidence.because = format!(
                "the {kind} still rose in the last window, but not in every window or less each time"
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
        } else if let Some((kind, floors)) = coarse_count(counted) {
            evidence.because = format!(
                "the {kind} moved by {} without a trend, which hides a leak of {} an iteration",
                floors.noise(),
                amount(floors.smallest_visible(), one_of(kind))
            );
            evidence.settle_by = Some(
                "a process of its own (detectors::tests!), less going on beside the workload, or more windows"
                    .to_owned(),
            );
        } else if self.is_pressed(counted) {
            evidence.verdict = Verdict::Pressure;
            evidence.class = Some(Class::MemoryPressure);
            let profile = evidence.profile.as_ref();
            evidence.findings = profile
                .map(|profile| allocated(profile, counted.iterations()))
                .unwrap_or_default();
            evidence.because = format!(
                "the peak was {}, and {} stayed: nothing grows, the work itself needs that much at once",
                bytes(counted.peak_bytes),
                bytes(counted.resting_bytes)
            );
        } else if heap == Motion::Stopped || !kinds(counted, Motion::Stopped).is_empty() {
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
            return Ok(grown_in_windows(windows));
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
        Ok(grown(rounds))
    }

    /// The evidence that is the same for every verdict; `inconclusive` until something else is proved.
    fn report(&self, counted: &Counted) -> Evidence {
        Evidence {
            readings: counted.readings.clone(),
            timeline: counted.timeline.clone(),
            peak_bytes: counted.peak_bytes,
            resting_bytes: counted.resting_bytes,
            not_read: counted.not_read.clone(),
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
            holders: Vec::new(),
            readings: Vec::new(),
            timeline: Vec::new(),
            peak_bytes: 0,
            resting_bytes: 0,
            retention: None,
            smallest_leak: None,
            instrument: Instrument {
                name: self.source.name().to_owned(),
                stacks: self.source.stacks(),
                lacks: [lacks(), self.source.lacks()].concat(),
            },
            not_read: Vec::new(),
            profile: None,
        }
    }
}

/// Who holds what grows, in the order of the findings.
fn holders(read: Option<Result<Vec<Holding>, String>>, evidence: &mut Evidence) -> Vec<Holding> {
    let read = match read {
        Some(Ok(read)) => read,
        Some(Err(why)) => {
            evidence.not_read.push(NotRead {
                kind: Kind::Blocks,
                why: format!("who holds them: {why}"),
            });
            return Vec::new();
        }
        None => return Vec::new(),
    };
    let mut ordered: Vec<Holding> = Vec::new();
    for site in evidence
        .findings
        .iter()
        .filter_map(|finding| finding.site.as_ref())
    {
        let is_new = !ordered.iter().any(|holding| holding.site == *site);
        ordered.extend(
            read.iter()
                .filter(|holding| is_new && holding.site == *site)
                .cloned(),
        );
    }
    ordered
}

/// How the heap moved, in blocks or in bytes: the more telling of the two.
fn heap_motion(counted: &Counted) -> Motion {
    let of = [counted.blocks.motion(), counted.bytes.motion()];
    [Motion::Growing, Motion::Unclear, Motion::Stopped]
        .into_iter()
        .find(|motion| of.contains(motion))
        .unwrap_or(Motion::Flat)
}

/// The kinds besides the heap that moved so.
fn kinds(counted: &Counted, motion: Motion) -> Vec<Kind> {
    counted
        .kinds_that_are(motion)
        .map(|(kind, _)| kind)
        .collect()
}

/// A kind besides the heap whose noise would hide a leak of one in each iteration.
fn coarse_count(counted: &Counted) -> Option<(Kind, &Floors)> {
    let mut all = counted.counts.iter();
    let (kind, floors) =
        all.find(|(_, floors)| floors.smallest_visible() > COARSE_COUNTS_PER_ITERATION)?;
    Some((*kind, floors))
}

/// What grows besides the heap: by group where groups tell, else in total.
fn count_findings(counted: &Counted, more: &[Kind]) -> Vec<Finding> {
    let of_kind = |&kind: &Kind| {
        let groups: Vec<Finding> = counted
            .grown_groups(kind)
            .iter()
            .map(|(group, per_iteration)| Finding {
                kind,
                per_iteration: Some(*per_iteration),
                cum_per_iteration: None,
                site: Some(group.to_string()),
                at: group.at.clone(),
            })
            .collect();
        if groups.is_empty() {
            vec![Finding {
                kind,
                per_iteration: Some(counted.per_iteration(kind)),
                cum_per_iteration: None,
                site: None,
                at: None,
            }]
        } else {
            groups
        }
    };
    more.iter().flat_map(of_kind).collect()
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
    let is_fine =
        |(_, floors): &(Kind, Floors)| floors.smallest_visible() <= FINE_BLOCKS_PER_ITERATION;
    counted.counts.iter().all(is_fine)
        && counted.blocks.smallest_visible() <= FINE_BLOCKS_PER_ITERATION
        && counted.bytes.smallest_visible() <= FINE_BYTES_PER_ITERATION
}

fn iterations(counted: &Counted) -> String {
    count(counted.iterations().cast_signed(), "iteration")
}

fn because_it_leaks(counted: &Counted, more: &[Kind], heap: bool, by_site: bool) -> String {
    let mut grown: Vec<String> = more
        .iter()
        .map(|&kind| amount(counted.per_iteration(kind), one_of(kind)))
        .collect();
    if heap || by_site {
        grown.push(format!(
            "{} in {}",
            amount(counted.bytes.per_iteration(), "byte"),
            amount(counted.blocks.per_iteration(), "block")
        ));
    }
    let stay = match grown.as_slice() {
        [one] if one.starts_with("1 ") && !one.contains(" in ") => "stays",
        _ => "stay",
    };
    let per_iteration = format!("{} {stay} for each iteration", listed(&grown));
    if by_site && more.is_empty() {
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
