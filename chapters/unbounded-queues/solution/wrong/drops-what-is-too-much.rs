//! Not a solution: a channel with a bound: what finds no room is dropped.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

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
    queue: SyncSender<Mail>,
    waiting: Receiver<Mail>,
}

impl Notifier {
    /// A notifier with nothing to tell.
    pub fn new() -> Self {
        let (queue, waiting) = sync_channel(1_000);
        Notifier { queue, waiting }
    }

    /// A host of this customer has changed. Never waits: an import must not be slow because of mails.
    pub fn changed(&mut self, customer: u32) {
        let mail = Mail {
            customer,
            changes: 1,
        };
        let _ = self.queue.try_send(mail);
    }

    /// The next mail to send; `None` when everybody has been told.
    pub fn next_mail(&mut self) -> Option<Mail> {
        self.waiting.try_recv().ok()
    }
}
