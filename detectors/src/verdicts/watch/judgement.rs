//! From what a watch counted to its evidence: which questions are asked, in which order.

mod blank;
mod calm;
mod known;
mod leak;

use super::Watch;
use super::counted::Counted;
use super::driver::Driver;
use super::pass::{Budget, Pass};
use super::resolution::is_coarse;
use super::second_run::Asked;
use super::unseen::{add_unseen, because, without_a_line};
use crate::model::combination;
use crate::model::judge::Motion;
use crate::model::kind::{Kind, NotRead};
use crate::model::reading::ReadError;
use crate::model::verdict::Verdict;
use crate::model::words::{amount, bytes, count};
use crate::readings::holders::{self, Entries};
use crate::verdicts::evidence::Evidence;
use crate::verdicts::sites::{Grown, Round, grown, grown_in_windows};
use leak::{because_it_leaks, count_findings, findings, holders, pins, totals};

impl Watch {
    /// The verdict on what was counted; runs the workload again for sites when something grew.
    pub(super) fn judge(
        &mut self,
        counted: &Counted,
        driver: &mut impl Driver,
        budget: &Budget,
    ) -> Evidence {
        let heap = heap_motion(counted);
        // What rests may be full, or a table between two doublings: the second run tells.
        let heap_rests = heap == Motion::Resting;
        let heap_grows = heap == Motion::Growing || heap_rests;
        let more: Vec<Kind> = kinds(counted, Motion::Growing);
        let grows = heap_grows || !more.is_empty();
        // A thread has a stack, and a few blocks of the C library's.
        let unseen = if more.contains(&Kind::Threads) {
            Vec::new()
        } else {
            counted.unseen.growing()
        };
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

        let accounted = heap_grows && more.is_empty() && !pins(counted) && unseen.is_empty();
        if let Some((kept, bound)) = counted.filling().filter(|_| accounted) {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "the holder is filling and accounts for what grows: it means to keep {} now, {} at most",
                bytes(kept),
                bytes(bound)
            );
            // What hides in growth that is accounted for: all that the holder doesn't mean to keep, as what its entries cost beside.
            let unaccounted = totals(counted).bytes - counted.kept_per_iteration().unwrap_or(0.0);
            if let Some(smallest) = &mut evidence.smallest_leak {
                smallest.bytes_per_iteration = smallest.bytes_per_iteration.max(unaccounted);
                smallest.blocks_per_iteration =
                    smallest.blocks_per_iteration.max(totals(counted).blocks);
            }
            return evidence;
        }

        if let Some(freed) = counted
            .replaced()
            .filter(|_| heap_grows && more.is_empty() && unseen.is_empty())
        {
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
            self.grown(counted, driver, budget, heap)
        } else {
            Ok(Grown::default())
        };
        let mut sites = sites.unwrap_or_else(|error| {
            evidence.not_read.push(NotRead {
                kind: Kind::Bytes,
                why: format!("the sites could not be told: {error}"),
            });
            Grown::default()
        });
        evidence.profile.clone_from(&sites.profile);

        // Where totals drown in noise, a site that grows in a straight line settles it.
        let by_site = hidden && sites.has_straight_site();
        // What is no heap was counted in one run only, and its growth needs no second.
        let again = !sites.was_read() || sites.explains(totals(counted));
        let is_full = heap_rests && sites.entries == Some(Entries::Rest);
        if heap_grows
            && more.is_empty()
            && unseen.is_empty()
            && (is_full || !again && sites.shows_nothing() && self.source.reads_sites())
        {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = if is_full {
                format!(
                    "live memory rose in each of {} windows, and then came to rest: what grew took no more entries",
                    counted.readings.len()
                )
            } else {
                format!(
                    "live memory rose in each of {} windows, and not at all when the workload ran again: what outlives a run is full",
                    counted.readings.len()
                )
            };
        } else if heap_grows && !again && more.is_empty() && unseen.is_empty() {
            evidence.because = format!(
                "live memory rose in each of {} windows, but not when the workload ran again from a fresh state",
                counted.readings.len()
            );
            evidence.settle_by = Some(
                "a longer Watch::warm_up: what outlives a run, such as a static, may still have been filling"
                    .to_owned(),
            );
        } else if grows || by_site || !unseen.is_empty() {
            evidence.verdict = Verdict::Leak;
            evidence.findings = count_findings(counted, &more);
            if heap_grows && again || by_site {
                evidence.findings.extend(findings(counted, &sites, by_site));
            }
            let unseen = without_a_line(unseen, &evidence.findings);
            add_unseen(&mut evidence.findings, &unseen);
            evidence.holders = holders(sites.holders.take(), &mut evidence);
            evidence.class = combination::class_of(&evidence.findings, || {
                holders::class_of(&evidence.holders, pins(counted))
            });
            let seen =
                (grows || by_site).then(|| because_it_leaks(counted, &more, heap_grows, by_site));
            evidence.because = because(seen, &unseen, &counted.readings);
            self.leave_out_known(&mut evidence, &sites, totals(counted));
        } else {
            self.judge_calm(counted, heap, &mut evidence);
            if evidence.verdict != Verdict::Inconclusive
                && counted.kept_after_free >= self.retention_bytes
            {
                self.judge_resident(&mut evidence);
            }
            calm::judge_unseen(counted, &mut evidence);
        }
        evidence
    }

    /// Runs the workload again, under full stacks. An instrument that can tell its sites at any moment is read in each window
    /// of one run; for another one the workload runs to half its length and to the whole, and to every quarter when only a
    /// straight line can settle it.
    fn grown(
        &mut self,
        counted: &Counted,
        driver: &mut impl Driver,
        budget: &Budget,
        heap: Motion,
    ) -> Result<Grown, ReadError> {
        let by_line = heap == Motion::Unclear;
        let grows = matches!(heap, Motion::Growing | Motion::Resting);
        let totals = grows.then(|| totals(counted));
        let mut pass = Pass::new(driver, &mut *self.source, &mut self.observer, budget);
        if pass.reads_sites() {
            let asked = Asked {
                warm_up: self.warm_up,
                windows: counted.readings.len(),
                totals,
                looks_into_tables: heap == Motion::Resting,
            };
            return Ok(grown_in_windows(pass.sites_by_window(&asked)?, totals));
        }
        let whole = counted.iterations();
        let lengths: &[u64] = match heap {
            _ if by_line => &[whole / 4, whole / 2, whole * 3 / 4, whole],
            // What outlives a run and doubles: one of these has to double it.
            Motion::Resting => &[whole / 2, whole, 2 * whole],
            _ => &[whole / 2, whole],
        };
        let mut rounds = Vec::new();
        for (number, &iterations) in (1..).zip(lengths) {
            rounds.push(Round {
                iterations,
                profile: pass.profile(number, iterations)?,
            });
        }
        let mut grown = grown(rounds, totals);
        if heap == Motion::Resting && grown.ends_full() {
            grown.entries = Some(Entries::Rest);
        }
        Ok(grown)
    }
}

/// How the heap moved, in blocks or in bytes: the more telling of the two.
fn heap_motion(counted: &Counted) -> Motion {
    let of = [
        counted.blocks.motion_to_the_end(),
        counted.bytes.motion_to_the_end(),
    ];
    [
        Motion::Growing,
        Motion::Resting,
        Motion::Unclear,
        Motion::Stopped,
    ]
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

fn iterations(counted: &Counted) -> String {
    count(counted.iterations().cast_signed(), "iteration")
}
