//! The bug: each exported file is put on a list that is closed at shutdown.
//! The scenario: request after request for an export, by a service that lives on.
//! The fix: the file closes where its scope ends.

use deferred_cleanup::{fixed, leaky};
use detectors::{Class, Kind, Watch};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_by_its_descriptors() {
        let evidence = Watch::new("close at shutdown")
            .warm_up(8)
            .run(leaky::workload);
        evidence.assert_leak_of(Class::DeferredCleanup, Kind::Descriptors);
    }

    fn fixed_is_steady() {
        Watch::new("close at the end of the scope")
            .warm_up(8)
            .run(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn a_list_for_shutdown_brought_back_fails_the_test() {
        Watch::new("close at the end of the scope")
            .warm_up(8)
            .run(leaky::workload)
            .assert_steady();
    }

    /// Deleting the feature would be steady too.
    fn both_write_the_same_file() {
        let mut leaky = leaky::Exporter::new().expect("a folder");
        let mut fixed = fixed::Exporter::new().expect("a folder");
        let hosts = ["www", "mail"];
        let length = leaky.export("shop.example", &hosts).expect("a file");
        assert_eq!(length, fixed.export("shop.example", &hosts).expect("a file"));
        assert_eq!(length, "www.shop.example\nmail.shop.example\n".len() as u64);
    }
}
