//! Load on a service: [`run`] takes a [`Plan`] and returns a [`Report`], and prints nothing.
//!
//! `leaks load` puts it on any service, and the incident on its own. Either loop is bounded in time and in requests, and what it
//! holds doesn't grow with how long it runs.

mod engine;
mod plan;
mod report;
mod tally;
mod targets;

pub(crate) use engine::{Progress, Stage, run};
pub(crate) use plan::{Pace, Pattern, Plan, rate};
pub(crate) use report::{Failed, Load, Report, Requests};
pub(crate) use tally::Percentiles;
pub(crate) use targets::{Forced, LOCALHOST, Targets, loopback};
