//! Not a solution: one arena for all customers, emptied when the next is read.

use std::collections::HashMap;

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

/// A host, and the number of the host that it redirects to.
struct Host {
    name: Box<str>,
    target: Option<usize>,
}

/// A customer's hosts, and their numbers by name.
#[derive(Default)]
pub struct Redirects {
    hosts: Vec<Host>,
    numbers: HashMap<Box<str>, usize>,
}

impl Redirects {
    /// Reads lines of `FROM TO`. Where a host redirects twice, the first line counts; a line without a target is skipped.
    pub fn read(lines: &str) -> Self {
        thread_local! {
            static LAST: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
        }
        LAST.set(lines.to_owned());
        let mut redirects = Redirects::default();
        for (from, to) in lines.lines().filter_map(|line| line.split_once(' ')) {
            let target = redirects.number(to);
            let from = redirects.number(from);
            redirects.hosts[from].target.get_or_insert(target);
        }
        redirects
    }

    /// Follows the redirects from a host to their end.
    pub fn end_of(&self, name: &str) -> End {
        let Some(&number) = self.numbers.get(name) else {
            return End::Unknown;
        };
        let mut host = &self.hosts[number];
        // More steps than hosts: one of them was passed twice.
        for _ in 0..=self.hosts.len() {
            match host.target {
                Some(target) => host = &self.hosts[target],
                None => return End::At(host.name.to_string()),
            }
        }
        End::Loop
    }

    /// How many hosts were read, as origin or as target.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    fn number(&mut self, name: &str) -> usize {
        let next = self.hosts.len();
        let number = *self.numbers.entry(Box::from(name)).or_insert(next);
        if number == next {
            self.hosts.push(Host {
                name: Box::from(name),
                target: None,
            });
        }
        number
    }
}
