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

pub use super::receipts::Receipt;
use super::receipts::Receipts;
use super::topics::Topics;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Templates that are kept in their compiled form.
const TEMPLATES_MAX: usize = 64;

/// A template, compiled: what comes before the text, and what behind it.
#[derive(Debug)]
struct Template {
    before: String,
    behind: String,
}

#[derive(Debug, Default)]
struct State {
    topics: Topics,
    receipts: Receipts,
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
        state.topics.follow(topic, number, client);
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
        let clients = state.topics.clients(topic);
        let told = clients.len();
        for client in clients {
            let number = state.next();
            state.receipts.add(Receipt {
                number,
                client,
                text: format!("{}{text}{}", template.before, template.behind),
            });
        }
        told
    }

    /// What a client hasn't acknowledged, oldest first.
    pub fn receipts(&self, client: &str) -> Vec<Receipt> {
        self.locked().receipts.of(client)
    }

    /// A client has read it. Returns whether it was still there.
    pub fn acknowledge(&self, number: u64) -> bool {
        self.locked().receipts.remove(number)
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
        state.topics.leave(&self.topic, self.number);
    }
}
