//! One pass over a workload: count it window by window, or run it under full stacks for its profile.

use super::counted::Counted;
use super::driver::Driver;
use super::resolution::is_fine;
use super::timeline::Timeline;
use super::unseen::UnseenFloors;
use super::{Observer, Progress, Stage};
use crate::model::judge::{Floor, Floors, Motion, PARTS};
use crate::model::kind::{Counts, Kind, NotRead};
use crate::model::reading::{Detail, HeapReading, ReadError};
use crate::model::workload::Kept;
use crate::profile::Profile;
use crate::readings::counters::Counters;
use crate::readings::heap::HeapSource;
use crate::readings::memory;
use crate::verdicts::evidence::{Reading, Sample};
use std::time::{Duration, Instant};

/// How long a settling reading may take: above the 5 ms by which a runtime's task count was seen to lag.
const SETTLE_STEPS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_micros(200),
    Duration::from_millis(1),
    Duration::from_millis(5),
];

/// Settled readings in each window's second half. A floor is a minimum, so a few settled ones are enough, and the
/// rest are taken as they come.
pub(super) const SETTLED_READINGS: u64 = 8;

/// Windows beyond those asked for, where it is open at the end whether growth goes on.
const MORE_WINDOWS: u32 = 2;

/// So often resident memory is read for a run's timeline, about: a reading costs more than many an iteration, and no picture has as many
/// columns.
const RESIDENT_READINGS: u64 = 256;

/// Progress is told about ten times a second.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// The time that all passes share.
#[derive(Debug)]
pub(super) struct Budget {
    started: Instant,
    deadline: Duration,
}

impl Budget {
    pub(super) fn new(deadline: Duration) -> Self {
        Budget {
            started: Instant::now(),
            deadline,
        }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.started.elapsed() > self.deadline
    }
}

pub(super) struct Pass<'p> {
    pub(super) driver: &'p mut dyn Driver,
    pub(super) source: &'p mut dyn HeapSource,
    counters: Counters,
    observer: &'p mut Option<Observer>,
    pub(super) budget: &'p Budget,
    told: Instant,
    told_of: Option<Stage>,
    /// As it was read last, for the timeline.
    resident: Option<i64>,
    /// The fewest tasks seen alive: those that belong to the state, not to an iteration.
    fewest_tasks: usize,
}

impl<'p> Pass<'p> {
    pub(super) fn new(
        driver: &'p mut dyn Driver,
        source: &'p mut dyn HeapSource,
        observer: &'p mut Option<Observer>,
        budget: &'p Budget,
    ) -> Self {
        Pass {
            driver,
            counters: Counters::suitable_for(source),
            source,
            observer,
            budget,
            told: Instant::now(),
            told_of: None,
            resident: None,
            fewest_tasks: usize::MAX,
        }
    }

    /// Whether the instrument can tell its sites while it runs.
    pub(super) fn reads_sites(&self) -> bool {
        self.source.reads_sites()
    }

