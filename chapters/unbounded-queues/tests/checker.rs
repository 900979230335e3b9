//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's three by `tests/profiled/proof.rs`.

use super::exercise::{CUSTOMERS, Notifier};
use detectors::{Class, Evidence, Watch};
use std::collections::BTreeMap;

/// What the exercise as shipped must be accused of.
#[allow(dead_code, reason = "the learner's check doesn't need it")]
pub const AS_SHIPPED: (Class, &str) = (Class::UnboundedQueues, "Notifier::changed");

/// Every customer is told of every change, the longest waiting first.
pub fn behaviour() {
    let mut notifier = Notifier::new();
    assert!(notifier.next_mail().is_none(), "nothing has changed yet");
    for customer in [7, 3, 7, 9, 7, 3] {
        notifier.changed(customer);
    }
    let mut told: BTreeMap<u32, u32> = BTreeMap::new();
    let mut order = Vec::new();
    while let Some(mail) = notifier.next_mail() {
        *told.entry(mail.customer).or_default() += mail.changes;
        if !order.contains(&mail.customer) {
            order.push(mail.customer);
        }
    }
    assert_eq!(
        told,
        BTreeMap::from([(3, 2), (7, 3), (9, 1)]),
        "every customer is told of every change"
    );
    assert_eq!(order, [7, 3, 9], "the longest waiting is told first");
    notifier.changed(3);
    let mail = notifier.next_mail().expect("a change after all were told");
    assert_eq!(
        (mail.customer, mail.changes),
        (3, 1),
        "every customer is told of every change, and of none twice"
    );
}

/// An import: ten changes come while one mail is sent.
pub fn memory() -> Evidence {
    Watch::new("the notifier").run(|| {
        let mut notifier = Notifier::new();
        let mut changes = 0;
        move || {
            for _ in 0..10 {
                changes += 1;
                notifier.changed(changes * 7 % CUSTOMERS);
            }
            notifier.next_mail();
        }
    })
}
