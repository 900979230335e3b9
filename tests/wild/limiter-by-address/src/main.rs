//! boinkor-net/governor#171, 2023, and librefang/librefang#3668, 2026: a rate limiter that has a state for each address which ever asked.
//!
//! A limiter by key keeps each key until `retain_recent` is called, and nothing calls it. The mended use does, as the advice
//! in the report is.

use governor::{Quota, RateLimiter};
use std::net::Ipv4Addr;
use std::num::NonZeroU32;

wild::case!(every_request_is_limited, and_the_old_are_forgotten);

fn every_request_is_limited() -> impl FnMut() {
    let limiter = RateLimiter::keyed(quota());
    let mut address = 0_u32;
    move || {
        for _ in 0..10 {
            address += 1;
            let allowed = limiter.check_key(&Ipv4Addr::from(address)); // <- the line
            assert!(allowed.is_ok());
        }
    }
}

fn and_the_old_are_forgotten() -> impl FnMut() {
    let limiter = RateLimiter::keyed(quota());
    let mut address = 0_u32;
    move || {
        for _ in 0..10 {
            address += 1;
            let allowed = limiter.check_key(&Ipv4Addr::from(address));
            assert!(allowed.is_ok());
        }
        limiter.retain_recent();
    }
}

/// Fast enough that a key is forgotten a microsecond later, where a service would say a second.
fn quota() -> Quota {
    Quota::per_second(NonZeroU32::new(1_000_000).expect("it isn't zero"))
}
