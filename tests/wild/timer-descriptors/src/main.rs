//! nix-rust/nix#1379, 2021: a timer is dropped, and its descriptor stays open.
//!
//! `TimerFd` held the number of a descriptor and had no `Drop`.

use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

wild::case!(a_timer_for_each_request);

fn a_timer_for_each_request() -> impl FnMut() {
    || {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty()); // <- the line
        assert!(timer.is_ok(), "descriptors enough");
    }
}
