//! Counts what became of requests, in memory that doesn't grow with their number.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// An hour of waiting for a free client, and another for the answer: longer than any latency. 200 kB hold it.
const LONGEST_MICROS: u64 = 2 * 3_600 * 1_000_000;

/// What became of a load's requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ok: Latencies,
    /// Status 503: sent away, as a service does that is asked for more than it can.
    pub(crate) overloaded: Latencies,
    pub(crate) other: Latencies,
    /// How many of the other answers had each status.
    pub(crate) other_statuses: BTreeMap<u16, u64>,
    pub(crate) failures: BTreeMap<Failure, Failed>,
    /// Cut off before there was an answer, with how long they had waited by then.
    pub(crate) unanswered: Latencies,
    /// Due, but no client was free, with how long they had waited by the end.
    pub(crate) unsent: Latencies,
    pub(crate) body_bytes: u64,
}

/// Why a request has no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Failure {
    NotConnected,
    TooLate,
    BrokenOff,
}

/// How often, and the system's word for the last one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failed {
    pub(crate) requests: u64,
    pub(crate) example: String,
}

/// Latencies as a histogram of microseconds: percentiles are right to one part in a thousand.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

/// How long requests took, in milliseconds: half of them at most `p50`, nine tenths at most `p90`, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p99_9: f64,
    pub(crate) max: f64,
}

impl Tally {
    pub(crate) fn answer(&mut self, status: u16, latency: Duration, body_bytes: u64) {
        self.body_bytes += body_bytes;
        match status {
            200 => self.ok.record(latency),
            503 => self.overloaded.record(latency),
            other => {
                self.other.record(latency);
                *self.other_statuses.entry(other).or_default() += 1;
            }
        }
    }

    pub(crate) fn failure(&mut self, failure: Failure, error: &reqwest::Error) {
        let failed = self.failures.entry(failure).or_default();
        failed.requests += 1;
        failed.example = deepest(error).chars().take(200).collect();
    }

    pub(crate) fn answered(&self) -> u64 {
        [&self.ok, &self.overloaded, &self.other]
            .map(Latencies::count)
            .iter()
            .sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().map(|failed| failed.requests).sum()
    }
}

impl Failure {
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Failure::TooLate
        } else if error.is_connect() {
            Failure::NotConnected
        } else {
            Failure::BrokenOff
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::NotConnected => "not connected",
            Failure::TooLate => "no whole answer in time",
            Failure::BrokenOff => "connection broke off",
        })
    }
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
        Latencies(histogram.expect("these bounds and digits are among those that it takes"))
    }
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// `None` where there is nothing to tell of.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        (self.count() > 0).then(|| Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: self.0.max() as f64 / 1_000.0,
        })
    }
}

/// What went wrong is at the end of the chain; the rest names the request.
fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::{Latencies, Tally};
    use std::time::Duration;

    #[test]
    fn percentiles_are_right_to_a_thousandth_from_a_microsecond_to_hours() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentiles(), None);
        for milliseconds in 1..=1_000 {
            latencies.record(Duration::from_millis(milliseconds));
        }
        let close = |seen: f64, wanted: f64| (seen - wanted).abs() <= wanted / 1_000.0;
        let told = latencies.percentiles().expect("a thousand");
        assert!(close(told.p50, 500.0) && close(told.p99, 990.0), "{told:?}");
        assert!(close(told.max, 1_000.0), "{told:?}");

        let hours = Duration::from_mins(119);
        latencies.record(hours);
        latencies.record(Duration::from_hours(1_000));
        let told = latencies.percentiles().expect("more");
        assert!(told.max >= hours.as_secs_f64() * 1_000.0, "{told:?}");
    }

    #[test]
    fn each_answer_is_counted_once_under_its_status() {
        let mut tally = Tally::default();
        for status in [200, 200, 503, 404, 500, 404] {
            tally.answer(status, Duration::from_millis(1), 10);
        }
        assert_eq!(tally.answered(), 6);
        assert_eq!((tally.ok.count(), tally.overloaded.count()), (2, 1));
        assert_eq!(tally.other_statuses, [(404, 2), (500, 1)].into());
        assert_eq!(tally.body_bytes, 60);
    }
}
