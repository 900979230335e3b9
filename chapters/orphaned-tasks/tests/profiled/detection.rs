//! The bug: a watcher is spawned for each request, and waits on a channel whose sender lives as long as the service.
//! The scenario: customer after customer opens a page and goes away.
//! The fix: the page owns its watcher, and ends it.

use detectors::{Class, Kind, Watch};
use orphaned_tasks::changes::{Change, Changes};
use orphaned_tasks::{fixed, leaky};

// ANCHOR: tests
detectors::tests! {
    fn leaky_is_caught_with_its_line() {
        Watch::new("watchers that are let go")
            .warm_up(8)
            .run_async(leaky::workload)
            .assert_leak_of(Class::OrphanedTasks, Kind::Tasks)
            .assert_leak(Class::OrphanedTasks, "leaky.rs");
    }

    fn fixed_is_steady() {
        Watch::new("watchers that are owned")
            .warm_up(8)
            .run_async(fixed::workload)
            .assert_steady();
    }
    // ANCHOR_END: tests

    /// What the regression test above says when the bug comes back.
    #[should_panic(expected = "expected steady, saw leak")]
    fn a_watcher_let_go_brought_back_fails_the_test() {
        Watch::new("watchers that are owned")
            .warm_up(8)
            .run_async(leaky::workload)
            .assert_steady();
    }

    /// Deleting the feature would be steady too.
    fn both_hear_of_a_change() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let changes = Changes::new();
            let mut leaky = leaky::Page::open("shop.example", &changes);
            let mut fixed = fixed::Page::open("shop.example", &changes);
            let other = Change { apex: "other.example".to_owned(), host: "www".to_owned() };
            let change = Change { apex: "shop.example".to_owned(), host: "www".to_owned() };
            changes.tell(other);
            changes.tell(change.clone());
            assert_eq!(leaky.next_change().await.as_ref(), Some(&change));
            assert_eq!(fixed.next_change().await.as_ref(), Some(&change));
        });
    }
}
