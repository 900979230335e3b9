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
//!   one of them is held from *elsewhere*, as is what a freed block still points to. That is told, and no class is built on it. A copy of
//!   a service reads in glibc's heap where older blocks lie: who holds them is known then, and who made them isn't.
//! - Other threads run on meanwhile. What they move just then may be missed.

mod class;
mod entries;
mod functions;
#[cfg(all(any(feature = "debug", finds_stuck_tasks), target_os = "linux"))]
mod glibc;
mod graph;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(not(target_os = "linux"))]
#[path = "holders/unread.rs"]
mod memory;
#[cfg(all(feature = "debug", target_os = "linux"))]
mod older;
mod queues;
mod reading;
mod room;
mod roots;
mod task;
mod views;
mod wakers;
#[cfg(finds_stuck_tasks)]
pub(crate) mod wakes;

pub(crate) use class::{Accounts, told};
pub use entries::Tables;
#[cfg(all(feature = "debug", target_os = "linux"))]
pub(crate) use entries::hash_table_in;

use crate::allocator::ScopeHandle;
use crate::model::place::{Frame, Origin};
use crate::model::words::grouped;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

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
    /// Whose the root is that holds most of them, as far as that is known.
    pub owner: Option<Owner>,
    /// How many tasks or threads are such owners: one that keeps all, or as many as there are blocks.
    pub owners: u64,
    /// Another root that leads to as many of the blocks and may be what holds them, in words. Then neither is sure.
    pub rival: Option<String>,
    /// Pointers to a block of the site, from whatever holds it; the median.
    pub pointers: u64,
    /// How many of them have a holder that keeps a length beside its pointer and uses a quarter of the block at most: a hint, from
    /// words that look like a vector's or a hash table's.
    pub unused: u64,
    /// The functions that made the blocks which point at this site's, nearest first: one chain, of the commonest kind.
    pub through: Vec<Frame>,
    /// The queue in which the blocks wait, where such a block or the site's own was made by one: a channel, or a set of futures or tasks.
    /// Or `wakers`, where the blocks are lists of those.
    pub queue: Option<String>,
    /// How many of them are seen through views alone that show a quarter of the block at most: a hint, as above.
    #[serde(default, skip_serializing_if = "is_default")]
    pub viewed: u64,
    /// How many of those that are unused have no pointer that says otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) surely_unused: u64,
    /// Whether they are held through a block that is older than the notes, and neither a hash table nor a list's room: of a deque or something else.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) is_by_older: bool,
    /// How large they are, all together.
    pub(crate) bytes: u64,
    /// By how many bytes the least that is live of them rose within the second half of the time; told by a service alone. What requests
    /// need while they are answered may be much, and rises by nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) rose: u64,
    /// The numbers of its stacks in the allocator's table.
    #[serde(skip)]
    pub(crate) stacks: Vec<usize>,
    /// Whether a map by keys made the block, or has an entry for each few of them.
    pub(crate) is_map: bool,
    /// Whether they are tasks of a runtime.
    pub(crate) are_tasks: bool,
    /// The same of those that were live before the last window began, where there are enough of them.
    #[serde(skip)]
    pub(crate) lasting: Option<Judged>,
}

/// The blocks by which a class is judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) blocks: u64,
    pub(crate) by: Vec<(Root, u64)>,
    pub(crate) viewed: u64,
    pub(crate) surely_unused: u64,
}

impl Judged {
    /// The root that holds most of them, with its share; as [`HeldBy::mostly`].
    pub(crate) fn mostly(&self) -> Option<(&Root, f64)> {
        mostly(self.blocks, &self.by)
    }
}

/// What only a service tells has no place in a test's evidence.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
    /// What a task of an async runtime holds while it waits.
    Task,
    /// An async runtime: its tasks, and what it has for them.
    Runtime,
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
            Root::Thread => f.write_str("some thread's local or thread-local variable"),
            Root::Task => f.write_str("a task"),
            Root::Runtime => f.write_str("an async runtime"),
            Root::Elsewhere => f.write_str("memory of which the watch knows nothing"),
            Root::Cycle => f.write_str("each other alone"),
            Root::Nothing => f.write_str("nothing"),
        }
    }
}

/// Whose a variable is, or a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Owner {
    /// What the watch's setup made: the iteration, with its state.
    Setup,
    /// A variable of whoever runs the watch, outside of the setup.
    Outside,
    /// A thread-local of the thread that runs the watch.
    ThreadLocal,
    /// Another thread, by its name: empty where it has none of its own.
    Thread(String),
    /// A task, by the function that spawned it.
    Task(Frame),
}

