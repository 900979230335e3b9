//! The bug: five ids are collected into a vector that keeps the room of two hundred certificates.
//! The scenario: the service takes customer after customer and remembers each one's ids.
//! The fix: collect into a boxed slice, which has no room to keep.

use detectors::{Class, Watch};
use retained_capacity::backend::CertificateLog;
use retained_capacity::beside::{BUFFERS, Pool};
use retained_capacity::{fixed, leaky};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        // A customer keeps 16 KiB: half the usual iterations, and the test needs half the memory.
        Watch::new("remember ids in a vector")
            .warm_up(25)
            .run(leaky::workload)
            .assert_leak(Class::RetainedCapacity, "leaky.rs");
    }

    fn fixed_is_steady() {
        Watch::new("remember ids in a boxed slice")
            .run(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn room_brought_back_fails_the_test() {
        Watch::new("remember ids in a boxed slice")
            .warm_up(25)
            .run(leaky::workload)
            .assert_steady();
    }

    /// A pool grows until each buffer has met a large request, and no further: wasteful, and no leak.
    fn a_pool_that_remembers_the_largest_request_fills_and_stops() {
        Watch::new("a pool without a cap")
            .run(|| {
                let mut pool = Pool::without_a_cap();
                let mut requests = 0;
                move || {
                    pool.serve(requests);
                    requests += BUFFERS;
                }
            })
            .assert_steady();
    }

    // ANCHOR: smallest
    /// The smallest detector: length and capacity, side by side.
    fn five_ids_have_room_for_two_thousand() {
        let mut warnings = leaky::Warnings::new();
        let answer = CertificateLog.certificates_of(0);
        warnings.refresh(0, &answer).expect("a valid answer");
        assert_eq!(warnings.of(0).len(), 5);
        assert_eq!(warnings.room_of(0), 2_048);
    }
    // ANCHOR_END: smallest

    /// Deleting the feature would be steady too.
    fn both_remember_the_same() {
        let (mut leaky, mut fixed) = (leaky::Warnings::new(), fixed::Warnings::new());
        for customer in 0..3 {
            let answer = CertificateLog.certificates_of(customer);
            assert_eq!(leaky.refresh(customer, &answer).expect("a valid answer"), 5);
            assert_eq!(fixed.refresh(customer, &answer).expect("a valid answer"), 5);
            assert_eq!(leaky.of(customer), fixed.of(customer));
        }
        assert_eq!(fixed.of(1), [200, 240, 280, 320, 360]);
        assert!(fixed.of(3).is_empty());
        assert_eq!(leaky.kept(), fixed.kept());
        assert!(fixed.refresh(3, "[{}]").is_err(), "not a certificate");
    }
}
