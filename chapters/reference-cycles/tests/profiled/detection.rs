//! The bug: a host owns its apex, which owns its hosts, so that no count ever reaches zero.
//! The scenario: the service looks up an apex with 20 hosts for each request, answers, and drops it.
//! The fix: the host's way back to its apex is `Weak`.

use detectors::{Class, Watch};
use reference_cycles::backend::{HOSTS_PER_APEX, SearchCluster};
use reference_cycles::{fixed, leaky};
use std::sync::Arc;

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        Watch::new("hosts own their apex")
            .run(leaky::workload)
            .assert_leak(Class::ReferenceCycles, "leaky.rs");
    }

    fn fixed_is_steady() {
        Watch::new("hosts know their apex")
            .run(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn an_owner_brought_back_fails_the_test() {
        Watch::new("hosts know their apex")
            .run(leaky::workload)
            .assert_steady();
    }

    // ANCHOR: smallest
    /// The smallest detector: a `Weak` of the test's own sees whether the apex is gone.
    fn the_apex_goes_with_its_last_user() {
        let apex = fixed::Apex::look_up(&SearchCluster, "shop.example");
        let seen = Arc::downgrade(&apex);
        drop(apex);
        assert_eq!(seen.strong_count(), 0, "nobody owns the apex any more");
    }
    // ANCHOR_END: smallest

    fn in_a_cycle_each_host_still_counts() {
        let apex = leaky::Apex::look_up(&SearchCluster, "shop.example");
        let seen = Arc::downgrade(&apex);
        drop(apex);
        assert_eq!(seen.strong_count(), HOSTS_PER_APEX);
    }

    /// Deleting the feature would be steady too.
    fn both_give_the_same_answer() {
        let leaky = leaky::Apex::look_up(&SearchCluster, "shop.example");
        let fixed = fixed::Apex::look_up(&SearchCluster, "shop.example");
        assert_eq!(leaky.answer(), fixed.answer());
        assert!(fixed.answer().starts_with("api.shop.example 192.0.2.1\n"));
        assert_eq!(fixed.answer().lines().count(), HOSTS_PER_APEX);
    }

    /// What the fix costs: a host that is kept for longer than its apex has lost its whole name.
    fn a_host_by_itself_knows_its_name_while_the_apex_lives() {
        let apex = fixed::Apex::look_up(&SearchCluster, "shop.example");
        let host = Arc::clone(&apex.hosts()[0]);
        assert_eq!(host.full_name().as_deref(), Some("api.shop.example"));
        drop(apex);
        assert_eq!(host.full_name(), None);
    }
}
