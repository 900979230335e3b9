//! Not a solution: steady, because it remembers who is there and not where they redirect to. The checker must refuse it.

use std::collections::HashSet;

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

/// A customer's hosts, without their redirects.
#[derive(Default)]
pub struct Redirects {
    hosts: HashSet<Box<str>>,
}

impl Redirects {
    /// Reads lines of `FROM TO`.
    pub fn read(lines: &str) -> Self {
        let pairs = lines.lines().filter_map(|line| line.split_once(' '));
        let hosts = pairs.flat_map(|(from, to)| [Box::from(from), Box::from(to)]);
        Redirects {
            hosts: hosts.collect(),
        }
    }

    /// Every host that is known is its own end.
    pub fn end_of(&self, name: &str) -> End {
        match self.hosts.get(name) {
            Some(name) => End::At(name.to_string()),
            None => End::Unknown,
        }
    }

    /// How many hosts were read, as origin or as target.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }
}
