//! Reads a subject again and again, at a pace that it hardly notices.

use super::evidence::{Moment, Part};
use super::{TriageError, TriageProgress};
use crate::model::kind::Kind;
use std::ops::ControlFlow;
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

    /// How much of a look is left to name what grows.
    fn naming_share(&self) -> f64;

    /// What grows of a kind, by name, the most first, with its share of the growth; empty where that can't be told.
    fn named(&mut self, kinds: &[Kind], within: Duration) -> Vec<GrowingGroup>;

    /// Resident memory by what it is for.
    fn parts(&mut self) -> Vec<Part>;

    /// The word for how it is looked at, in sentences: whether live memory is known.
    fn knows_live(&self) -> bool;
}

/// What grows, and where it is known from.
#[derive(Debug, Clone)]
pub(super) struct GrowingGroup {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) per_second: f64,
    pub(super) site: Option<crate::model::place::Site>,
}

/// All that was read in a look.
#[derive(Debug)]
pub(super) struct Look {
    /// For how long readings were taken.
    pub(super) time: Duration,
    /// What is left of the time, to name what grows.
    pub(super) rest: Duration,
    pub(super) moments: Vec<Moment>,
}

impl Look {
    /// How long a look must be for its readings to be taken for that time.
    pub(super) fn with_readings_for(&self, time: Duration) -> Duration {
        let whole = (self.time + self.rest).as_secs_f64() / self.time.as_secs_f64();
        Duration::from_secs_f64((time.as_secs_f64() * whole).ceil())
    }
}

pub(super) fn look(
    source: &mut dyn Source,
    time: Duration,
    tell: &mut dyn FnMut(&TriageProgress) -> ControlFlow<()>,
) -> Result<Look, TriageError> {
    source.begin()?;
    let rest = time.mul_f64(source.naming_share());
    let reads_for = time.saturating_sub(rest);
    let started = Instant::now();
    let mut moments = Vec::new();
    loop {
        let began = started.elapsed();
        if began >= reads_for {
            break;
        }
        let now = Moment {
            seconds: began.as_secs_f64(),
            ..source.read()?
        };
        moments.push(now);
        let looked = started.elapsed();
        let progress = TriageProgress {
            looked,
            of: time,
            now,
        };
        if tell(&progress).is_break() {
            return Err(TriageError::Stopped);
        }
        let wait = (reads_for / READINGS).max(source.waits_times() * looked.saturating_sub(began));
        let wait = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT);
        std::thread::sleep(wait.min(reads_for.saturating_sub(looked)));
    }
    Ok(Look {
        time: reads_for,
        rest,
        moments,
    })
}
