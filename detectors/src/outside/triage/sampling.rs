//! Reads a subject again and again, at a pace that it hardly notices.

use super::collector::Collector;
use super::container::Container;
use super::doubled::Doubled;
use super::evidence::{Moment, Part};
use super::headroom::Headroom;
use super::never_wake::NeverWake;
use super::{Fetches, Going, TriageError, TriageProgress};
use crate::model::kind::Kind;
use std::time::{Duration, Instant};

/// Readings in a look, where they are quick.
const READINGS: u32 = 300;

const SHORTEST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What can be looked at.
pub(super) trait Source {
    fn name(&self) -> String;

    /// Remembers what is there, so that what has come can be named later.
    fn begin(&mut self) -> Result<(), TriageError>;

    /// What there is now.
    fn read(&mut self) -> Result<Moment, TriageError>;

    /// How many times as long as a reading takes the next one waits: the process has to go on.
    fn waits_times(&self) -> u32;

    /// Remembers what is there in the middle of a look: what grows to its end is named by what has come since.
    fn mark(&mut self);

    /// What grows of a kind, by name, the most first, with its share of the growth; empty where that can't be told.
    fn named(&mut self, kinds: &[Kind]) -> Vec<GrowingGroup>;

    /// What hash tables take in without another block, by site, the most first; empty where that isn't told.
    fn filling(&self) -> Vec<GrowingGroup> {
        Vec::new()
    }

    /// A block that gave way to one of twice the size in this look, the largest one; `None` where none did, or where what fills it is read.
    fn doubled(&mut self) -> Option<Doubled> {
        None
    }

    /// Resident memory by what it is for.
    fn parts(&mut self) -> Vec<Part>;

    /// The word for how it is looked at, in sentences: whether live memory is known.
    fn knows_live(&self) -> bool;

    /// Why tasks, sockets and the like weren't read.
    fn why_not_read(&self) -> &'static str {
        if self.knows_live() {
            "the service doesn't tell it"
        } else {
            "it can't be seen from outside"
        }
    }

    /// How much is left below its limit.
    fn headroom(&self) -> Option<Headroom> {
        None
    }

    /// Who asks the debug port of ours, where it is one.
    fn asks(&self) -> Option<&dyn Fetches> {
        None
    }

    /// The tasks that nothing can wake any more, by place, now that this is there; `None` where that isn't told.
    fn never_wake(&self, _now: &Moment) -> Option<Vec<NeverWake>> {
        None
    }

    /// The garbage collector of the runtime that it is run by, if it has one that is known.
    fn collector(&self) -> Option<Collector> {
        None
    }

    /// Whether the subject says that class, holder and line are withheld.
    fn is_withholding(&self) -> bool {
        false
    }

    /// What a control group tells beside the verdict, where it is one; `per_second` is what grows of its memory in all.
    fn container(&mut self, _per_second: f64) -> Option<Container> {
        None
    }

    /// Which part of the kernel's memory for it grew the most; `None` where that isn't told.
    fn of_the_kernel(&self) -> Option<String> {
        None
    }

    /// What its figures mean that isn't said by their names, and what it can't tell.
    fn caveats(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What grows, and where it is known from.
#[derive(Debug, Clone)]
pub(super) struct GrowingGroup {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) per_second: f64,
    pub(super) site: Option<crate::model::place::Site>,
}

/// All that was read in a look so far.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// For how long readings were taken.
    pub(super) time: Duration,
    pub(super) moments: Vec<Moment>,
    /// Who may let memory rise for a while.
    pub(super) collector: Option<Collector>,
}

/// Looks until the last of these times; until an earlier one if the look is clear by then.
pub(super) fn look(
    source: &mut dyn Source,
    times: &[Duration],
    is_clear: &dyn Fn(&Look) -> bool,
    tell: &mut dyn FnMut(&TriageProgress) -> Going,
) -> Result<Look, TriageError> {
    source.begin()?;
    let at_most = times.last().copied().unwrap_or_default();
    let mut look = Look {
        collector: source.collector(),
        ..Look::default()
    };
    let started = Instant::now();
    for &time in times {
        look.time = time;
        let mut is_marked = false;
        loop {
            let began = started.elapsed();
            if began >= time {
                break;
            }
            if !is_marked && began >= time / 2 {
                source.mark();
                is_marked = true;
            }
            let now = Moment {
                seconds: began.as_secs_f64(),
                ..source.read()?
            };
            look.moments.push(now);
            let looked = started.elapsed();
            let progress = TriageProgress {
                looked,
                of: time,
                at_most,
                now,
                headroom: source.headroom(),
            };
            match tell(&progress) {
                Going::On => {}
                Going::Enough => {
                    look.time = looked;
                    return Ok(look);
                }
                Going::Stop => return Err(TriageError::Stopped),
            }
            let wait = (time / READINGS).max(source.waits_times() * looked.saturating_sub(began));
            let wait = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT);
            std::thread::sleep(wait.min(time.saturating_sub(looked)));
        }
        if is_clear(&look) {
            break;
        }
    }
    Ok(look)
}
