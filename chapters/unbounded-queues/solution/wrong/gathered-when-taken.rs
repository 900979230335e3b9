//! Not a solution: mails are gathered when one is taken, and until then they wait one by one.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};

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
    queue: Sender<u32>,
    waiting: Receiver<u32>,
}

impl Notifier {
    /// A notifier with nothing to tell.
    pub fn new() -> Self {
        let (queue, waiting) = channel();
        Notifier {
            queue,
            waiting,
            order: VecDeque::new(),
            changes: HashMap::new(),
        }
    }

    /// A host of this customer has changed.
    pub fn changed(&mut self, customer: u32) {
        let _ = self.queue.send(customer);
    }

    /// The next mail to send; `None` when everybody has been told.
    pub fn next_mail(&mut self) -> Option<Mail> {
        for customer in self.waiting.try_iter() {
            let changes = self.changes.entry(customer).or_default();
            if *changes == 0 {
                self.order.push_back(customer);
            }
            *changes += 1;
        }
        let customer = self.order.pop_front()?;
        let changes = self.changes.remove(&customer)?;
        Some(Mail { customer, changes })
    }
}
