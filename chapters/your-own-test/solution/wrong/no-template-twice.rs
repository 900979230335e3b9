//! Takes a cache that fills for a leak: a bound on what may be live, lower than what the cache is for.

use super::notifier::Notifier;
use detectors::allocator::Scope;
use detectors::heap::Detail;

detectors::tests! {
    fn nothing_stays() {
        let notifier = Notifier::new();
        let scope = Scope::new(Detail::Counts).expect("one at a time");
        for number in 0..1_000 {
            let topic = format!("topic-{number:07}.example");
            let follows = notifier.follow("anna", &topic);
            notifier.publish(&topic, &format!("<i class=n{number:07}>{{}}</i>"), "text");
            for receipt in notifier.receipts("anna") {
                notifier.acknowledge(receipt.number);
            }
            drop(follows);
        }
        assert!(scope.read().bytes < 1_000, "{} bytes stay", scope.read().bytes);
    }
}
