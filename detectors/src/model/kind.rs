//! What is counted: the kinds, a count of each, and what could not be counted.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// Live heap blocks.
    Blocks,
    /// Live heap bytes.
    Bytes,
    /// Live async tasks.
    Tasks,
    /// Open sockets.
    Sockets,
    /// Open file descriptors that are no sockets.
    Descriptors,
    /// Threads of the operating system.
    Threads,
    /// Resident memory, in bytes.
    Resident,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Blocks => "blocks",
            Kind::Bytes => "bytes",
            Kind::Tasks => "tasks",
            Kind::Sockets => "sockets",
            Kind::Descriptors => "descriptors",
            Kind::Threads => "threads",
            Kind::Resident => "resident",
        })
    }
}

/// What a process has besides its heap, at one moment. A kind that wasn't read is `None`, and never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Alive async tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<i64>,
    /// Open sockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<i64>,
    /// Open file descriptors that are no sockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<i64>,
    /// Threads of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<i64>,
}

impl Counts {
    /// The kinds that are counted here, in the order of the fields.
    pub const KINDS: [Kind; 4] = [Kind::Tasks, Kind::Sockets, Kind::Descriptors, Kind::Threads];

    /// The count of one kind; `None` when it wasn't read, or is no count.
    pub fn get(&self, kind: Kind) -> Option<i64> {
        match kind {
            Kind::Tasks => self.tasks,
            Kind::Sockets => self.sockets,
            Kind::Descriptors => self.descriptors,
            Kind::Threads => self.threads,
            Kind::Blocks | Kind::Bytes | Kind::Resident => None,
        }
    }

    pub(crate) fn set(&mut self, kind: Kind, count: Option<i64>) {
        match kind {
            Kind::Tasks => self.tasks = count,
            Kind::Sockets => self.sockets = count,
            Kind::Descriptors => self.descriptors = count,
            Kind::Threads => self.threads = count,
            Kind::Blocks | Kind::Bytes | Kind::Resident => {}
        }
    }

    /// Each kind combined with the same of another moment; not read where one of the two wasn't.
    pub(crate) fn zip(&self, other: &Counts, combine: impl Fn(i64, i64) -> i64) -> Counts {
        let mut all = Counts::default();
        for kind in Counts::KINDS {
            let both = self.get(kind).zip(other.get(kind));
            all.set(kind, both.map(|(a, b)| combine(a, b)));
        }
        all
    }
}

/// A kind that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NotRead {
    /// What was not read.
    pub kind: Kind,
    /// Why.
    pub why: String,
}
