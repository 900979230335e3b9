//! Not a solution: hosts are shared between customers, by name.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Where a visitor ends.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// At this host, which redirects no further.
    At(String),
    /// Nowhere: the redirects go round.
    Loop,
    /// The report doesn't know the host.
    Unknown,
}

static HOSTS: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// A customer's hosts.
#[derive(Default)]
pub struct Redirects {
    names: std::collections::HashSet<String>,
}

impl Redirects {
    /// Reads lines of `FROM TO`.
    pub fn read(lines: &str) -> Self {
        let mut all = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
        let mut redirects = Redirects::default();
        for (from, to) in lines.lines().filter_map(|line| line.split_once(' ')) {
            redirects.names.extend([from.to_owned(), to.to_owned()]);
            all.entry(from.to_owned()).or_insert_with(|| to.to_owned());
        }
        redirects
    }

    /// Follows the redirects from a host to their end.
    pub fn end_of(&self, name: &str) -> End {
        let all = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.names.contains(name) {
            return End::Unknown;
        }
        let mut host = name;
        for _ in 0..=self.names.len() {
            match all.get(host) {
                Some(target) => host = target,
                None => return End::At(host.to_owned()),
            }
        }
        End::Loop
    }

    /// How many hosts were read, as origin or as target.
    pub fn len(&self) -> usize {
        self.names.len()
    }
}

impl Drop for Redirects {
    fn drop(&mut self) {
        let mut all = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.names {
            all.remove(name);
        }
    }
}
