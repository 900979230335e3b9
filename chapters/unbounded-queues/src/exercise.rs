//! EXERCISE: the notifier that never catches up.
//!
//! Customers are told of changed hosts by mail. The mail server takes one mail at a time, and a customer with many changes
//! is told of each. When a large import runs, mails pile up by the thousand, and most of them say the same as the next one.
//! In production the notifier grows until it is restarted, and with it all mails are lost.
//!
//! Your task: make it steady, and keep it working.
//!
//! ```text
//! cargo run -- check unbounded-queues     is it fixed? (also tells what is still wrong)
//! cargo run -- hint unbounded-queues      three hints, from a question to nearly the line
//! cargo run -- reset unbounded-queues     start over
//! ```
//!
//! You may change everything in this file but the names and arguments of the public functions.

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
    queue: Sender<Mail>,
    waiting: Receiver<Mail>,
}

impl Notifier {
    /// A notifier with nothing to tell.
    pub fn new() -> Self {
        let (queue, waiting) = channel();
        Notifier { queue, waiting }
    }

    /// A host of this customer has changed. Never waits: an import must not be slow because of mails.
    pub fn changed(&mut self, customer: u32) {
        let mail = Mail {
            customer,
            changes: 1,
        };
        // The receiver lives as long as the sender, so this can't fail.
        let _ = self.queue.send(mail);
    }

    /// The next mail to send; `None` when everybody has been told.
    pub fn next_mail(&mut self) -> Option<Mail> {
        self.waiting.try_recv().ok()
    }
}
