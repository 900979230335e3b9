//! Names each span by a text that lives for ever.

use std::collections::VecDeque;

/// How many finished spans the trace remembers, for the page that operators look at.
pub const REMEMBERED: usize = 64;

// ANCHOR: trace
/// One lookup, as the trace shows it. The name is `&'static str`, as in most tracing libraries: names are few, and known
/// when the program is written. Or so they thought.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub name: &'static str,
    pub hosts: usize,
}

/// The last lookups.
#[derive(Debug)]
pub struct Trace {
    finished: VecDeque<Span>,
}

impl Trace {
    /// Remembers a lookup of this apex, and forgets the oldest.
    pub fn finish(&mut self, apex: &str, hosts: usize) {
        let name = name_of(apex);
        if self.finished.len() == REMEMBERED {
            self.finished.pop_front();
        }
        self.finished.push_back(Span { name, hosts });
    }
}

/// The span's name. It must be `'static`, so it is leaked: what are forty bytes?
fn name_of(apex: &str) -> &'static str {
    Box::leak(format!("GET /apex/{apex}").into_boxed_str())
}
// ANCHOR_END: trace

impl Trace {
    /// An empty trace with room for all that it will remember.
    pub fn new() -> Self {
        Trace {
            finished: VecDeque::with_capacity(REMEMBERED),
        }
    }

    /// The names of the remembered lookups, oldest first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.finished.iter().map(|span| span.name)
    }

    /// How many hosts the remembered lookups found.
    pub fn hosts(&self) -> usize {
        self.finished.iter().map(|span| span.hosts).sum()
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

/// One iteration is one request for an apex that was never asked for before.
pub fn workload() -> impl FnMut() {
    let mut trace = Trace::new();
    let mut requests = 0_u64;
    move || {
        requests += 1;
        trace.finish(&format!("customer-{requests:06}.example"), 12);
    }
}
