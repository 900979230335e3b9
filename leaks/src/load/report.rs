//! What a load did, for a person and as JSON.

use super::tally::{self, Failure, Latencies, Percentiles, Tally};
use super::{Pace, Plan};
use crate::problem::Result;
use crate::say::{BOLD, DIM};
use crate::scale;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
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
    pub(super) fn begins_left(&self) -> u64 {
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

    pub(crate) fn print(&self, out: &mut dyn Write) -> Result<()> {
        let of = self.pattern.split('/').count().div_ceil(2);
        for (number, load) in (1..).zip(&self.loads) {
            let which = if of == 1 {
                String::new()
            } else {
                format!(" {number} of {of}")
            };
            write!(
                out,
                "{BOLD}Load{which}:{BOLD:#} {:.1} s, ",
                load.lasted_seconds
            )?;
            match self.rate {
                None => writeln!(
                    out,
                    "{} at once, each client asks again when it is answered",
                    self.at_once
                )?,
                Some(rate) => writeln!(
                    out,
                    "{rate} due each second, {} at once; latency counts from when a request was due",
                    self.at_once
                )?,
            }
            load.print(out)?;
        }
        if self.was_cut_short {
            writeln!(out, "It was ended early: these are the figures until then.")?;
        } else if self.begins_left() == 0 {
            writeln!(
                out,
                "It ended at {} requests, the most that were to begin.",
                self.count_max
            )?;
        }
        Ok(())
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

    fn print(&self, out: &mut dyn Write) -> Result<()> {
        let columns = ["p50", "p90", "p99", "p99.9", "max"]
            .map(|name| format!("{name:>9}"))
            .concat();
        writeln!(
            out,
            "  {DIM}{:<18}{:>10}{columns}   in ms{DIM:#}",
            "answer", "requests"
        )?;
        self.ok.print("200", true, out)?;
        self.overloaded.print("503, overloaded", false, out)?;
        self.other.print("other status", false, out)?;
        self.unanswered.print("cut off", false, out)?;
        self.unsent.print("due, never sent", false, out)?;
        for (status, requests) in &self.other_statuses {
            writeln!(out, "  status {status}: {requests}")?;
        }
        for Failed {
            reason,
            requests,
            example,
        } in &self.failed
        {
            writeln!(out, "  failed, {reason}: {requests} ({example})")?;
        }
        writeln!(
            out,
            "  {:.1} answers a second, {} of bodies\n",
            self.answered_per_second,
            scale::bytes(self.body_bytes as f64)
        )?;
        Ok(())
    }
}

impl Requests {
    fn of(latencies: &Latencies) -> Self {
        Requests {
            requests: latencies.count(),
            latency_ms: latencies.percentiles(),
        }
    }

    fn print(&self, name: &str, even_if_none: bool, out: &mut dyn Write) -> Result<()> {
        if self.requests == 0 && !even_if_none {
            return Ok(());
        }
        write!(out, "  {name:<18}{:>10}", self.requests)?;
        if let Some(Percentiles {
            p50,
            p90,
            p99,
            p99_9,
            max,
        }) = self.latency_ms
        {
            for value in [p50, p90, p99, p99_9, max] {
                write!(out, "{value:>9.1}")?;
            }
        }
        writeln!(out)?;
        Ok(())
    }
}
