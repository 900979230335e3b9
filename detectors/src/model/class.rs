//! The classes of memory growth: the word, what it means, and the chapter that teaches it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A class of memory growth: what is wrong, in one word that the book, the library and the JSON share.
///
/// The word is the name of the chapter's folder: `chapters/retained-subslices` teaches
/// [`Class::RetainedSubslices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Class {
    /// A small view keeps a large buffer alive.
    RetainedSubslices,
    /// A response that nobody reads keeps its connection.
    UnclosedBodies,
    /// A task outlives whoever wanted its result.
    OrphanedTasks,
    /// A collection that lives on and only grows: a static, or what a server, a task or a thread owns.
    GlobalCaches,
    /// Cleanup that comes too late, or never.
    DeferredCleanup,
    /// Owners that own each other.
    ReferenceCycles,
    /// A queue that takes whatever comes.
    UnboundedQueues,
    /// A collection that keeps the room of its largest moment.
    RetainedCapacity,
    /// Memory that nothing points to.
    LostPointers,
    /// Memory that no Rust allocator sees.
    ForeignMemory,
    /// No leak: the work itself needs that much at once.
    MemoryPressure,
    /// No leak: what was freed is resident still.
    AllocatorRetention,
}

impl Class {
    /// Every class, in the order of the book.
    pub const ALL: &'static [Class] = &[
        Class::RetainedSubslices,
        Class::UnclosedBodies,
        Class::OrphanedTasks,
        Class::GlobalCaches,
        Class::DeferredCleanup,
        Class::ReferenceCycles,
        Class::UnboundedQueues,
        Class::RetainedCapacity,
        Class::LostPointers,
        Class::ForeignMemory,
        Class::MemoryPressure,
        Class::AllocatorRetention,
    ];

    /// The class' word, which is also its chapter's folder: `retained-subslices`.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::RetainedSubslices => "retained-subslices",
            Class::UnclosedBodies => "unclosed-bodies",
            Class::OrphanedTasks => "orphaned-tasks",
            Class::GlobalCaches => "global-caches",
            Class::DeferredCleanup => "deferred-cleanup",
            Class::ReferenceCycles => "reference-cycles",
            Class::UnboundedQueues => "unbounded-queues",
            Class::RetainedCapacity => "retained-capacity",
            Class::LostPointers => "lost-pointers",
            Class::ForeignMemory => "foreign-memory",
            Class::MemoryPressure => "memory-pressure",
            Class::AllocatorRetention => "allocator-retention",
        }
    }

    /// What the class means, in one line.
    pub fn definition(self) -> &'static str {
        match self {
            Class::RetainedSubslices => {
                "a small view is kept, and the whole buffer that it points into stays live with it"
            }
            Class::UnclosedBodies => {
                "a response is kept unread, and its connection stays open with it"
            }
            Class::OrphanedTasks => {
                "a task or thread is started and nobody ends it, so it lives on with all that it holds"
            }
            Class::GlobalCaches => {
                "a long-lived collection keeps an entry for each key that ever came"
            }
            Class::DeferredCleanup => {
                "cleanup is put off to the end, or for good, while what it would free piles up"
            }
            Class::ReferenceCycles => {
                "owners keep each other alive after the last owner outside is gone"
            }
            Class::UnboundedQueues => {
                "more is put in than is taken out, and nothing bounds what waits between"
            }
            Class::RetainedCapacity => {
                "a collection shrinks or empties, and keeps the room that it needed once"
            }
            Class::LostPointers => {
                "a block is given away without the call that takes it back, and nothing points to it any more"
            }
            Class::ForeignMemory => {
                "a C library's block or a mapping is made and not given back, where no Rust allocator sees it"
            }
            Class::MemoryPressure => {
                "no leak: one piece of work needs many times at once what stays of it"
            }
            Class::AllocatorRetention => {
                "no leak: the program has freed its memory, and the system still counts it as resident"
            }
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(name: &str) -> Result<Self, UnknownClass> {
        Class::ALL
            .iter()
            .copied()
            .find(|class| class.as_str() == name)
            .ok_or_else(|| UnknownClass(name.to_owned()))
    }
}

/// A word that names no class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClass(String);

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = Class::ALL.iter().map(|class| class.as_str()).collect();
        write!(
            f,
            "`{}` is no class of memory growth; the classes are: {}",
            self.0,
            known.join(", ")
        )
    }
}

impl std::error::Error for UnknownClass {}
