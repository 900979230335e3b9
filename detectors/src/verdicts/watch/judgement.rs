//! From what a watch counted to its evidence: which questions are asked, in which order.

mod blank;
mod calm;
mod growth;
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
use crate::model::words::count;
use crate::readings::holders;
use crate::verdicts::evidence::Evidence;
use crate::verdicts::sites::{Grown, Round, grown, grown_in_windows};
use growth::{Growth, told_of_rest};
use leak::{
    accounts, add_outlooks, because_it_leaks, count_findings, findings, holders, not_seen_again,
    totals,
};

impl Watch {
    /// The verdict on what was counted; runs the workload again for sites when something grew.
    pub(super) fn judge(
        &mut self,
        counted: &Counted,
        driver: &mut dyn Driver,
        budget: &Budget,
    ) -> Evidence {
        let growth = Growth::of(counted);
        let (heap, heap_grows) = (growth.heap, growth.heap_grows());
        let mut evidence = self.report(counted);
        if self.is_told_at_once(counted, &growth, &mut evidence) {
            return evidence;
        }

        // Noise that hides a leak in the totals doesn't hide it at its site.
        let hidden = matches!(heap, Motion::Unclear | Motion::Wandering)
            || !heap_grows && is_coarse(counted) && self.source.reads_sites();
        // What has gone by the end of an iteration leaves its makers in the profile alone.
        let grows = heap_grows || !growth.more.is_empty();
        let tasks_grow = growth.more.contains(&Kind::Tasks);
        let pressed = !grows && self.is_pressed(counted);
        let sites = if grows || hidden || pressed || self.always_profile {
            self.grown(counted, driver, budget, heap, tasks_grow)
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
        let straight = sites.of_straight_sites().filter(|_| hidden);
        let by_site = straight.is_some();
        // A second run confirms growth of the heap. Tasks, sockets and the other counts are exact, and were counted in the first run alone.
        let again = !sites.was_read() || sites.explains(totals(counted));
        let rests = self.comes_to_rest(&growth, &sites, again);
        if rests.is_some() || growth.is_of_heap_alone() && !again {
            told_of_rest(rests, counted, &mut evidence);
        } else if grows || by_site || !growth.unseen.is_empty() {
            evidence.verdict = Verdict::Leak;
            evidence.findings = count_findings(counted, &growth.more);
            if tasks_grow {
                // Another instrument knows no holders: a task's count of wakers tells all the same.
                let told = sites.outlooks.take().or_else(|| driver.outlooks());
                add_outlooks(told, &mut evidence);
            }
            if heap_grows && again || by_site {
                evidence.findings.extend(findings(counted, &sites, by_site));
            }
            let unseen = without_a_line(growth.unseen.clone(), &evidence.findings);
            add_unseen(&mut evidence.findings, &unseen);
            evidence.holders = holders(sites.holders.take(), &mut evidence);
            let of_memory = holders::told(&evidence.holders, accounts(counted));
            evidence.class = combination::class_of(&evidence.findings, of_memory);
            let seen = (grows || by_site)
                .then(|| because_it_leaks(counted, &growth.more, heap_grows, straight));
            evidence.because = because(seen, &unseen, &counted.readings);
            if heap_grows && again && sites.was_read() && !by_site {
                evidence.because.extend(not_seen_again(counted, &sites));
            }
            self.leave_out_known(&mut evidence, &sites);
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
        driver: &mut dyn Driver,
        budget: &Budget,
        heap: Motion,
        asks_tasks: bool,
    ) -> Result<Grown, ReadError> {
        let by_line = matches!(heap, Motion::Unclear | Motion::Wandering);
        let grows = matches!(heap, Motion::Growing | Motion::Resting);
        let totals = grows.then(|| totals(counted));
        let mut pass = Pass::new(driver, &mut *self.source, &mut self.observer, budget);
        if pass.reads_sites() {
            let asked = Asked {
                warm_up: self.warm_up,
                windows: counted.readings.len(),
                totals,
                asks_tasks,
                looks_into_tables: heap == Motion::Resting,
            };
            let by_steps = counted.grows_by_steps();
            return Ok(grown_in_windows(
                pass.sites_by_window(&asked)?,
                totals,
                by_steps,
            ));
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
        let mut sites = grown(rounds, totals);
        sites.are_full = heap == Motion::Resting && sites.ends_full();
        Ok(sites)
    }
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
