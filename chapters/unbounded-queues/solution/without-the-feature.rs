//! Steady, and useless: customers are told of nothing but the last change.

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
    last: Option<Mail>,
}

impl Notifier {
    /// A notifier with nothing to tell.
    pub fn new() -> Self {
        Notifier { last: None }
    }

    /// A host of this customer has changed.
    pub fn changed(&mut self, customer: u32) {
        self.last = Some(Mail {
            customer,
            changes: 1,
        });
    }

    /// The next mail to send; `None` when everybody has been told.
    pub fn next_mail(&mut self) -> Option<Mail> {
        self.last.take()
    }
}
