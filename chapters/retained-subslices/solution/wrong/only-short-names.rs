//! Not a solution: short names are copied, and long ones are slices of their batch as before.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// How many failed logins are remembered.
pub const FAILURES_MAX: usize = 100_000;

/// The longest user name that the access log writes.
pub const USER_BYTES_MAX: usize = 32;

/// A user's name.
enum UserName {
    Short(Box<str>),
    /// Where it stands in the log.
    Long(Arc<str>, Range<usize>),
}

impl UserName {
    fn as_str(&self) -> &str {
        match self {
            UserName::Short(name) => name,
            UserName::Long(batch, range) => &batch[range.clone()],
        }
    }
}

/// Remembers who failed to log in lately.
#[derive(Default)]
pub struct LoginGuard {
    failures: VecDeque<UserName>,
}

impl LoginGuard {
    /// Reads one batch of the access log: lines of `STATUS USER PATH`. Returns how many logins failed in it.
    pub fn read_batch(&mut self, raw: &[u8]) -> usize {
        let batch: Arc<str> = Arc::from(String::from_utf8_lossy(raw));
        let mut failed = 0;
        let mut line_start = 0;
        for line in batch.lines() {
            if let Some(rest) = line.strip_prefix("401 ") {
                let user = rest.split(' ').next().unwrap_or_default();
                let user_start = line_start + "401 ".len();
                self.failures.push_back(if user.len() <= 22 {
                    UserName::Short(Box::from(user))
                } else {
                    UserName::Long(Arc::clone(&batch), user_start..user_start + user.len())
                });
                failed += 1;
            }
            line_start += line.len() + 1;
        }
        while self.failures.len() > FAILURES_MAX {
            self.failures.pop_front();
        }
        failed
    }

    /// How often this user failed among the failures that are remembered.
    pub fn failures_of(&self, user: &str) -> usize {
        let names = self.failures.iter().map(UserName::as_str);
        names.filter(|name| *name == user).count()
    }

    /// How many failures are remembered.
    pub fn remembered(&self) -> usize {
        self.failures.len()
    }
}