    /// Counts through warm-up and windows; stops early when nothing grows and the resolution is fine.
    pub(super) fn count(&mut self, warm_up: u64, windows: u32) -> Result<Counted, ReadError> {
        let all = warm_up.saturating_mul(1 << windows);
        let windows_max = (windows + MORE_WINDOWS) as usize;
        // Made before counting begins: the watch's own memory is not the workload's.
        let mut counted = Counted {
            timeline: Timeline::with_room_for(all.saturating_mul(1 << MORE_WINDOWS)),
            readings: Vec::with_capacity(windows_max),
            kept: Vec::with_capacity(windows_max),
            older_freed: Vec::with_capacity(windows_max),
            blocks: Floors::with_capacity(windows_max),
            bytes: Floors::with_capacity(windows_max),
            counts: self.counters.floors(self.driver, windows_max),
            ..Counted::default()
        };
        if self.source.counts_process() {
            counted.unseen = UnseenFloors::of_process(windows_max, &|| self.source.read());
        }
        self.counters.begin(self.driver);
        self.source.start(Detail::Counts)?;
        self.driver.refresh();

        for _ in 0..warm_up {
            self.step(&mut counted, all, Stage::WarmingUp);
            if counted.out_of_time {
                break;
            }
        }
        // A window or two more than asked for, where the last one left it open: what would settle it is done, and not only told.
        for window in 0..windows + MORE_WINDOWS {
            let left = windows + MORE_WINDOWS - window;
            let is_open = window < windows || counted.is_open(window - windows, left);
            if counted.out_of_time || !is_open {
                break;
            }
            self.window(&mut counted, warm_up << window, all, window + 1);
            if counted.blocks.len() > 1 && counted.is_calm() && is_fine(&counted) {
                break;
            }
        }

        counted.timeline.end();
        let (reading, _) = self.settled();
        counted.peak_bytes = reading.peak_bytes;
        counted.resting_bytes = reading.bytes;
        self.source.stop()?;
        let kept = self.counters.kept_after_free();
        let growing: Vec<Kind> = counted
            .kinds_that_are(Motion::Growing)
            .map(|(kind, _)| kind)
            .collect();
        let iterations = counted.iterations();
        counted.groups = growing
            .into_iter()
            .map(|kind| {
                let mut groups = self.counters.grown_groups(kind, self.driver, iterations);
                // What the state had from its beginning is in the groups as well: only their shares are used.
                let sum: f64 = groups.iter().map(|(_, each)| each).sum();
                let scale = counted.per_iteration(kind) / sum;
                for (_, each) in &mut groups {
                    *each *= scale;
                }
                (kind, groups)
            })
            .collect();
        counted.not_read = self.counters.not_read(self.driver);
        counted.not_read.extend(counted.unseen.not_read());
        match kept {
            Ok(bytes) => counted.kept_after_free = bytes,
            Err(why) => counted.not_read.push(NotRead {
                kind: Kind::Resident,
                why,
            }),
        }
        Ok(counted)
    }

    /// The window that begins at `from` and is as long as all before it.
    fn window(&mut self, counted: &mut Counted, from: u64, all: u64, number: u32) {
        let (middle, to) = (from + from / 2, 2 * from);
        let settle_every = ((to - middle) / SETTLED_READINGS).max(1);
        let mut blocks = [i64::MAX; PARTS];
        let mut bytes = [i64::MAX; PARTS];
        let mut counts: [Option<Counts>; PARTS] = [None; PARTS];
        for iteration in from..to {
            let (kept, mut reading, mut now) = self.step(counted, all, Stage::Window(number));
            if counted.out_of_time {
                return;
            }
            if iteration < middle {
                continue;
            }
            if iteration == middle {
                counted.kept.push((iteration, kept));
            }
            if (iteration - middle).is_multiple_of(settle_every) {
                (reading, now) = self.settled();
            }
            let part = part_of(iteration - middle, to - middle);
            counted.unseen.read(part, &|| self.source.read());
            blocks[part] = blocks[part].min(reading.blocks.cast_signed());
            bytes[part] = bytes[part].min(reading.bytes.cast_signed());
            let least = counts[part].get_or_insert(now);
            *least = least.zip(&now, i64::min);
        }
        counted.unseen.end_window(middle);
        counted.older_freed.extend(self.source.older_freed());
        let floor = |parts| Floor { middle, parts };
        counted.blocks.push(floor(blocks));
        counted.bytes.push(floor(bytes));
        let mut floor_counts = Counts::default();
        for (kind, floors) in &mut counted.counts {
            let of = |least: Option<Counts>| least.and_then(|least| least.get(*kind));
            let floor = floor(counts.map(|least| of(least).unwrap_or(i64::MAX)));
            floor_counts.set(*kind, Some(floor.value()));
            floors.push(floor);
        }
        counted.readings.push(Reading {
            from,
            to,
            floor_blocks: floor(blocks).value(),
            floor_bytes: floor(bytes).value(),
            rise_blocks: counted.blocks.rises().next_back(),
            rise_bytes: counted.bytes.rises().next_back(),
            floor_counts,
            resident_bytes: memory::resident().ok().map(|now| now.resident),
        });
    }

