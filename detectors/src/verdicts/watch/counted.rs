//! What a counting pass saw, and the questions that a verdict asks of it.

use super::resolution::is_coarse_for_now;
use super::timeline::Timeline;
use super::unseen::UnseenFloors;
use crate::model::judge::{Floors, Motion};
use crate::model::kind::{Kind, NotRead};
use crate::model::workload::Kept;
use crate::readings::counters::Group;
use crate::verdicts::evidence::Reading;

/// What a counting pass saw.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) blocks: Floors,
    pub(crate) bytes: Floors,
    /// Of each kind that isn't heap and was read.
    pub(crate) counts: Vec<(Kind, Floors)>,
    /// Of each kind that grows, what is told apart within it, with how much of it stays for each iteration.
    pub(crate) groups: Vec<(Kind, Vec<(Group, f64)>)>,
    /// What no Rust allocator sees.
    pub(crate) unseen: UnseenFloors,
    pub(crate) not_read: Vec<NotRead>,
    pub(crate) readings: Vec<Reading>,
    pub(super) timeline: Timeline,
    pub(crate) peak_bytes: u64,
    pub(crate) resting_bytes: u64,
    /// Resident bytes that were freed in the run, and stayed. 0 where they weren't read.
    pub(crate) kept_after_free: u64,
    pub(crate) out_of_time: bool,
    /// Bytes from before the run that were freed by the end of each window.
    pub(super) older_freed: Vec<u64>,
    /// What the holder meant to keep in the middle of each window.
    pub(super) kept: Vec<(u64, Kept)>,
}

impl Counted {
    /// Whether heap and all else neither grow nor may yet.
    pub(super) fn is_calm(&self) -> bool {
        let others = self.counts.iter().map(|(_, floors)| floors);
        [&self.blocks, &self.bytes]
            .into_iter()
            .chain(others)
            .all(|floors| matches!(floors.motion_to_the_end(), Motion::Flat | Motion::Stopped))
            && self.unseen.is_calm()
    }

    /// Whether something still rose at the end, or rests there, and nothing is known to grow; after so many windows more than were
    /// asked for, with so many left. A second one settles what has come to rest since. Where noise hides too much, either may do.
    pub(super) fn is_open(&self, more: u32, left: u32) -> bool {
        let others = self.counts.iter().map(|(_, floors)| floors);
        let all = || {
            [&self.blocks, &self.bytes]
                .into_iter()
                .chain(others.clone())
        };
        let any = |motion| all().any(|floors| floors.motion_to_the_end() == motion);
        let rests = |floors: &Floors| {
            !matches!(floors.motion_to_the_end(), Motion::Unclear) || floors.rests_at_the_end()
        };
        let still_moves = match more {
            0 => any(Motion::Unclear) || any(Motion::Resting) || any(Motion::Wandering),
            _ => any(Motion::Unclear) && all().all(rests),
        };
        !any(Motion::Growing) && (still_moves || is_coarse_for_now(self, left))
    }

    /// How much becomes resident in each iteration, where no growth is known that explains it.
    pub(super) fn fills_and_nothing_grows(&self) -> Option<f64> {
        let grows = |floors: &Floors| {
            matches!(
                floors.motion_to_the_end(),
                Motion::Growing | Motion::Resting
            )
        };
        let is_explained = [&self.blocks, &self.bytes].into_iter().any(grows)
            || self.grows_by_steps()
            || !self.unseen.growing().is_empty();
        self.unseen.fills().filter(|_| !is_explained)
    }

    /// Whether the heap's bytes rose in steps of many iterations, and the steps fill.
    pub(crate) fn grows_by_steps(&self) -> bool {
        let is_told_otherwise = |floors: &Floors| {
            matches!(
                floors.motion_to_the_end(),
                Motion::Growing | Motion::Resting
            )
        };
        ![&self.blocks, &self.bytes]
            .into_iter()
            .any(is_told_otherwise)
            && self.unseen.by_steps(&self.bytes)
    }

    /// The kinds besides the heap that moved so.
    pub(crate) fn kinds_that_are(&self, motion: Motion) -> impl Iterator<Item = (Kind, &Floors)> {
        let kinds = self.counts.iter().map(|(kind, floors)| (*kind, floors));
        kinds.filter(move |(_, floors)| floors.motion_to_the_end() == motion)
    }

    /// The groups of a kind that grow, with how much of each stays for each iteration.
    pub(crate) fn grown_groups(&self, kind: Kind) -> &[(Group, f64)] {
        let mut groups = self.groups.iter();
        groups
            .find_map(|(of, groups)| (*of == kind).then_some(groups.as_slice()))
            .unwrap_or_default()
    }

    /// How much of a kind besides the heap stays for each iteration.
    pub(crate) fn per_iteration(&self, kind: Kind) -> f64 {
        let mut kinds = self.counts.iter();
        kinds
            .find_map(|(of, floors)| (*of == kind).then(|| floors.per_iteration()))
            .unwrap_or(0.0)
    }

    /// The older bytes that were freed in the last window, when they are nearly as many as what grew in it: then new blocks take
    /// the place of old ones, as in a full cache, and nobody knows yet whether more comes than goes. An older table that doubles
    /// frees half of what it takes.
    pub(crate) fn replaced(&self) -> Option<u64> {
        let [.., before, last] = self.older_freed[..] else {
            return None;
        };
        let freed = last.saturating_sub(before);
        let grown = self.bytes.rises().next_back()?.max(1).unsigned_abs();
        (4 * freed >= 3 * grown).then_some(freed)
    }

    /// How many iterations ran.
    pub(crate) fn iterations(&self) -> u64 {
        self.timeline.iterations()
    }

    /// How much more the holder means to keep after each iteration; `None` when it doesn't say.
    pub(crate) fn kept_per_iteration(&self) -> Option<f64> {
        match (self.kept.first(), self.kept.last()) {
            (Some((from, first)), Some((to, last))) if to > from => {
                let grown = last.bytes? as f64 - first.bytes? as f64;
                Some(grown / (to - from) as f64)
            }
            _ => None,
        }
    }

    /// The bytes that the holder means to keep at the end and at most, when it says both and is within.
    pub(crate) fn filling(&self) -> Option<(u64, u64)> {
        let (_, kept) = self.kept.last()?;
        kept.bytes
            .zip(kept.bound)
            .filter(|(bytes, bound)| bytes <= bound)
    }
}
