//! EXERCISE: the blocklist.
//!
//! Every night the service reads a feed of blocked hosts. It keeps their names and drops all else that the feed says of them.
//! After the incident somebody read about `malloc_trim`, and the last line of `refresh` asks the allocator for what it can give.
//! It hasn't helped: a megabyte of names is live, and the process stays at a hundred.
//!
//! Your task: make what was freed go back, and keep it working.
//!
//! ```text
//! cargo run -- check allocator-retention     is it fixed? (also tells what is still wrong)
//! cargo run -- hint allocator-retention      three hints, from a question to nearly the line
//! cargo run -- reset allocator-retention     start over
//! ```
//!
//! You may change everything in this file but the names and arguments of the public functions.

use detectors::memory::give_back;
use serde_json::Value;

/// The hosts that nobody may look up.
#[derive(Debug, Default)]
pub struct Blocklist {
    /// In order.
    names: Vec<String>,
}

impl Blocklist {
    /// Takes the feed's hosts in place of the older ones, and returns how many there are.
    pub fn refresh(&mut self, feed: &str) -> serde_json::Result<usize> {
        let mut hosts: Vec<Value> = serde_json::from_str(feed)?;
        let names = hosts.iter_mut().filter_map(|host| {
            match host.get_mut("host").map(Value::take) {
                // No copy is needed: the tree goes anyway.
                Some(Value::String(name)) => Some(name),
                _ => None,
            }
        });
        self.names = names.collect();
        drop(hosts);
        self.names.sort();
        give_back();
        Ok(self.names.len())
    }

    /// Whether a host is blocked.
    pub fn is_blocked(&self, host: &str) -> bool {
        self.names
            .binary_search_by(|name| name.as_str().cmp(host))
            .is_ok()
    }
}
