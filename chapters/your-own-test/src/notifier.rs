//! Tells clients what happens in the topics that they follow.
//!
//! ```
//! use your_own_test::notifier::Notifier;
//!
//! let notifier = Notifier::new();
//! let follows = notifier.follow("anna", "example.org");
//! assert_eq!(notifier.publish("example.org", "welcome", "a host was added"), 1);
//! let receipts = notifier.receipts("anna");
//! assert_eq!(receipts[0].text, "<b>a host was added</b>");
//! assert!(notifier.acknowledge(receipts[0].number));
//! drop(follows);
//! assert_eq!(notifier.publish("example.org", "welcome", "nobody hears this"), 0);
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Receipts that wait for their acknowledgement, at most: the oldest go first.
pub const RECEIPTS_MAX: usize = 100_000;

/// Templates that are kept in their compiled form.
pub const TEMPLATES_MAX: usize = 64;

/// What a client was told, until the client acknowledges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Tells it from all others.
    pub number: u64,
    /// Who was told.
    pub client: String,
    /// What.
    pub text: String,
}

/// A template, compiled: what comes before the text, and what behind it.
#[derive(Debug)]
struct Template {
    before: String,
    behind: String,
}

#[derive(Debug, Default)]
struct State {
    /// Who follows each topic.
    followers: HashMap<String, Vec<(u64, String)>>,
    pending: HashMap<u64, Receipt>,
    /// The numbers of the receipts in their order, with whom each is for.
    order: VecDeque<(u64, String)>,
    templates: VecDeque<(String, Arc<Template>)>,
    last: u64,
}

/// The service. Its clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    state: Arc<Mutex<State>>,
}

/// A client follows a topic for as long as this lives.
#[derive(Debug)]
pub struct Follows {
    notifier: Notifier,
    topic: String,
    number: u64,
}

// ANCHOR: service
impl Notifier {
    /// A service that nobody follows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has the client told of what happens in a topic from now on.
    pub fn follow(&self, client: &str, topic: &str) -> Follows {
        let mut state = self.locked();
        let number = state.next();
        let followers = state.followers.entry(topic.to_owned()).or_default();
        followers.push((number, client.to_owned()));
        Follows {
            notifier: self.clone(),
            topic: topic.to_owned(),
            number,
        }
    }

    /// Tells all who follow the topic; returns how many. The template's `{}` stands for the text; `welcome` is one that is always there.
    pub fn publish(&self, topic: &str, template: &str, text: &str) -> usize {
        let mut state = self.locked();
        let template = state.template(template);
        let followers = state.followers.get(topic).cloned().unwrap_or_default();
        for (_, client) in &followers {
            let number = state.next();
            let receipt = Receipt {
                number,
                client: client.clone(),
                text: format!("{}{text}{}", template.before, template.behind),
            };
            state.pending.insert(number, receipt);
            state.order.push_back((number, client.clone()));
            while state.pending.len() > RECEIPTS_MAX {
                let Some((oldest, _)) = state.order.pop_front() else {
                    break;
                };
                state.pending.remove(&oldest);
            }
        }
        followers.len()
    }

    /// What a client hasn't acknowledged, oldest first.
    pub fn receipts(&self, client: &str) -> Vec<Receipt> {
        let state = self.locked();
        let of_client = state
            .pending
            .values()
            .filter(|receipt| receipt.client == client);
        let mut receipts: Vec<Receipt> = of_client.cloned().collect();
        receipts.sort_by_key(|receipt| receipt.number);
        receipts
    }

    /// A client has read it. Returns whether it was still there.
    pub fn acknowledge(&self, number: u64) -> bool {
        self.locked().pending.remove(&number).is_some()
    }
}
// ANCHOR_END: service

impl Notifier {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The template in its compiled form; the last ones are kept.
    fn template(&mut self, source: &str) -> Arc<Template> {
        if let Some((_, known)) = self.templates.iter().find(|(name, _)| name == source) {
            return Arc::clone(known);
        }
        let whole = if source == "welcome" {
            "<b>{}</b>"
        } else {
            source
        };
        let (before, behind) = whole.split_once("{}").unwrap_or((whole, ""));
        let template = Arc::new(Template {
            before: before.to_owned(),
            behind: behind.to_owned(),
        });
        if self.templates.len() == TEMPLATES_MAX {
            self.templates.pop_front();
        }
        let kept = (source.to_owned(), Arc::clone(&template));
        self.templates.push_back(kept);
        template
    }
}

impl Drop for Follows {
    fn drop(&mut self) {
        let mut state = self.notifier.locked();
        if let Some(followers) = state.followers.get_mut(&self.topic) {
            followers.retain(|(number, _)| *number != self.number);
        }
    }
}
