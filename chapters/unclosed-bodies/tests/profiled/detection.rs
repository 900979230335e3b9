//! The bug: the prober keeps the response of each host that isn't well, to report it later.
//! The scenario: host after host that isn't well.
//! The fix: read the body in scope, and keep what the report needs by copy.

use detectors::{Class, Kind, Watch};
use unclosed_bodies::backend::Backend;
use unclosed_bodies::{fixed, leaky};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        Watch::new("responses kept for the report")
            .warm_up(8)
            .windows(3)
            .run_async(leaky::workload)
            .assert_leak_of(Class::UnclosedBodies, Kind::Sockets)
            .assert_leak(Class::UnclosedBodies, "leaky.rs");
    }

    fn fixed_is_steady() {
        Watch::new("responses read in scope")
            .warm_up(8)
            .windows(4)
            .run_async(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn a_response_kept_brought_back_fails_the_test() {
        Watch::new("responses read in scope")
            .warm_up(8)
            .windows(3)
            .run_async(leaky::workload)
            .assert_steady();
    }

    /// Deleting the feature would be steady too; and only one of the two uses its connection again.
    fn both_report_what_they_saw() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (for_leaky, for_fixed) = (Backend::start(), Backend::start());
            let (mut leaky, mut fixed) = (leaky::Prober::new(), fixed::Prober::new());
            for is_well in [true, false, false, true] {
                let asked = leaky.probe(&for_leaky.url(is_well)).await;
                assert_eq!(asked.expect("an answer"), is_well);
                let asked = fixed.probe(&for_fixed.url(is_well)).await;
                assert_eq!(asked.expect("an answer"), is_well);
            }
            assert_eq!((leaky.failures(), fixed.failures()), (2, 2));
            assert_eq!(for_fixed.accepted(), 1, "one connection for all");
            assert!(for_leaky.accepted() >= 3, "one for each body that is held, and one more");
            assert_eq!(leaky.report().await, fixed.report());
        });
    }
}
