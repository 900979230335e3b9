//! Who holds the blocks that grow: the question that tells most classes of leaks apart.
//!
//! A [`ProfilingAllocator`](crate::ProfilingAllocator) that notes each block knows every live one. So the program's memory can
//! be read word by word, and a word that is an address inside a live block is taken for a pointer to it, as a conservative
//! garbage collector does. From the statics, the thread-locals and the stacks one comes to every block that something still
//! holds. What is not reached is held by nobody, or only by itself.
//!
//! # Where it can mislead you
//!
//! - A number that happens to be an address counts as a pointer, and so does a pointer that nobody will use again. Both make a
//!   lost block look held, never a held block look lost.
//! - A pointer that is kept in another form is not seen: compressed, encrypted, with flags in its upper bits. Then a held block looks
//!   lost.
//! - A file that is mapped for others to see, such as a database, isn't read: it may be larger than the memory, and what outlives the
//!   process can't point into its heap. It is told under *not read*. Nor are pages read that another process wrote to and this one
//!   never touched.
//! - Blocks that are older than the first watch or [`Scope`](crate::Scope) of the process aren't known, so what is held through
//!   one of them is held from *elsewhere*, as is what a freed block still points to. That is told, and no class is built on it.
//! - Other threads run on meanwhile. What they move just then may be missed.

mod entries;
mod graph;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(not(target_os = "linux"))]
#[path = "holders/unread.rs"]
mod memory;
mod reading;
mod room;

pub use entries::Tables;
pub(crate) use reading::class_of;

use crate::allocator::ScopeHandle;
use crate::model::place::Frame;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who holds the live blocks of one growing site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldBy {
    /// The site, as the findings name it.
    pub site: String,
    /// Its live blocks.
    pub blocks: u64,
    /// How many of them are held by what; most first.
    pub by: Vec<(Root, u64)>,
    /// Pointers to a block of the site, from whatever holds it; the median.
    pub pointers: u64,
    /// How many of them have a holder that keeps a length beside its pointer and uses a quarter of the block at most: a hint, from
    /// words that look like a vector's or a hash table's.
    pub unused: u64,
    /// The functions that made the blocks which point at this site's, nearest first: one chain, of the commonest kind.
    pub through: Vec<Frame>,
    /// Whether such a block, or the site's own, was made by a queue: a channel, or a set of tasks.
    pub queue: Option<String>,
}

/// Who holds what, as far as the program's memory was read.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Holders {
    /// One for each site.
    pub by_site: Vec<HeldBy>,
    /// Memory that was left out, in words; `None` where there is none.
    pub not_read: Option<String>,
}

/// Where a chain of pointers begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Root {
    /// A static, by its name where the program has symbols.
    Static(String),
    /// A variable of a thread: of its stack, or of its thread-local storage.
    Thread,
    /// Memory of which nothing is known: blocks older than the first watch, or freed ones.
    Elsewhere,
    /// Only blocks that hold each other.
    Cycle,
    /// No pointer at all.
    Nothing,
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Root::Static(name) if name.is_empty() => f.write_str("a static without a name"),
            Root::Static(name) => write!(f, "the static {name}"),
            Root::Thread => f.write_str("a variable of a thread"),
            Root::Elsewhere => f.write_str("memory that isn't known"),
            Root::Cycle => f.write_str("each other alone"),
            Root::Nothing => f.write_str("nothing"),
        }
    }
}

impl HeldBy {
    /// Two sites of one function whose blocks have the same holder: to a reader they are one.
    pub(crate) fn same_holder(&self, other: &HeldBy) -> bool {
        let root = |holding: &HeldBy| holding.mostly().map(|(root, _)| root.clone());
        crate::model::words::function_of(&self.site)
            == crate::model::words::function_of(&other.site)
            && root(self) == root(other)
            && self.through.first() == other.through.first()
            && self.queue == other.queue
    }