impl HeldBy {
    /// Whether nearly each of the blocks has a task or a thread for itself that holds it, or each few of them have: then these are what
    /// grows.
    pub(crate) fn hangs_on_each(&self) -> bool {
        const MANY: u64 = 8;
        let each = 2 * self.owners >= self.blocks;
        let each_few = self.owners >= MANY && MANY * self.owners >= self.blocks;
        self.owners > 1 && (each || each_few)
    }

    /// What holds the blocks, in words.
    fn holder(&self, root: &Root) -> String {
        match (root, &self.owner) {
            (Root::Thread, Some(Owner::Setup)) => "what the watch's setup made".to_owned(),
            (Root::Thread, Some(Owner::Outside)) => {
                "a variable outside of the watch's setup".to_owned()
            }
            (Root::Thread, Some(Owner::ThreadLocal)) => "a thread-local".to_owned(),
            (Root::Thread, Some(Owner::Thread(_))) if self.owners > 1 => {
                format!(
                    "variables of {} threads",
                    grouped(self.owners.cast_signed())
                )
            }
            (Root::Thread, Some(Owner::Thread(name))) if name.is_empty() => {
                "a variable of a thread that has no name".to_owned()
            }
            (Root::Thread, Some(Owner::Thread(name))) => {
                format!("a variable of the thread {name}")
            }
            (Root::Task, _) if self.owners > 1 => {
                format!("{} tasks", grouped(self.owners.cast_signed()))
            }
            _ => root.to_string(),
        }
    }

    /// Two sites of one function whose blocks have the same holder: to a reader they are one.
    pub(crate) fn same_holder(&self, other: &HeldBy) -> bool {
        let root = |holding: &HeldBy| holding.mostly().map(|(root, _)| root.clone());
        crate::model::words::function_of(&self.site)
            == crate::model::words::function_of(&other.site)
            && root(self) == root(other)
            && self.owner == other.owner
            && self.rival == other.rival
            && self.through.first() == other.through.first()
            && self.queue == other.queue
    }

    pub(crate) fn joined_by(&mut self, other: &HeldBy) {
        self.blocks += other.blocks;
        self.bytes += other.bytes;
        self.rose += other.rose;
        self.unused += other.unused;
        self.surely_unused += other.surely_unused;
        self.viewed += other.viewed;
        self.owners = self.owners.max(other.owners);
        self.lasting = match (self.lasting.take(), &other.lasting) {
            (Some(mut one), Some(other)) => {
                one.blocks += other.blocks;
                one.viewed += other.viewed;
                one.surely_unused += other.surely_unused;
                join(&mut one.by, &other.by);
                Some(one)
            }
            (one, other) => one.or_else(|| other.clone()),
        };
        join(&mut self.by, &other.by);
    }

    /// The root that holds most of the blocks, with its share of them.
    ///
    /// Freed memory is full of old pointers, and some of them point to where a block lies today. So what is held from elsewhere
    /// counts only when it is half of the blocks or more, as it is when their real holder is older than the watch.
    pub fn mostly(&self) -> Option<(&Root, f64)> {
        mostly(self.blocks, &self.by)
    }

    /// Those that lasted; all, where these are too few.
    pub(crate) fn judged(&self) -> Judged {
        self.lasting.clone().unwrap_or_else(|| Judged {
            blocks: self.blocks,
            by: self.by.clone(),
            viewed: self.viewed,
            surely_unused: self.surely_unused,
        })
    }
}

fn mostly(blocks: u64, by: &[(Root, u64)]) -> Option<(&Root, f64)> {
    let elsewhere = by.iter().find(|(root, _)| *root == Root::Elsewhere);
    let stale = elsewhere.map_or(0, |(_, count)| *count);
    let stale = if 2 * stale < blocks { stale } else { 0 };
    let mut roots = by.iter();
    let (root, count) = roots.find(|(root, _)| stale == 0 || *root != Root::Elsewhere)?;
    let known = (blocks - stale).max(1);
    Some((root, *count as f64 / known as f64))
}

/// Adds up what each root holds; most first.
fn join(by: &mut Vec<(Root, u64)>, others: &[(Root, u64)]) {
    for (root, count) in others {
        match by.iter_mut().find(|(known, _)| known == root) {
            Some((_, known)) => *known += count,
            None => by.push((root.clone(), *count)),
        }
    }
    by.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
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
            _ => write!(f, "{most}its {blocks} {are} held by {}", self.holder(root))?,
        }
        if let Some(rival) = &self.rival {
            write!(f, "; {rival} leads there as well, so neither is sure")?;
        }
        if let (Root::Task, Some(Owner::Task(spawned))) = (root, &self.owner) {
            write!(
                f,
                "\n  spawned at {}",
                crate::model::words::frame_from_here(spawned)
            )?;
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
        if 2 * self.viewed > self.blocks {
            f.write_str("\n  by views that show little of them")?;
        }
        Ok(())
    }
}

