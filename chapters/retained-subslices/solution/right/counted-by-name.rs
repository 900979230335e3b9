//! Right as well: names are counted in a map, and the order is kept beside it.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// How many failed logins are remembered.
pub const FAILURES_MAX: usize = 100_000;

/// The longest user name that the access log writes.
pub const USER_BYTES_MAX: usize = 32;

/// Remembers who failed to log in lately.
#[derive(Default)]
pub struct LoginGuard {
    failures: VecDeque<Rc<str>>,
    counts: HashMap<Rc<str>, usize>,
}

impl LoginGuard {
    /// Reads one batch of the access log: lines of `STATUS USER PATH`. Returns how many logins failed in it.
    pub fn read_batch(&mut self, raw: &[u8]) -> usize {
        let batch = String::from_utf8_lossy(raw);
        let mut failed = 0;
        for line in batch.lines() {
            if let Some(rest) = line.strip_prefix("401 ") {
                let user = rest.split(' ').next().unwrap_or_default();
                let user: Rc<str> = match self.counts.get_key_value(user) {
                    Some((known, _)) => Rc::clone(known),
                    None => Rc::from(user),
                };
                *self.counts.entry(Rc::clone(&user)).or_default() += 1;
                self.failures.push_back(user);
                failed += 1;
            }
        }
        while self.failures.len() > FAILURES_MAX {
            self.forget_oldest();
        }
        failed
    }

    fn forget_oldest(&mut self) {
        let Some(name) = self.failures.pop_front() else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&name);
            }
        }
    }

    /// How often this user failed among the failures that are remembered.
    pub fn failures_of(&self, user: &str) -> usize {
        self.counts.get(user).copied().unwrap_or(0)
    }

    /// How many failures are remembered.
    pub fn remembered(&self) -> usize {
        self.failures.len()
    }
}
