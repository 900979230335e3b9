//! A small service: it greets clients and remembers whom it has seen.

use std::collections::VecDeque;

/// How many visits are remembered.
const VISITS_MAX: usize = 20;

#[derive(Default)]
pub struct Service {
    visits: VecDeque<String>,
    audit: Vec<String>,
}

impl Service {
    /// Remembers the last visits.
    pub fn greet(&mut self, client: &str) -> String {
        if self.visits.len() == VISITS_MAX {
            self.visits.pop_front();
        }
        self.visits.push_back(client.to_owned());
        format!("welcome, {client}")
    }

    /// The bug: an entry for each visit, and nobody removes any.
    pub fn greet_with_audit(&mut self, client: &str) -> String {
        self.audit.push(format!("greeted {client}"));
        self.greet(client)
    }
}

/// A client of a fresh service, without a network between them: each call is a visit.
pub fn client(name: &str) -> impl FnMut() {
    let mut service = Service::default();
    move || assert!(service.greet(name).ends_with(name))
}
