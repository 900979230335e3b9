//! The incident's figures, by the kernel and the counting allocator: what is resident, what is live, and what asking gives.

use allocator_retention::feed::{self, Night};
use allocator_retention::leaky;
use detectors::memory::{give_back, resident};
use std::hint::black_box;

const MB: u64 = 1_000_000;

fn resident_now() -> u64 {
    resident().expect("Linux tells").resident
}

/// A night, another one, and then it is asked back.
#[track_caller]
fn night_after_night(night: Night, resident_min: u64) {
    let answers = feed::answers();
    let latest = leaky::refresh(night).expect("the feed is JSON");
    let (first, live) = (resident_now(), detectors::allocator::stats().live_bytes);
    let again = leaky::refresh(night).expect("the feed is JSON");
    let second = resident_now();
    give_back();
    let after = resident_now();
    println!(
        "resident {} MB after a night, {} MB after another, {} MB when asked back; live {:.1} MB",
        first / MB,
        second / MB,
        after / MB,
        live as f64 / 1e6
    );
    assert!(first >= resident_min, "{first}");
    assert!(live <= 8 * MB, "{live}");
    // The second night finds the pages of the first.
    assert!(second <= first + first / 4, "{second} after {first}");
    assert!(after <= 30 * MB, "{after}");
    black_box((answers, latest, again));
}

detectors::tests! {
    #[deadline(seconds = 120)]
    fn a_short_night() {
        night_after_night(Night::SHORT, 80 * MB);
    }

    #[ignore = "some 20 s: .ci/soak runs it"]
    #[deadline(seconds = 300)]
    fn a_night_as_large_as_the_incidents() {
        night_after_night(Night::WHOLE, 350 * MB);
    }
}
