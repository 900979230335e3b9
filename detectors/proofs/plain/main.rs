//! Plain tests that run in parallel under cargo's own harness: profiles, which need no process of their own, and the harness of
//! `detectors::tests!` looked at from outside.
#![expect(clippy::unwrap_used, reason = "tests")]

mod isolation;
mod profiles;
