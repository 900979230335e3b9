//! The bug: ids remembered as slices of their page keep every page alive.
//! The scenario: the service polls page after page, 20 ids each, and remembers the last 100,000.
//! The fix: copy the sixteen bytes.

use detectors::{Class, Watch};
use retained_subslices::backend::{ID_BYTES, SearchCluster};
use retained_subslices::{fixed, leaky};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        Watch::new("remember ids as slices")
            .run(leaky::workload)
            .assert_leak(Class::RetainedSubslices, "leaky.rs");
    }

    fn fixed_is_steady() {
        Watch::new("remember ids as copies")
            .run(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[alone]
    #[should_panic(expected = "expected steady, saw leak")]
    fn a_slice_brought_back_fails_the_test() {
        Watch::new("remember ids as copies")
            .run(leaky::workload)
            .assert_steady();
    }

    /// Deleting the feature would be steady too.
    fn both_remember_what_they_saw() {
        let (mut cluster, mut same_cluster) = (SearchCluster::default(), SearchCluster::default());
        let (mut leaky, mut fixed) = (leaky::SeenIds::new(), fixed::SeenIds::new());
        for _ in 0..3 {
            assert_eq!(leaky.refresh(&mut cluster).expect("valid page"), 20);
            assert_eq!(fixed.refresh(&mut same_cluster).expect("valid page"), 20);
        }
        let first_id = "0".repeat(ID_BYTES);
        assert!(leaky.contains(&first_id) && fixed.contains(&first_id));
        assert!(!leaky.contains("never seen") && !fixed.contains("never seen"));
        assert_eq!(leaky.kept(), fixed.kept());

        let (mut again, mut again_too) = (SearchCluster::default(), SearchCluster::default());
        assert_eq!(leaky.refresh(&mut again).expect("valid page"), 0);
        assert_eq!(fixed.refresh(&mut again_too).expect("valid page"), 0);
    }
}
