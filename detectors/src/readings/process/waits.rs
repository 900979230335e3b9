//! How long to wait for what is about to close.

use std::time::{Duration, Instant};

/// The first wait, and the longest. A thread shows for up to some milliseconds after it was joined, a socket until its owner's
/// thread has come to close it.
const FIRST_WAIT: Duration = Duration::from_micros(200);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Waits that double, up to a longest one, until a time is up.
pub(crate) struct Waits {
    started: Instant,
    within: Duration,
    wait: Duration,
}

impl Waits {
    pub(crate) fn new(within: Duration) -> Self {
        Waits {
            started: Instant::now(),
            within,
            wait: FIRST_WAIT,
        }
    }

    pub(crate) fn waited(&self) -> Duration {
        self.started.elapsed()
    }

    /// `None` when the time is up.
    pub(crate) fn next(&mut self) -> Option<Duration> {
        let rest = self.within.saturating_sub(self.waited());
        let wait = self.wait.min(rest);
        self.wait = LONGEST_WAIT.min(2 * self.wait);
        (!rest.is_zero()).then_some(wait)
    }
}
