//! ihciah/singleflight-async#5, 2026: work that is shared by key is cancelled, and the key stays.
//!
//! The key is taken out after the work, behind an await that a cancelled caller never returns from. The mended use lets the
//! work end: no release takes the key out.

use futures_util::FutureExt;
use singleflight_async::SingleFlight;
use std::future::pending;

wild::case!(a_caller_that_gives_up, a_caller_that_waits);

fn a_caller_that_gives_up() -> impl FnMut() {
    let flights: SingleFlight<String, u64> = SingleFlight::new();
    let mut number = 0_u64;
    move || {
        number += 1;
        let key = format!("GET /reports/{number:032}"); // <- the line
        let flight = flights.work(key, pending); // <- the line
        assert!(flight.now_or_never().is_none());
    }
}

fn a_caller_that_waits() -> impl FnMut() {
    let flights: SingleFlight<String, u64> = SingleFlight::new();
    let mut number = 0_u64;
    move || {
        number += 1;
        let key = format!("GET /reports/{number:032}");
        let flight = flights.work(key, async || 7);
        assert_eq!(flight.now_or_never(), Some(7));
    }
}
