//! The bug that is none: a night's feed is parsed and dropped, and the process keeps ten times what is live.
//! The scenario: requests, and a night between some of them.
//! The fix: ask the allocator when the night is over.

use allocator_retention::feed::Night;
use allocator_retention::{NIGHT_BYTES, fixed, leaky};
use detectors::Watch;
use detectors::memory::RetentionKind;

// ANCHOR: tests
detectors::tests! {
    fn what_stays_is_found_and_named() {
        Watch::new("left to the allocator")
            .warm_up(8)
            .pressure_from(NIGHT_BYTES)
            .run(leaky::workload)
            .assert_retention(RetentionKind::ByAllocator);
    }

    fn asked_back_it_is_steady() {
        Watch::new("asked back")
            .warm_up(8)
            .pressure_from(NIGHT_BYTES)
            .run(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when nobody asks any more.
    #[should_panic(expected = "expected steady, saw retention")]
    fn leaving_it_brought_back_fails_the_test() {
        Watch::new("asked back")
            .warm_up(8)
            .pressure_from(NIGHT_BYTES)
            .run(leaky::workload)
            .assert_steady();
    }

    /// Reading nothing would be steady too.
    fn both_keep_the_same() {
        let kept = leaky::refresh(Night::SHORT).expect("the feed is JSON");
        assert_eq!(kept.len(), Night::SHORT.workers * Night::SHORT.batches);
        assert!(kept.iter().all(|seen| seen.seen > 900_000 && seen.host.ends_with(".example")));
        assert_eq!(kept, fixed::refresh(Night::SHORT).expect("the feed is JSON"));
    }
}
