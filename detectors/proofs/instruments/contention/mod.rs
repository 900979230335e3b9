//! Contention: who waited and who let them wait, each by its line and exactly; and nothing where nobody waits.

mod awaits;
mod locks;
mod profile;
mod readers;

use detectors::Profile;
use std::time::{Duration, Instant};

detectors::tests! {
    fn waiters_and_their_holder_are_named_and_counted() { locks::three_wait(); }
    fn a_lock_that_nobody_waits_for_records_nothing() { locks::uncontended(); }
    fn a_lock_that_was_poisoned_is_as_stds() { locks::poisoned(); }
    fn many_threads_lose_no_step_and_no_waiter() { locks::many(); }

    fn writers_wait_for_readers() { readers::writer_waits(); }
    fn readers_wait_for_a_writer() { readers::readers_wait(); }
    fn readers_dont_wait_for_each_other() { readers::together(); }

    async fn an_await_that_waits_is_named_and_counted() { awaits::waits().await; }
    async fn an_await_that_is_ready_records_nothing() { awaits::ready().await; }
    async fn an_await_that_is_given_up_has_waited() { awaits::given_up().await; }

    fn gos_pprof_reads_both_profiles() { profile::go_agrees(); }
}

/// Waits for what others do, with a deadline and not for a time.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        std::thread::yield_now();
    }
}

/// Contentions and nanoseconds at stacks whose innermost function ends so.
fn at(profile: &Profile, function: &str) -> (i64, i64) {
    profile
        .stacks()
        .filter(|stack| stack.frames[0].function.ends_with(function))
        .fold((0, 0), |(count, delay), stack| {
            (count + stack.values[0], delay + stack.values[1])
        })
}

fn total(profile: &Profile) -> (i64, i64) {
    let of = |name| profile.total(name).expect("a type that it has");
    (of("contentions"), of("delay"))
}
