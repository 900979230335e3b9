//! What grows, before anybody asks where: and where that alone settles it, or where it comes to rest.

use super::leak::{accounts, totals};
use super::{iterations, kinds};
use crate::model::judge::Motion;
use crate::model::kind::Kind;
use crate::model::verdict::Verdict;
use crate::model::words::{amount, bytes};
use crate::readings::holders::Accounts;
use crate::verdicts::evidence::Evidence;
use crate::verdicts::sites::Grown;
use crate::verdicts::watch::Watch;
use crate::verdicts::watch::counted::Counted;
use crate::verdicts::watch::unseen::Grows;

/// What grew while it was counted.
pub(super) struct Growth {
    pub(super) heap: Motion,
    /// The kinds besides the heap.
    pub(super) more: Vec<Kind>,
    /// What no Rust allocator sees.
    pub(super) unseen: Vec<Grows>,
}

/// How what grew came to rest.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rest {
    /// No more entries came.
    Full,
    /// Nothing grew in a second run.
    FullBefore,
}

impl Growth {
    pub(super) fn of(counted: &Counted) -> Self {
        let more = kinds(counted, Motion::Growing);
        Growth {
            heap: heap_motion(counted),
            // A thread has a stack, and a few blocks of the C library's.
            unseen: if more.contains(&Kind::Threads) {
                Vec::new()
            } else {
                counted.unseen.growing()
            },
            more,
        }
    }

    /// What rests may be full, or a table between two doublings: the second run tells.
    pub(super) fn heap_grows(&self) -> bool {
        matches!(self.heap, Motion::Growing | Motion::Resting)
    }

    pub(super) fn is_of_heap_alone(&self) -> bool {
        self.heap_grows() && self.more.is_empty() && self.unseen.is_empty()
    }
}

impl Watch {
    /// Whether the counts alone settle it, or can't; tells the evidence.
    pub(super) fn is_told_at_once(
        &self,
        counted: &Counted,
        growth: &Growth,
        evidence: &mut Evidence,
    ) -> bool {
        let accounted = growth.is_of_heap_alone() && accounts(counted) != Accounts::Exceeded;
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
        } else if let Some((kept, bound)) = counted.filling().filter(|_| accounted) {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "the holder is filling and accounts for what grows: it means to keep {} now, {} at most",
                bytes(kept),
                bytes(bound)
            );
            // What hides in growth that is accounted for: all that the holder doesn't mean to keep, as what its entries cost beside.
            let grown = totals(counted);
            let unaccounted = grown.bytes - counted.kept_per_iteration().unwrap_or(0.0);
            if let Some(smallest) = &mut evidence.smallest_leak {
                smallest.bytes_per_iteration = smallest.bytes_per_iteration.max(unaccounted);
                smallest.blocks_per_iteration = smallest.blocks_per_iteration.max(grown.blocks);
            }
        } else if let Some(freed) = counted.replaced().filter(|_| growth.is_of_heap_alone()) {
            evidence.because = format!(
                "new blocks take the place of older ones, of which {} were freed in the last window",
                bytes(freed)
            );
            evidence.settle_by = Some(
                "a longer Watch::warm_up, or a state that begins empty: what was there before the watch isn't counted when it comes"
                    .to_owned(),
            );
        } else {
            return false;
        }
        true
    }

    /// Whether the heap, which alone grew, came to rest. `again`: it grew in the second run as well.
    pub(super) fn comes_to_rest(
        &self,
        growth: &Growth,
        sites: &Grown,
        again: bool,
    ) -> Option<Rest> {
        if !growth.is_of_heap_alone() {
            None
        } else if growth.heap == Motion::Resting && sites.are_full {
            Some(Rest::Full)
        } else {
            let nothing = !again && sites.shows_nothing() && self.source.reads_sites();
            nothing.then_some(Rest::FullBefore)
        }
    }
}

/// Tells how what grew came to rest; where that isn't known, that it didn't grow again.
pub(super) fn told_of_rest(rest: Option<Rest>, counted: &Counted, evidence: &mut Evidence) {
    let rose = format!(
        "live memory rose in each of {} windows",
        counted.readings.len()
    );
    evidence.because = match rest {
        Some(Rest::Full) => {
            format!("{rose}, and then came to rest: what grew took no more entries")
        }
        Some(Rest::FullBefore) => format!(
            "{rose}, and not at all when the workload ran again: what outlives a run is full"
        ),
        None => format!("{rose}, but not when the workload ran again from a fresh state"),
    };
    if rest.is_some() {
        evidence.verdict = Verdict::WarmingUp;
    } else {
        evidence.settle_by = Some(
            "a longer Watch::warm_up: what outlives a run, such as a static, may still have been filling"
                .to_owned(),
        );
    }
}

/// How the heap moved, in blocks or in bytes: the more telling of the two. What comes in steps grows.
fn heap_motion(counted: &Counted) -> Motion {
    if counted.grows_by_steps() {
        return Motion::Growing;
    }
    let of = [
        counted.blocks.motion_to_the_end(),
        counted.bytes.motion_to_the_end(),
    ];
    [
        Motion::Growing,
        Motion::Resting,
        Motion::Unclear,
        Motion::Wandering,
        Motion::Stopped,
    ]
    .into_iter()
    .find(|motion| of.contains(motion))
    .unwrap_or(Motion::Flat)
}
