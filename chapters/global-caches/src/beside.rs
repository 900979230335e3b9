//! Two more collections that are keyed by whatever comes in, each beside its mended twin.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

// ANCHOR: labels
/// Counts requests for the metrics page, by path.
#[derive(Debug, Default)]
pub struct Requests {
    by_path: HashMap<String, u64>,
}

impl Requests {
    /// The label is the path as it came: `/apex/shop.example`. Each apex makes a row of its own, for ever.
    pub fn count_by_path(&mut self, path: &str) {
        *self.by_path.entry(path.to_owned()).or_default() += 1;
    }

    /// The label is the route: as many rows as the program has routes.
    pub fn count_by_route(&mut self, path: &str) {
        let route = match path.split('/').nth(1) {
            Some("apex") => "/apex/{apex}",
            Some("host") => "/host/{host}",
            _ => "other",
        };
        if let Some(count) = self.by_path.get_mut(route) {
            *count += 1;
        } else {
            self.by_path.insert(route.to_owned(), 1);
        }
    }

    /// How many rows the page has.
    pub fn rows(&self) -> usize {
        self.by_path.len()
    }
}
// ANCHOR_END: labels

// ANCHOR: interner
/// Keeps each text once, for as long as somebody uses it.
#[derive(Debug, Default)]
pub struct Interner {
    texts: HashMap<String, Weak<str>>,
    prune_at: usize,
}

impl Interner {
    /// The one copy of a text. When its last user goes, the copy goes. The entry stays: key, hash and a dead `Weak`, and that
    /// one keeps the copy's block.
    pub fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text).and_then(Weak::upgrade) {
            return known;
        }
        let fresh: Arc<str> = Arc::from(text);
        self.texts.insert(text.to_owned(), Arc::downgrade(&fresh));
        fresh
    }

    /// The same. Whenever the entries have doubled, the dead ones go.
    pub fn intern_and_prune(&mut self, text: &str) -> Arc<str> {
        if self.texts.len() >= self.prune_at.max(16) {
            self.texts.retain(|_, weak| weak.strong_count() > 0);
            self.prune_at = 2 * self.texts.len();
        }
        self.intern(text)
    }

    /// How many entries there are, dead ones among them.
    pub fn entries(&self) -> usize {
        self.texts.len()
    }
}
// ANCHOR_END: interner
