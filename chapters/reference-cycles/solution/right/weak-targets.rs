//! Right as well: a redirect knows its target and doesn't own it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

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

/// A host, and where it redirects to.
struct Host {
    name: Box<str>,
    target: OnceLock<Weak<Host>>,
}

/// A customer's hosts by name.
#[derive(Default)]
pub struct Redirects {
    hosts: HashMap<Box<str>, Arc<Host>>,
}

impl Redirects {
    /// Reads lines of `FROM TO`. Where a host redirects twice, the first line counts; a line without a target is skipped.
    pub fn read(lines: &str) -> Self {
        let mut redirects = Redirects::default();
        for (from, to) in lines.lines().filter_map(|line| line.split_once(' ')) {
            let target = redirects.host(to);
            let target = Arc::downgrade(&target);
            redirects.host(from).target.get_or_init(|| target);
        }
        redirects
    }

    /// Follows the redirects from a host to their end.
    pub fn end_of(&self, name: &str) -> End {
        let Some(mut host) = self.hosts.get(name).cloned() else {
            return End::Unknown;
        };
        // More steps than hosts: one of them was passed twice.
        for _ in 0..=self.hosts.len() {
            match host.target.get().and_then(Weak::upgrade) {
                Some(target) => host = target,
                None => return End::At(host.name.to_string()),
            }
        }
        End::Loop
    }

    /// How many hosts were read, as origin or as target.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    fn host(&mut self, name: &str) -> Arc<Host> {
        let host = self.hosts.entry(Box::from(name)).or_insert_with(|| {
            Arc::new(Host {
                name: Box::from(name),
                target: OnceLock::new(),
            })
        });
        Arc::clone(host)
    }
}
