//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::{REQUESTS_A_MINUTE, may_ask};
use chapter::assert_holds_no_more;
use detectors::{Class, Evidence, Watch};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::GlobalCaches, "may_ask");

/// How many clients come within one minute: a scan of a network.
const SCAN: u32 = 10_000;

/// A client has its requests a minute, whatever others do, and gets them again a minute later.
pub fn behaviour() {
    for request in 0..REQUESTS_A_MINUTE {
        assert!(
            may_ask("10.0.0.1", 1_000),
            "request {request} of the minute is within the limit"
        );
    }
    assert!(
        !may_ask("10.0.0.1", 1_030),
        "a client beyond its limit is refused"
    );
    assert!(may_ask("10.0.0.2", 1_030), "another client isn't");
    every_client_of_a_scan_is_limited();
    assert!(
        !may_ask("10.0.0.1", 1_059),
        "a client beyond its limit is refused, however many came since"
    );
    assert!(
        may_ask("10.0.0.1", 1_060),
        "a minute later a client may ask again"
    );
    assert!(
        !may_ask(&scanning(1), 1_062),
        "a client's minute begins with its own first request: the minute of another doesn't end it"
    );
    assert!(
        may_ask(&scanning(1), 1_100),
        "a minute later a client may ask again"
    );
}

/// The first of many clients is limited as the last is, and none by what another did.
fn every_client_of_a_scan_is_limited() {
    for client in 0..SCAN {
        // Some of them go to their limit.
        let requests = if client % 200 < 2 {
            REQUESTS_A_MINUTE
        } else {
            1
        };
        for _ in 0..requests {
            assert!(
                may_ask(&scanning(client), 1_040),
                "a client within its limit may ask, whatever {client} others did"
            );
        }
    }
    for client in (0..SCAN).filter(|client| client % 200 < 2) {
        assert!(
            !may_ask(&scanning(client), 1_050),
            "client {client} of {SCAN} in a minute has a limit too"
        );
    }
}

fn scanning(client: u32) -> String {
    format!("172.16.{client}")
}

/// A new client each second, four in each iteration. Every fourth goes beyond its limit.
pub fn memory() -> Evidence {
    static CLIENTS: AtomicU64 = AtomicU64::new(0);
    Watch::new("the limiter").run(|| {
        || {
            for _ in 0..4 {
                let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
                ask_as(number);
            }
        }
    })
}

fn ask_as(number: u64) {
    let client = format!("client-{number:08}");
    let requests = if number.is_multiple_of(4) {
        REQUESTS_A_MINUTE + 1
    } else {
        1
    };
    for _ in 0..requests {
        may_ask(&client, 10_000 + number);
    }
}

/// What the limiter keeps is a minute's clients, to the byte.
pub fn exactly() {
    let mut second = 1_000_000;
    assert_holds_no_more("the limiter", 3_000, || {
        may_ask(&format!("client-{second:08}"), second);
        second += 1;
    });
}
