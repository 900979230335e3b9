//! A process that runs: looked at from outside, and what it tells of itself on a port of its own.

#[cfg(feature = "debug")]
pub mod debug;
#[cfg_attr(
    not(feature = "triage"),
    allow(unreachable_pub, reason = "`triage` is who tells a user of it")
)]
mod held;
#[cfg_attr(
    not(feature = "triage"),
    allow(unreachable_pub, reason = "`triage` is who tells a user of it")
)]
mod kept;
#[cfg(feature = "triage")]
pub mod triage;
#[cfg(any(feature = "debug", feature = "triage"))]
mod withheld;
