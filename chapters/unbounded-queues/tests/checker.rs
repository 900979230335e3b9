//! The checker of the exercise: what it must still do, and that it is steady. Used on the learner's file by
//! `tests/exercise.rs`, and on the author's by `tests/profiled/proof.rs`.

use super::exercise::{CUSTOMERS, Notifier};
use chapter::assert_holds_no_more;
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

    // Told, and changed again: customer 7 now waits shorter than 3 does.
    notifier.changed(7);
    notifier.changed(3);
    let first = notifier.next_mail().expect("two customers wait");
    notifier.changed(7);
    assert_eq!(first.customer, 7, "the longest waiting is told first");
    assert_eq!(
        rest_of(&mut notifier),
        [(3, 1), (7, 1)],
        "who was told, and changes again, waits behind those who still wait"
    );
    an_import_loses_nothing();
}

/// Many changes for each customer, and nobody is told before they are over.
fn an_import_loses_nothing() {
    let mut notifier = Notifier::new();
    let changes_of = |customer| 200 + customer * 10;
    for round in 0..changes_of(CUSTOMERS) {
        for customer in (0..CUSTOMERS).filter(|customer| round < changes_of(*customer)) {
            notifier.changed(customer);
        }
    }
    let mut told = BTreeMap::new();
    for (customer, changes) in rest_of(&mut notifier) {
        *told.entry(customer).or_default() += changes;
    }
    let changed: BTreeMap<u32, u32> = (0..CUSTOMERS).map(|c| (c, changes_of(c))).collect();
    assert_eq!(
        told, changed,
        "every customer is told of every change, after an import of many"
    );
}

/// Customers and changes of all mails that wait.
fn rest_of(notifier: &mut Notifier) -> Vec<(u32, u32)> {
    let mails = std::iter::from_fn(|| notifier.next_mail());
    mails.map(|mail| (mail.customer, mail.changes)).collect()
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

/// While the mail server takes no mail at all, what waits is bounded by the customers. When it takes all, nothing is left.
pub fn exactly() {
    let mut notifier = Notifier::new();
    let mut changes = 0;
    assert_holds_no_more("the notifier whose mails wait", 5_000, || {
        changes += 1;
        notifier.changed(changes * 7 % CUSTOMERS);
    });
    assert_holds_no_more("the notifier whose mails are taken", 5_000, || {
        changes += 1;
        notifier.changed(changes * 7 % CUSTOMERS);
        notifier.next_mail();
    });
}
