//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::{REQUESTS_A_MINUTE, may_ask};
use detectors::{Class, Evidence, Watch};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::GlobalCaches, "may_ask");

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
    for number in 0..1_000 {
        may_ask(&format!("172.16.{number}"), 1_040);
    }
    assert!(
        !may_ask("10.0.0.1", 1_059),
        "a client beyond its limit is refused, however many came since"
    );
    assert!(
        may_ask("10.0.0.1", 1_060),
        "a minute later a client may ask again"
    );
}

/// A new client each second, four in each iteration.
pub fn memory() -> Evidence {
    static CLIENTS: AtomicU64 = AtomicU64::new(0);
    Watch::new("the limiter").run(|| {
        || {
            for _ in 0..4 {
                let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
                may_ask(&format!("client-{number:08}"), 10_000 + number);
            }
        }
    })
}
