//! The same topic again and again: an entry that stays is used again, and nothing grows.

use super::notifier::Notifier;
use detectors::Watch;

detectors::tests! {
    fn clients_come_and_go() {
        Watch::new("follow").run(|| {
            let notifier = Notifier::new();
            move || drop(notifier.follow("anna", "example.org"))
        }).assert_steady();
    }

    fn what_is_acknowledged_is_gone() {
        Watch::new("acknowledge").run(|| {
            let notifier = Notifier::new();
            let follows = notifier.follow("anna", "example.org");
            move || {
                let _ = &follows;
                notifier.publish("example.org", "welcome", "text");
                for receipt in notifier.receipts("anna") {
                    notifier.acknowledge(receipt.number);
                }
            }
        }).assert_steady();
    }
}