    pub(crate) fn joined_by(&mut self, other: &HeldBy) {
        self.blocks += other.blocks;
        self.unused += other.unused;
        for (root, count) in &other.by {
            match self.by.iter_mut().find(|(known, _)| known == root) {
                Some((_, known)) => *known += count,
                None => self.by.push((root.clone(), *count)),
            }
        }
        self.by.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }

    /// The root that holds most of the blocks, with its share of them.
    ///
    /// Freed memory is full of old pointers, and some of them point to where a block lies today. So what is held from elsewhere
    /// counts only when it is half of the blocks or more, as it is when their real holder is older than the watch.
    pub fn mostly(&self) -> Option<(&Root, f64)> {
        let elsewhere = self.by.iter().find(|(root, _)| *root == Root::Elsewhere);
        let stale = elsewhere.map_or(0, |(_, count)| *count);
        let stale = if 2 * stale < self.blocks { stale } else { 0 };
        let mut roots = self.by.iter();
        let (root, count) = roots.find(|(root, _)| stale == 0 || *root != Root::Elsewhere)?;
        let known = (self.blocks - stale).max(1);
        Some((root, *count as f64 / known as f64))
    }
}

impl fmt::Display for HeldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((root, share)) = self.mostly() else {
            return f.write_str("its blocks are gone");
        };
        let blocks = crate::model::words::count(self.blocks.cast_signed(), "block");
        let are = if self.blocks == 1 { "is" } else { "are" };
        let most = if share > 0.99 { "" } else { "most of " };
        match root {
            Root::Nothing => write!(f, "nothing points to {most}its {blocks}")?,
            Root::Cycle => write!(f, "{most}its {blocks} {are} held by {root}: a cycle")?,
            _ => write!(f, "{most}its {blocks} {are} held by {root}")?,
        }
        // Each on a line of its own: a place has a path, and is neither cut nor wrapped.
        if let Some(through) = self.through.first() {
            let through = crate::model::words::frame_from_here(through);
            write!(f, "\n  through a block of {through}")?;
        }
        if let Some(queue) = &self.queue {
            write!(f, "\n  in a queue of {queue}")?;
        }
        if 2 * self.unused > self.blocks {
            f.write_str("\n  with little of their room used")?;
        }
        Ok(())
    }
}

/// A growing site: its number in the allocator's table, and its name.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) numbers: Vec<usize>,
    pub(crate) name: String,
    /// The functions on its stack, allocation first, the library's among them.
    pub(crate) functions: Vec<String>,
}

/// The stacks of sites by their numbers: as findings have them, and the names of all functions.
pub(crate) type Stacks<'s> = &'s dyn Fn(&[usize]) -> Vec<(Vec<Frame>, Vec<String>)>;

/// The tables among the blocks of these sites, of those that belong to the scope.
///
/// # Errors
///
/// In words, as [`find`].
pub(crate) fn tables(
    scope: ScopeHandle,
    sites: &[usize],
    is_over: &dyn Fn() -> bool,
) -> Result<Tables, String> {
    crate::allocator::uncounted(|| Tables::of(scope, sites, is_over))
}

/// Who holds the blocks of each of these sites, of those that belong to the scope.
///
/// # Errors
///
/// In words, when this system's memory can't be read, or `is_over` before all of it was: what was found by then can't tell that nobody
/// holds a block.
pub(crate) fn find(
    scope: ScopeHandle,
    wanted: &[Wanted],
    stacks_of: Stacks<'_>,
    is_over: &dyn Fn() -> bool,
) -> Result<Holders, String> {
    if wanted.is_empty() {
        return Ok(Holders::default());
    }
    // What this allocates belongs to no scope, and isn't noted.
    crate::allocator::uncounted(|| {
        let mut graph = graph::Graph::of_live_blocks(scope, is_over)?;
        Ok(Holders {
            by_site: reading::held_by(&graph, wanted, stacks_of),
            not_read: graph.not_read.take(),
        })
    })
}
