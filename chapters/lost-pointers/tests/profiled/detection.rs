//! The bug: each span's name is leaked, so that it can be `&'static str`.
//! The scenario: request after request, each for an apex that was never asked for.
//! The fix: the span owns its name.

use detectors::{Class, Watch};
use lost_pointers::{fixed, leaky};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        Watch::new("span names that live for ever")
            .run(leaky::workload)
            .assert_leak(Class::LostPointers, "leaky.rs");
    }

    fn fixed_is_steady() {
        Watch::new("span names that are owned")
            .run(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn a_leaked_name_brought_back_fails_the_test() {
        Watch::new("span names that are owned")
            .run(leaky::workload)
            .assert_steady();
    }

    /// Deleting the feature would be steady too.
    fn both_remember_the_last_lookups() {
        let (mut leaky, mut fixed) = (leaky::Trace::new(), fixed::Trace::new());
        for number in 0..100 {
            leaky.finish(&format!("apex-{number}"), 2);
            fixed.finish(&format!("apex-{number}"), 2);
        }
        assert!(leaky.names().eq(fixed.names()));
        assert_eq!(leaky.names().next(), Some("GET /apex/apex-36"));
        assert_eq!((leaky.hosts(), fixed.hosts()), (128, 128));
    }
}
