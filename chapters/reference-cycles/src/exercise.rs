//! EXERCISE: the redirects that outlive their report.
//!
//! For each customer the service reads where the customer's hosts redirect to, reports where a visitor ends, and drops
//! what it read. For most customers all memory comes back. For some of them a part stays, with each report again.
//!
//! Your task: make it steady, and keep it working.
//!
//! ```text
//! cargo run -- check reference-cycles     is it fixed? (also tells what is still wrong)
//! cargo run -- hint reference-cycles      three hints, from a question to nearly the line
//! cargo run -- reset reference-cycles     start over
//! ```
//!
//! You may change everything in this file but the names and arguments of the public functions, and `End`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

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
    target: OnceLock<Arc<Host>>,
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
            redirects.host(from).target.get_or_init(|| target);
        }
        redirects
    }

    /// Follows the redirects from a host to their end.
    pub fn end_of(&self, name: &str) -> End {
        let Some(mut host) = self.hosts.get(name) else {
            return End::Unknown;
        };
        // More steps than hosts: one of them was passed twice.
        for _ in 0..=self.hosts.len() {
            match host.target.get() {
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
