//! Who waits for one lock, and for how long: what its holder answers for.

use super::table;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) struct Waiters {
    /// How many wait. Read at each release, so that a lock that nobody waits for reads no clock.
    count: AtomicUsize,
    owed: Mutex<Owed>,
}

/// Time for which no holder has answered yet: `count` times now, less the sum of when each began.
struct Owed {
    /// In nanoseconds. One that still waits after a release begins anew there.
    begins: u128,
    /// When a holder last answered.
    settled: Duration,
}

impl Waiters {
    pub(super) const fn new() -> Self {
        Waiters {
            count: AtomicUsize::new(0),
            owed: Mutex::new(Owed {
                begins: 0,
                settled: Duration::ZERO,
            }),
        }
    }

    /// How many wait now.
    pub(super) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Waits, and records it.
    #[cold]
    #[inline(never)]
    pub(super) fn wait<T>(&self, wait: impl FnOnce() -> T) -> T {
        let _wait = Wait::begin(self);
        wait()
    }

    /// To be called where the lock is released, while it is still held.
    #[inline]
    pub(super) fn release(&self) {
        if self.count() > 0 {
            self.settle();
        }
    }

    #[cold]
    #[inline(never)]
    fn settle(&self) {
        let mut owed = self.owed();
        let (count, now) = (self.count() as u128, now());
        if count == 0 {
            return;
        }
        let all_began_now = count * now.as_nanos();
        let waited = all_began_now - owed.begins;
        owed.begins = all_began_now;
        owed.settled = now;
        drop(owed);
        let waited = Duration::from_nanos(u64::try_from(waited).unwrap_or(u64::MAX));
        table::held_at(table::site_here(), waited);
    }

    fn owed(&self) -> std::sync::MutexGuard<'_, Owed> {
        // Nothing panics in here, so nothing is half done.
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waiting", self.count())
    }
}

/// One that waits. It ends with this value, also by a panic of std's.
struct Wait<'a> {
    waiters: &'a Waiters,
    began: Duration,
}

impl<'a> Wait<'a> {
    fn begin(waiters: &'a Waiters) -> Self {
        let mut owed = waiters.owed();
        // Read under the lock: read earlier, the beginning could lie before a release that didn't count this waiter.
        let began = now();
        owed.begins += began.as_nanos();
        waiters.count.fetch_add(1, Relaxed);
        Wait { waiters, began }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let ended = now();
        let mut owed = self.waiters.owed();
        owed.begins -= self.began.max(owed.settled).as_nanos();
        self.waiters.count.fetch_sub(1, Relaxed);
        drop(owed);
        table::waited_at(table::site_here(), ended.saturating_sub(self.began));
    }
}

/// Since the first wait of the process.
fn now() -> Duration {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed()
}

#[cfg(test)]
mod tests {
    use super::Waiters;
    use std::thread;

    #[test]
    fn once_nobody_waits_nothing_is_owed() {
        let waiters = Waiters::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| waiters.wait(|| waiters.release())));
            }
        });
        assert_eq!(waiters.count(), 0);
        assert_eq!(waiters.owed().begins, 0);
    }
}
