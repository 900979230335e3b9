//! Not a solution: a customer keeps the place of its first mail, also when it was told since.

use std::collections::{HashMap, VecDeque};

/// How many customers there are at most.
pub const CUSTOMERS: u32 = 100;

/// A mail to one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub customer: u32,
    /// How many hosts have changed since the last mail to this customer.
    pub changes: u32,
}

/// Tells customers of changes.
pub struct Notifier {
    /// Customers with a mail to send, the longest waiting first: each once.
    order: VecDeque<u32>,
    changes: HashMap<u32, u32>,
}

impl Notifier {
    /// A notifier with nothing to tell.
    pub fn new() -> Self {
        Notifier {
            order: VecDeque::new(),
            changes: HashMap::new(),
        }
    }

    /// A host of this customer has changed.
    pub fn changed(&mut self, customer: u32) {
        let changes = self.changes.entry(customer).or_default();
        if *changes == 0 && !self.order.contains(&customer) {
            self.order.push_back(customer);
        }
        *changes += 1;
    }

    /// The next mail to send; `None` when everybody has been told.
    pub fn next_mail(&mut self) -> Option<Mail> {
        let has_changes = |customer: &&u32| self.changes.contains_key(*customer);
        let customer = *self.order.iter().find(has_changes)?;
        let changes = self.changes.remove(&customer)?;
        Some(Mail { customer, changes })
    }
}
