//! Each part of the service in a loop as its clients use it, with names that don't come again.

use super::notifier::Notifier;
use detectors::Watch;

detectors::tests! {
    fn clients_that_come_and_go_leave_nothing() {
        Watch::new("a client follows a topic of its own").run(|| {
            let notifier = Notifier::new();
            let mut number = 0;
            move || {
                number += 1;
                let topic = format!("topic-{number:07}.example");
                drop(notifier.follow("anna", &topic));
            }
        }).assert_steady();
    }

    fn what_is_acknowledged_is_gone() {
        Watch::new("a client is told, and acknowledges").run(|| {
            let notifier = Notifier::new();
            let follows = notifier.follow("anna", "example.org");
            move || {
                let _ = &follows;
                notifier.publish("example.org", "welcome", "a host was added");
                for receipt in notifier.receipts("anna") {
                    assert!(notifier.acknowledge(receipt.number));
                }
            }
        }).assert_steady();
    }

    /// The cache is full after 64 templates, and the warm-up goes on for longer.
    fn templates_are_bounded() {
        Watch::new("each message has a template of its own").warm_up(100).run(|| {
            let notifier = Notifier::new();
            let mut number = 0;
            move || {
                number += 1;
                notifier.publish("example.org", &format!("<i class=n{number:07}>{{}}</i>"), "text");
            }
        }).assert_steady();
    }
}