/// A growing site: its number in the allocator's table, and its name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) numbers: Vec<usize>,
    pub(crate) name: String,
    /// The functions on each of its stacks, allocation first, the library's among them.
    pub(crate) functions: Vec<Vec<String>>,
    /// The crates of the program's own that are on its stacks.
    pub(crate) crates: HashSet<String>,
}

impl Wanted {
    /// Whether a block of this site is one of it.
    fn has(&self, site: u32) -> bool {
        self.numbers.contains(&(site as usize))
    }

    pub(crate) fn add(&mut self, number: usize, stack: &[Frame], functions: Vec<String>) {
        let own = stack.iter().filter(|frame| frame.origin() == Origin::Own);
        let crates = own.filter_map(|frame| reading::crate_of(&frame.function));
        self.crates.extend(crates.map(str::to_owned));
        self.numbers.push(number);
        self.functions.push(functions);
    }
}

thread_local! {
    /// Where the state of the watch lies that this thread runs.
    static WATCHED: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// Does the work of a watch whose workload and state are there: what lies further out on the stack is a variable of whoever runs the watch.
pub(crate) fn of_watched<T>(state: &Range<usize>, work: impl FnOnce() -> T) -> T {
    let before = WATCHED.replace(Some((state.start, state.end)));
    let done = work();
    WATCHED.set(before);
    done
}

/// Whose heap the program's blocks lie in.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "debug", finds_stuck_tasks)),
    expect(dead_code, reason = "nobody makes a copy")
)]
enum Heap {
    OfGlibc,
    Other,
}

#[cfg(all(any(feature = "debug", finds_stuck_tasks), target_os = "linux"))]
impl Heap {
    fn of_our_blocks() -> Self {
        let of_c = crate::readings::memory::c_heap();
        let is_glibc = of_c.is_some_and(|heap| heap.has_our_blocks);
        if is_glibc { Heap::OfGlibc } else { Heap::Other }
    }
}

/// What a copy of the process can't ask for.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Copied {
    /// A copy has the other threads' stacks, and none of their threads.
    stacks: Vec<crate::readings::kernel::Stack>,
    heap: Heap,
    /// Whether what lies beside a stack in its mapping is read as well.
    reads_beside_stacks: bool,
}

#[cfg(target_os = "linux")]
thread_local! {
    /// What this thread knows from before it was copied.
    static COPIED: std::cell::RefCell<Option<Copied>> = const { std::cell::RefCell::new(None) };
}

/// What is learned of a process before it is copied.
#[cfg(feature = "debug")]
#[derive(Debug, Default)]
pub(crate) struct BeforeACopy {
    /// By thread. The kernel tells nothing of a thread that runs, so whatever it told last is kept.
    #[cfg(target_os = "linux")]
    stacks: std::collections::HashMap<i32, crate::readings::kernel::Stack>,
}

#[cfg(feature = "debug")]
impl BeforeACopy {
    /// Looks where the other threads' stacks end now.
    pub(crate) fn look(&mut self) {
        #[cfg(target_os = "linux")]
        {
            use crate::readings::kernel::{Whose, stacks};
            self.stacks.extend(stacks(Whose::Own));
        }
    }

    /// Has a copy that this thread makes next know what was learned.
    pub(crate) fn ends(mut self) {
        self.look();
        #[cfg(target_os = "linux")]
        {
            COPIED.set(Some(Copied {
                stacks: self.stacks.into_values().collect(),
                heap: Heap::of_our_blocks(),
                reads_beside_stacks: false,
            }));
        }
    }
}

/// Has a copy that this thread makes next know where these stacks end. All that lies in any other thread's counts as held there, what
/// calls that have returned left behind as well.
#[cfg(finds_stuck_tasks)]
pub(crate) fn copy_knows(stacks: Vec<crate::readings::kernel::Stack>) {
    COPIED.set(Some(Copied {
        stacks,
        heap: Heap::of_our_blocks(),
        reads_beside_stacks: true,
    }));
}

fn watched_state() -> Option<Range<usize>> {
    WATCHED.get().map(|(start, end)| start..end)
}

/// The stacks of sites by their numbers: as findings have them, and the names of all functions from whoever asked for the block outwards.
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
        let graph = graph::Graph::of_live_blocks(scope, wanted, stacks_of, is_over)?;
        let mut reader = reading::Reader::of(&graph, stacks_of);
        Ok(Holders {
            by_site: wanted.iter().map(|wanted| reader.held_by(wanted)).collect(),
            not_read: graph.not_read.clone(),
        })
    })
}
