//! What threads gain that a watch of one thread doesn't count: whether it grows with the iterations.

use super::driver::Driver;
use crate::allocator;
use crate::model::workload::Kept;
use crate::readings::counters::{Group, Outlooks, RunsTasks};
use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

/// A driver that looks at what no scope counts after each iteration.
pub(super) struct Noticing<'w> {
    pub(super) driver: &'w mut dyn Driver,
    /// `None` where the whole process is counted.
    pub(super) elsewhere: Option<&'w Elsewhere>,
}

impl RunsTasks for Noticing<'_> {
    fn tasks(&self) -> Option<usize> {
        self.driver.tasks()
    }

    fn tasks_by_site(&self) -> Vec<Group> {
        self.driver.tasks_by_site()
    }

    fn outlooks(&self) -> Option<Result<Outlooks, String>> {
        self.driver.outlooks()
    }
}

impl Driver for Noticing<'_> {
    fn refresh(&mut self) {
        if let Some(elsewhere) = self.elsewhere {
            elsewhere.restart();
        }
        self.driver.refresh();
    }

    fn iterate(&mut self) -> Kept {
        let kept = self.driver.iterate();
        if let Some(elsewhere) = self.elsewhere {
            elsewhere.look(allocator::unscoped_bytes);
        }
        kept
    }

    fn pause(&mut self, time: Duration) {
        self.driver.pause(time);
    }

    fn state(&self) -> Range<usize> {
        self.driver.state()
    }
}

/// Iterations are told apart by their logarithm: so many are more than any watch runs.
const SPANS: usize = 48;

/// A rise below this is what a harness and its neighbours do.
const BYTES_MIN: i64 = 4 << 10;

/// So many spans must have risen, each about twice as much as the one before.
const RISES: usize = 3;

/// The lowest figure in each span of iterations, of which each is twice as long as the one before. Nothing is allocated.
#[derive(Debug)]
pub(super) struct Elsewhere {
    iterations: Cell<u64>,
    floors: [Cell<i64>; SPANS],
    /// What an earlier run showed.
    told: Cell<Option<f64>>,
}

impl Default for Elsewhere {
    fn default() -> Self {
        Elsewhere {
            iterations: Cell::new(0),
            floors: [const { Cell::new(i64::MAX) }; SPANS],
            told: Cell::new(None),
        }
    }
}

impl Elsewhere {
    /// Begins anew, and remembers what was found.
    pub(super) fn restart(&self) {
        self.told.set(self.gained());
        self.iterations.set(0);
        for floor in &self.floors {
            floor.set(i64::MAX);
        }
    }

    /// Notes an iteration, and `now` where it is worth a look: some sixty of each span.
    pub(super) fn look(&self, now: impl FnOnce() -> i64) {
        let iteration = self.iterations.get() + 1;
        self.iterations.set(iteration);
        if iteration.is_multiple_of((iteration >> 6).max(1))
            && let Some(floor) = self.floors.get(iteration.ilog2() as usize)
        {
            floor.set(floor.get().min(now()));
        }
    }

    /// How much is gained in each iteration, where the last spans rose in proportion to their length.
    pub(super) fn gained(&self) -> Option<f64> {
        self.gained_now().or(self.told.get())
    }

    fn gained_now(&self) -> Option<f64> {
        let last = self.iterations.get().checked_ilog2()? as usize;
        let first = last.checked_sub(RISES)?;
        let floors = self.floors.get(first..=last)?;
        let rises: Vec<i64> = floors
            .windows(2)
            .map(|pair| pair[1].get().saturating_sub(pair[0].get()))
            .collect();
        let doubles = |pair: &[i64]| pair[0] > 0 && 2 * pair[1] >= 3 * pair[0];
        let newest = *rises.last()?;
        let grows = rises.windows(2).all(doubles) && newest >= BYTES_MIN;
        let span = 1_u64 << (last - 1);
        grows.then(|| newest as f64 / span as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Elsewhere;

    fn after(readings: u64, figure: impl Fn(u64) -> i64) -> Option<f64> {
        let elsewhere = Elsewhere::default();
        for reading in 1..=readings {
            elsewhere.look(|| figure(reading));
        }
        elsewhere.gained()
    }

    #[test]
    fn what_grows_with_the_iterations_is_told_and_the_rest_is_not() {
        let told = after(1_600, |reading| 1_000_000 + 57_000 * reading.cast_signed());
        assert!(
            told.is_some_and(|bytes| (50_000.0..64_000.0).contains(&bytes)),
            "{told:?}"
        );
        // A temporary, a warm-up, a cache that fills, another test's end, what goes.
        assert_eq!(
            after(1_600, |reading| if reading % 3 == 0 { 80_000 } else { 0 }),
            None
        );
        assert_eq!(
            after(1_600, |reading| 900 * reading.min(300).cast_signed()),
            None
        );
        assert_eq!(
            after(1_600, |reading| if reading > 700 { 1 << 20 } else { 0 }),
            None
        );
        assert_eq!(after(1_600, |reading| -100 * reading.cast_signed()), None);
        assert_eq!(after(3, |reading| 9_000 * reading.cast_signed()), None);
    }

    #[test]
    fn an_earlier_run_is_remembered() {
        let elsewhere = Elsewhere::default();
        for reading in 1..1_600 {
            elsewhere.look(|| 57_000 * reading);
        }
        elsewhere.restart();
        assert!(elsewhere.gained().is_some());
    }
}
