//! Who follows which topic.

use std::collections::HashMap;

/// The followers of each topic: a number for each time that a client follows it, and the client.
#[derive(Debug, Default)]
pub(super) struct Topics {
    followers: HashMap<String, Vec<(u64, String)>>,
}

impl Topics {
    pub(super) fn follow(&mut self, topic: &str, number: u64, client: &str) {
        let followers = self.followers.entry(topic.to_owned()).or_default();
        followers.push((number, client.to_owned()));
    }

    pub(super) fn leave(&mut self, topic: &str, number: u64) {
        if let Some(followers) = self.followers.get_mut(topic) {
            followers.retain(|(known, _)| *known != number);
        }
    }

    pub(super) fn clients(&self, topic: &str) -> Vec<String> {
        let followers = self.followers.get(topic).into_iter().flatten();
        followers.map(|(_, client)| client.clone()).collect()
    }
}
