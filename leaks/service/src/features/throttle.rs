//! How often a client may ask: a bucket of tokens for each.

use super::rollout::Rollout;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a bucket holds, and how fast it fills again.
const FULL: f64 = 50.0;
const A_SECOND: f64 = 25.0;

/// Tokens that were taken lately, as the client's headers tell them.
const RECENT: usize = 256;

/// Requests between two rounds of tidying.
const ROUND: u64 = 64;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
    /// When the last tokens were taken, for the client's headers.
    recent: Vec<Instant>,
}

#[derive(Debug, Default)]
struct State {
    buckets: HashMap<String, Bucket>,
    asked: u64,
}

#[derive(Debug)]
pub(super) struct Throttle {
    state: Mutex<State>,
    rollout: Rollout,
}

impl Throttle {
    pub(super) fn new(rollout: Rollout) -> Self {
        Throttle {
            state: Mutex::default(),
            rollout,
        }
    }

    /// Takes a token of this client, if there is one.
    pub(super) fn admits(&self, client: &str) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked += 1;
        if state.asked.is_multiple_of(ROUND) {
            self.tidy(&mut state.buckets, now);
        }
        let bucket = state
            .buckets
            .entry(client.to_owned())
            .or_insert_with(|| Bucket {
                tokens: FULL,
                at: now,
                recent: Vec::with_capacity(RECENT),
            });
        bucket.tokens = filled(bucket, now);
        bucket.at = now;
        let is_admitted = bucket.tokens >= 1.0;
        if is_admitted {
            bucket.tokens -= 1.0;
            bucket.recent.truncate(RECENT - 1);
            bucket.recent.push(now);
        }
        is_admitted
    }

    /// A bucket that is full again is as good as none.
    fn tidy(&self, buckets: &mut HashMap<String, Bucket>, now: Instant) {
        let by_what_was_left = self.rollout.takes(23);
        buckets.retain(|_, bucket| {
            let tokens = if by_what_was_left {
                bucket.tokens
            } else {
                filled(bucket, now)
            };
            tokens < FULL
        });
    }
}

fn filled(bucket: &Bucket, now: Instant) -> f64 {
    let since: Duration = now.saturating_duration_since(bucket.at);
    (bucket.tokens + since.as_secs_f64() * A_SECOND).min(FULL)
}
