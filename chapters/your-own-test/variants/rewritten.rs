//! The same service, written anew: other collections, other bounds inside, and nothing that stays.

pub use super::receipts::Receipt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard, PoisonError};

/// Receipts that wait for their acknowledgement, at most: the oldest go first.
pub const RECEIPTS_MAX: usize = 100_000;

/// Templates that are kept.
pub const TEMPLATES_MAX: usize = 64;

#[derive(Debug, Default)]
struct Inside {
    /// Topic and number, with the client.
    follows: BTreeMap<(String, u64), String>,
    receipts: BTreeMap<u64, Receipt>,
    by_client: BTreeSet<(String, u64)>,
    /// What was used last, by when.
    templates: BTreeMap<String, (u64, [String; 2])>,
    clock: u64,
}

/// The service. Its clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    inside: Arc<RwLock<Inside>>,
}

/// A client follows a topic for as long as this lives.
#[derive(Debug)]
pub struct Follows {
    notifier: Notifier,
    key: (String, u64),
}

impl Notifier {
    /// A service that nobody follows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has the client told of what happens in a topic from now on.
    pub fn follow(&self, client: &str, topic: &str) -> Follows {
        let mut inside = self.write();
        let key = (topic.to_owned(), inside.tick());
        inside.follows.insert(key.clone(), client.to_owned());
        Follows {
            notifier: self.clone(),
            key,
        }
    }

    /// Tells all who follow the topic; returns how many.
    pub fn publish(&self, topic: &str, template: &str, text: &str) -> usize {
        let mut inside = self.write();
        let [before, behind] = inside.template(template);
        let of_topic = (topic.to_owned(), 0)..=(topic.to_owned(), u64::MAX);
        let clients: Vec<String> = inside.follows.range(of_topic).map(|(_, client)| client.clone()).collect();
        for client in &clients {
            let number = inside.tick();
            inside.by_client.insert((client.clone(), number));
            let receipt = Receipt {
                number,
                client: client.clone(),
                text: [before.as_str(), text, &behind].concat(),
            };
            inside.receipts.insert(number, receipt);
        }
        while inside.receipts.len() > RECEIPTS_MAX {
            let oldest = inside.receipts.first_key_value().map(|(number, _)| *number);
            oldest.is_some_and(|oldest| inside.forget(oldest));
        }
        clients.len()
    }

    /// What a client hasn't acknowledged, oldest first.
    pub fn receipts(&self, client: &str) -> Vec<Receipt> {
        let inside = self.read();
        let of_client = (client.to_owned(), 0)..=(client.to_owned(), u64::MAX);
        let numbers = inside.by_client.range(of_client);
        numbers.filter_map(|(_, number)| inside.receipts.get(number).cloned()).collect()
    }

    /// A client has read it. Returns whether it was still there.
    pub fn acknowledge(&self, number: u64) -> bool {
        self.write().forget(number)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inside> {
        self.inside.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inside> {
        self.inside.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn forget(&mut self, number: u64) -> bool {
        let Some(receipt) = self.receipts.remove(&number) else {
            return false;
        };
        self.by_client.remove(&(receipt.client, number))
    }

    /// The two halves of a template. Of those that are kept, the one that was used longest ago makes room.
    fn template(&mut self, source: &str) -> [String; 2] {
        let now = self.tick();
        if let Some((used, halves)) = self.templates.get_mut(source) {
            *used = now;
            return halves.clone();
        }
        let whole = if source == "welcome" { "<b>{}</b>" } else { source };
        let (before, behind) = whole.split_once("{}").unwrap_or((whole, ""));
        let halves = [before.to_owned(), behind.to_owned()];
        if self.templates.len() == TEMPLATES_MAX {
            let oldest = self.templates.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.templates.remove(&oldest);
            }
        }
        self.templates.insert(source.to_owned(), (now, halves.clone()));
        halves
    }
}

impl Drop for Follows {
    fn drop(&mut self) {
        self.notifier.write().follows.remove(&self.key);
    }
}
