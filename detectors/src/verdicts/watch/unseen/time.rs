//! The time that reading what no Rust allocator sees takes, and may take. The C library's allocator walks all that is free on its heap to
//! count it: some microseconds, or a tenth of a second where that is in millions of pieces.

use std::time::{Duration, Instant};

/// What it took so far.
#[derive(Debug)]
pub(super) struct Time {
    began: Instant,
    of_one: Duration,
    of_all: Duration,
    /// What the reading before took.
    before: Option<Duration>,
}

impl Default for Time {
    fn default() -> Self {
        Time {
            began: Instant::now(),
            of_one: Duration::ZERO,
            of_all: Duration::ZERO,
            before: None,
        }
    }
}

impl Time {
    /// A reading that takes longer than this is made once a window.
    const LONG: Duration = Duration::from_millis(2);

    fn is_long(&self) -> bool {
        self.of_one > Self::LONG
    }

    /// Whether the next reading would stay within a tenth of the run's time, or what nobody notices. One that is needed may take longer.
    pub(super) fn allows(&self, is_middle: bool, is_needed: bool) -> bool {
        const UNNOTICED: Duration = Duration::from_millis(150);
        const NEEDED: Duration = Duration::from_secs(1);
        let at_most = UNNOTICED.max(self.began.elapsed() / 10);
        let is_within = self.of_all + self.of_one <= at_most;
        (is_middle || !self.is_long()) && is_within || is_needed && self.of_one <= NEEDED
    }

    pub(super) fn took(&mut self, time: Duration) {
        // One that had to wait for a core, as on a busy machine, says nothing of the next.
        self.of_one = self
            .before
            .replace(time)
            .map_or(time, |before| before.min(time));
        self.of_all += self.of_one;
    }

    /// How long one takes, in words.
    pub(super) fn of_a_reading(&self) -> String {
        let milliseconds = self.of_one.as_secs_f64() * 1e3;
        format!("{milliseconds:.*} ms", usize::from(!self.is_long()))
    }
}

#[cfg(test)]
mod tests {
    use super::Time;
    use std::time::Duration;

    #[test]
    fn what_is_needed_is_read_beyond_the_budget() {
        let mut time = Time::default();
        for _ in 0..40 {
            time.took(Duration::from_millis(40));
        }
        assert!(!time.allows(true, false), "1.6 s of a moment");
        assert!(time.allows(true, true));
        time.took(Duration::from_secs(3));
        time.took(Duration::from_secs(3));
        assert!(!time.allows(true, true), "3 s each");
    }
}
