//! Right as well: the mails lie in a list, and each change looks for its customer's.

use std::collections::VecDeque;

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
    mails: VecDeque<Mail>,
}

impl Notifier {
    /// A notifier with nothing to tell.
    pub fn new() -> Self {
        Notifier {
            mails: VecDeque::new(),
        }
    }

    /// A host of this customer has changed.
    pub fn changed(&mut self, customer: u32) {
        match self.mails.iter_mut().find(|mail| mail.customer == customer) {
            Some(mail) => mail.changes += 1,
            None => self.mails.push_back(Mail {
                customer,
                changes: 1,
            }),
        }
    }

    /// The next mail to send; `None` when everybody has been told.
    pub fn next_mail(&mut self) -> Option<Mail> {
        self.mails.pop_front()
    }
}