    /// One iteration and the reading after it.
    fn step(
        &mut self,
        counted: &mut Counted,
        all: u64,
        stage: Stage,
    ) -> (Kept, HeapReading, Counts) {
        let kept = self.driver.iterate();
        let reading = self.source.read();
        let counts = self.counters.read(self.driver);
        let before = counted.iterations();
        if before.is_multiple_of((all / RESIDENT_READINGS).max(1)) {
            self.resident = memory::resident_estimate().map(u64::cast_signed);
        }
        let iteration = before + 1;
        counted.timeline.push(Sample {
            iteration,
            blocks: reading.blocks.cast_signed(),
            bytes: reading.bytes.cast_signed(),
            peak_bytes: reading.peak_bytes.cast_signed(),
            resident_bytes: self.resident,
            counts,
        });
        counted.out_of_time = self.budget.is_spent();
        self.tell(stage, iteration, all, reading);
        (kept, reading, counts)
    }

    /// Runs `iterations` from a fresh state with a stack for each block, and gives the profile.
    ///
    /// `None` when the workload allocated nothing at all.
    pub(super) fn profile(
        &mut self,
        round: u32,
        iterations: u64,
    ) -> Result<Option<Profile>, ReadError> {
        self.source.start(Detail::Stacks)?;
        self.driver.refresh();
        for iteration in 1..=iterations {
            self.driver.iterate();
            let reading = self.source.read();
            self.tell(Stage::Sites(round), iteration, iterations, reading);
            if self.budget.is_spent() {
                self.source.stop()?;
                return Err(out_of_time(iteration, iterations));
            }
        }
        self.settled();
        self.source.stop()
    }

    /// A reading after what the iteration left in the background has ended, or after long enough a wait.
    pub(super) fn settled(&mut self) -> (HeapReading, Counts) {
        let read = |pass: &mut Self| (pass.source.read(), pass.counters.read(pass.driver));
        let mut before = read(self);
        for (step, time) in SETTLE_STEPS.into_iter().enumerate() {
            self.driver.pause(time);
            let now = read(self);
            let tasks = self.driver.tasks().unwrap_or(0);
            let quiet = now.0.blocks == before.0.blocks
                && now.0.bytes == before.0.bytes
                && now.1 == before.1;
            if step > 0 && quiet && tasks <= self.fewest_tasks {
                self.fewest_tasks = tasks;
                return now;
            }
            before = now;
        }
        // What outlives the wait belongs to the state: waiting for it again would only cost time.
        self.fewest_tasks = self.driver.tasks().unwrap_or(0);
        before
    }

    pub(super) fn tell(
        &mut self,
        stage: Stage,
        iteration: u64,
        of_at_most: u64,
        reading: HeapReading,
    ) {
        if let Some(observer) = self.observer
            && (self.told_of != Some(stage) || self.told.elapsed() >= TELL_EVERY)
        {
            self.told_of = Some(stage);
            self.told = Instant::now();
            observer(&Progress {
                stage,
                iteration,
                of_at_most,
                live_blocks: reading.blocks.cast_signed(),
                live_bytes: reading.bytes.cast_signed(),
            });
        }
    }
}

pub(super) fn out_of_time(iteration: u64, of: u64) -> ReadError {
    ReadError {
        reason: format!("the deadline came after {iteration} of {of} iterations under full stacks"),
        next: "give the watch a longer deadline".to_owned(),
    }
}

/// Which part of a window's second half an iteration falls into.
fn part_of(iteration: u64, length: u64) -> usize {
    usize::try_from(iteration * PARTS as u64 / length).map_or(PARTS - 1, |part| part.min(PARTS - 1))
}
