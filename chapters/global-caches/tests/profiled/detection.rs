//! The bug: every answer is kept in a static map.
//! The scenario: request after request, each for an apex that was never asked for.
//! The fix: the same map with bounds, in bytes and in time.

use detectors::{Class, Watch};
use global_caches::{fixed, leaky};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        Watch::new("answers for ever")
            .run(leaky::workload)
            .assert_leak(Class::GlobalCaches, "leaky.rs");
    }

    fn fixed_is_steady() {
        Watch::new("answers within bounds")
            .warm_up(200)
            .run(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn a_map_without_bounds_brought_back_fails_the_test() {
        Watch::new("answers within bounds")
            .run(leaky::workload)
            .assert_steady();
    }

    /// Deleting the feature would be steady too: both ask the cluster once for the same apex.
    fn both_remember_an_answer() {
        let (leaky_first, fixed_first) = (leaky::hosts("shop.example"), fixed::hosts("shop.example"));
        assert_eq!(leaky_first, fixed_first);
        let again = (leaky::hosts("shop.example"), fixed::hosts("shop.example"));
        assert!(std::sync::Arc::ptr_eq(&leaky_first, &again.0));
        assert!(std::sync::Arc::ptr_eq(&fixed_first, &again.1));
    }

    /// A cache that is told to hold 64 KiB holds about so many answers, however many came.
    fn the_bound_holds() {
        for _ in 0..2_000 {
            fixed::hosts(&global_caches::backend::next_apex());
        }
        let remembered = fixed::remembered();
        assert!((20..200).contains(&remembered), "{remembered}");
        let before = leaky::remembered();
        for _ in 0..2_000 {
            leaky::hosts(&global_caches::backend::next_apex());
        }
        assert_eq!(leaky::remembered() - before, 2_000);
    }
}
