//! Right as well: the feed is parsed into borrowed names, and no tree is made.

use detectors::memory::give_back;
use serde::Deserialize;

/// What is read of a host.
#[derive(Deserialize)]
struct Host<'a> {
    host: Option<&'a str>,
}

/// The hosts that nobody may look up.
#[derive(Debug, Default)]
pub struct Blocklist {
    /// In order.
    names: Vec<String>,
}

impl Blocklist {
    /// Takes the feed's hosts in place of the older ones, and returns how many there are.
    pub fn refresh(&mut self, feed: &str) -> serde_json::Result<usize> {
        let hosts: Vec<Host<'_>> = serde_json::from_str(feed)?;
        let names = hosts.iter().filter_map(|host| host.host);
        self.names = names.map(str::to_owned).collect();
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
