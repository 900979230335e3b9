//! Not a solution: steady, because it remembers nothing. The checker must refuse it.

/// How many failed logins are remembered.
pub const FAILURES_MAX: usize = 100_000;

/// The longest user name that the access log writes.
pub const USER_BYTES_MAX: usize = 32;

/// Counts failures, and forgets whose they were.
#[derive(Default)]
pub struct LoginGuard {
    failures: usize,
}

impl LoginGuard {
    /// Returns how many logins failed in the batch.
    pub fn read_batch(&mut self, raw: &[u8]) -> usize {
        let batch = String::from_utf8_lossy(raw);
        let failed = batch
            .lines()
            .filter(|line| line.starts_with("401 "))
            .count();
        self.failures += failed;
        failed
    }

    /// All failures, whoever failed.
    pub fn failures_of(&self, _user: &str) -> usize {
        self.failures
    }

    /// How many failures are remembered.
    pub fn remembered(&self) -> usize {
        self.failures.min(FAILURES_MAX)
    }
}
