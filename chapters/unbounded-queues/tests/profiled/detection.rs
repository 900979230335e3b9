//! The bug: a queue without a bound, and a writer that is slower than what comes.
//! The scenario: turn after turn of the service, eight lookups and six written records each.
//! The fix: a bound, and whoever is faster waits.

use detectors::{Class, Watch};
use unbounded_queues::{fixed, leaky};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        Watch::new("a queue for whatever comes")
            .run_async(leaky::workload)
            .assert_leak(Class::UnboundedQueues, "leaky.rs");
    }

    fn fixed_is_steady() {
        Watch::new("a queue with a bound")
            .run_async(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn a_queue_without_bound_brought_back_fails_the_test() {
        Watch::new("a queue with a bound")
            .run_async(leaky::workload)
            .assert_steady();
    }

    /// Deleting the feature would be steady too: both write every record in the end, and the bounded one waits.
    fn both_write_every_record() {
        let mut leaky = leaky::Audit::new();
        (0..200).for_each(|number| leaky.note(number));
        assert_eq!(leaky.waiting(), 200);
        while leaky.waiting() > 0 {
            leaky.write_batch();
        }
        assert_eq!(leaky.written(), 200);

        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut fixed = fixed::Audit::new();
            for number in 0..200 {
                fixed.note(number).await;
                assert!(fixed.waiting() <= fixed::WAITING_MAX);
            }
            assert!(fixed.waits() > 0, "a lookup waited");
            while fixed.waiting() > 0 {
                fixed.write_batch().await;
            }
            assert_eq!(fixed.written(), 200);
        });
    }
}
