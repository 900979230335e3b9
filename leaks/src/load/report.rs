//! What a load did, as values and so as JSON.

use super::plan::{Pace, Plan};
use super::tally::{self, Failure, Latencies, Percentiles, Tally};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a plan's loads did.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Requests a second, where the clock decided when the next one begins.
    pub(crate) rate: Option<f64>,
    pub(crate) at_once: u16,
    pub(crate) pattern: String,
    pub(crate) count_max: u64,
    /// Requests that were begun, in all loads.
    pub(crate) begun: u64,
    pub(crate) loads: Vec<Load>,
    /// Ended before the plan was done.
    pub(crate) was_cut_short: bool,
}

/// One load of the pattern.
#[derive(Debug, Serialize)]
pub(crate) struct Load {
    pub(crate) asked_for_seconds: f64,
    pub(crate) lasted_seconds: f64,
    pub(crate) answered_per_second: f64,
    #[serde(rename = "200")]
    pub(crate) ok: Requests,
    #[serde(rename = "503")]
    pub(crate) overloaded: Requests,
    /// Those of them that don't say when to come again.
    pub(crate) without_retry_after: u64,
    pub(crate) other: Requests,
    pub(crate) other_statuses: BTreeMap<u16, u64>,
    pub(crate) failed: Vec<Failed>,
    /// Cut off before there was an answer.
    pub(crate) unanswered: Requests,
    /// Due, but every client was busy until the end.
    pub(crate) unsent: Requests,
    pub(crate) body_bytes: u64,
}

/// Requests with one outcome.
#[derive(Debug, Serialize)]
pub(crate) struct Requests {
    pub(crate) requests: u64,
    /// From when each was due: in a closed loop, from when it was sent.
    pub(crate) latency_ms: Option<Percentiles>,
}

/// Requests that failed for one reason.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    pub(crate) reason: Failure,
    pub(crate) requests: u64,
    /// The system's word for the last one.
    pub(crate) example: String,
}

impl Report {
    pub(super) fn new(plan: &Plan) -> Self {
        Report {
            rate: match plan.pace {
                Pace::Closed => None,
                Pace::Open(rate) => Some(rate),
            },
            at_once: plan.at_once,
            pattern: plan.pattern.to_string(),
            count_max: plan.count_max,
            begun: 0,
            loads: Vec::new(),
            was_cut_short: false,
        }
    }

    pub(super) fn add(&mut self, load: Load, begun: u64) {
        self.begun += begun;
        self.loads.push(load);
    }

    /// How many requests may still begin.
    pub(crate) fn begins_left(&self) -> u64 {
        self.count_max.saturating_sub(self.begun)
    }

    /// Requests for which there was a connection.
    pub(crate) fn sent(&self) -> u64 {
        let reached = |load: &Load| {
            let failed = load.failed.iter();
            let failed = failed.filter(|failed| failed.reason != Failure::NotConnected);
            load.answered()
                + load.unanswered.requests
                + failed.map(|failed| failed.requests).sum::<u64>()
        };
        self.loads.iter().map(reached).sum()
    }
}

impl Load {
    pub(super) fn new(asked_for: Duration, lasted: Duration, tally: &Tally) -> Self {
        let failed = |(reason, failed): (&Failure, &tally::Failed)| Failed {
            reason: *reason,
            requests: failed.requests,
            example: failed.example.clone(),
        };
        Load {
            asked_for_seconds: asked_for.as_secs_f64(),
            lasted_seconds: lasted.as_secs_f64(),
            answered_per_second: tally.answered() as f64 / lasted.as_secs_f64(),
            ok: Requests::of(&tally.ok),
            overloaded: Requests::of(&tally.overloaded),
            without_retry_after: tally.without_retry_after,
            other: Requests::of(&tally.other),
            other_statuses: tally.other_statuses.clone(),
            failed: tally.failures.iter().map(failed).collect(),
            unanswered: Requests::of(&tally.unanswered),
            unsent: Requests::of(&tally.unsent),
            body_bytes: tally.body_bytes,
        }
    }

    pub(crate) fn answered(&self) -> u64 {
        self.ok.requests + self.overloaded.requests + self.other.requests
    }
}

impl Requests {
    fn of(latencies: &Latencies) -> Self {
        Requests {
            requests: latencies.count(),
            latency_ms: latencies.percentiles(),
        }
    }
}
