//! Live blocks and the pointers between them: which blocks the roots reach.

use super::functions::{Tables, named};
use super::memory::{Around, Memory, OfThread, Place, Word};
use super::queues::queue_among;
use super::room::{self, Unused};
use super::views::{self, View};
use super::{Stacks, Wanted, task, wakers};
use crate::allocator::{self, ScopeHandle};
use crate::readings::kernel::FIRST;
use std::collections::HashSet;
use std::ops::Range;

#[cfg(all(feature = "debug", target_os = "linux"))]
mod alike;
#[cfg(all(feature = "debug", target_os = "linux"))]
mod lists;
mod trace;

/// A live block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) start: usize,
    pub(super) size: usize,
    /// Its site's number.
    pub(super) site: u32,
    /// Whether it belongs to the scope that is asked about, and not to an earlier one.
    pub(super) is_of_scope: bool,
    /// Whether it was there when the watch remembered those that were.
    pub(super) lasts: bool,
}

/// The number of no site: the blocks that are older than the notes.
const OLDER: u32 = u32::MAX;

impl Block {
    /// Found in the allocator's own memory.
    #[cfg(all(feature = "debug", target_os = "linux"))]
    pub(super) fn older(range: Range<usize>) -> Self {
        Block {
            start: range.start,
            size: range.len(),
            site: OLDER,
            is_of_scope: false,
            lasts: false,
        }
    }

    /// Whether it is older than the notes, so that nobody knows who made it.
    pub(super) fn is_older(self) -> bool {
        self.site == OLDER
    }
}

/// What holds a block, at the far end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// From the static at this address.
    Static(usize),
    /// From the variable of a thread at this address.
    Thread(usize),
    /// From the future of the task whose block this is.
    Task(u32),
    /// A task that its runtime alone holds.
    Runtime,
    Elsewhere,
    Cycle,
    Nothing,
}

/// A pointer from one block to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Where in the first block it stands.
    #[cfg(all(feature = "debug", target_os = "linux"))]
    offset: u32,
    way: Way,
}

/// A pointer from outside of all blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) address: usize,
    pub(super) to: u32,
    way: Way,
}

/// How a pointer points at its block.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Behind the block's start, as a list does whose links lie in its entries.
    is_inside: bool,
    /// A table of functions stands beside it, as beside a waker's pointer.
    is_waker: bool,
    /// It is an older block that it points to, and a hash table's counts stand beside it.
    is_tables: bool,
}

impl Way {
    /// Whoever wakes a task doesn't keep it.
    fn only_wakes(self) -> bool {
        self.is_inside || self.is_waker
    }
}

/// How many blocks lie between a task and a part of its runtime at most.
const STEPS_TO_RUNTIMES: usize = 4;

/// What a block is to an async runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    None,
    Task,
    /// The runtime made it for itself.
    Runtime,
}

pub(super) struct Graph {
    pub(super) blocks: Vec<Block>,
    /// For each block: what reaches it.
    pub(super) reached: Vec<Reached>,
    /// For each block: the block that points to it on the way from there; itself when a root does.
    pub(super) parents: Vec<u32>,
    /// For each block: pointers to it from known holders.
    pub(super) pointers: Vec<u32>,
    /// For each block: whether a holder keeps a length beside its pointer, and uses little of the room.
    pub(super) unused: Vec<Unused>,
    /// For each block: how many wakers lie in it.
    pub(super) wakers: Vec<u32>,
    /// For each block: how many bytes of it are seen through views.
    pub(super) shown: Vec<usize>,
    /// For each block: whether it is older than the notes, and a hash table.
    pub(super) older_tables: Vec<bool>,
    /// For each block: whether it is older than the notes, and a vector's room.
    pub(super) older_vectors: Vec<bool>,
    /// For each block: whether it is older than the notes, and the room of a deque from whose front something was taken.
    pub(super) older_queues: Vec<bool>,
    /// For each block: whether it is older than the notes, and a text. What looks like a pointer behind the text was left there by
    /// whoever had the block before.
    older_texts: Vec<bool>,
    /// In the order of what they start from.
    pub(super) edges: Vec<Edge>,
    pub(super) entries: Vec<Entry>,
    /// For each block: what it is to a runtime.
    parts: Vec<Part>,
    /// For each block: whether it is a queue's, whose room is full of pointers to what was taken out.
    rooms: Vec<bool>,
    /// For each block: how many others point to it.
    sources: Vec<u32>,
    /// What belongs to which thread.
    pub(super) threads: Vec<OfThread>,
    /// What is local to the calling thread.
    pub(super) locals: Vec<Range<usize>>,
    /// Memory that was left out, in words.
    pub(super) not_read: Option<String>,
    /// Whether a copy of the process was read.
    pub(super) is_of_copy: bool,
}

impl Graph {
    pub(super) fn of_live_blocks(
        scope: ScopeHandle,
        #[cfg_attr(not(feature = "debug"), expect(unused_variables))] wanted: &[Wanted],
        stacks_of: Stacks<'_>,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        let begins = super::watched_state().map(|state| state.start);
        let mut memory = Memory::of_this_process(begins)?;
        let blocks = live_blocks(scope);
        #[cfg(all(feature = "debug", target_os = "linux"))]
        let blocks = {
            let is_wanted = |block: &Block| wanted.iter().any(|of| of.has(block.site));
            super::older::with_older(blocks, &is_wanted, &memory, is_over)?
        };
        let mut graph = Graph {
            reached: vec![Reached::Nothing; blocks.len()],
            parents: (0..blocks.len()).map(number).collect(),
            pointers: vec![0; blocks.len()],
            unused: vec![Unused::default(); blocks.len()],
            wakers: vec![0; blocks.len()],
            shown: vec![0; blocks.len()],
            older_tables: vec![false; blocks.len()],
            older_vectors: vec![false; blocks.len()],
            older_queues: vec![false; blocks.len()],
            older_texts: vec![false; blocks.len()],
            edges: Vec::new(),
            entries: Vec::new(),
            parts: vec![Part::None; blocks.len()],
            rooms: vec![false; blocks.len()],
            sources: vec![0; blocks.len()],
            threads: std::mem::take(&mut memory.threads),
            locals: std::mem::take(&mut memory.locals),
            not_read: memory.not_read(),
            is_of_copy: memory.copied.is_some(),
            blocks,
        };
        if !graph.blocks.is_empty() {
            let sites = graph.read(&memory, is_over)?;
            #[cfg(all(feature = "debug", target_os = "linux"))]
            graph.know_older_rooms(stacks_of);
            // Most of the names, at once: the tasks' and their runtimes' are among them.
            graph.know_rooms(stacks_of);
            graph.know_runtimes(&sites, stacks_of);
            graph.trace();
        }
        Ok(graph)
    }

    /// Whether a variable is of the first thread of a service, which has what lives as long as the service.
    pub(super) fn is_of_first(&self, address: usize) -> bool {
        let is_first = |thread: &OfThread| thread.name == FIRST && thread.range.contains(&address);
        self.is_of_copy && self.threads.iter().any(is_first)
    }

    /// Reads all pointers. Returns the sites whose blocks look like tasks.
    fn read(
        &mut self,
        memory: &Memory,
        is_over: &dyn Fn() -> bool,
    ) -> Result<HashSet<u32>, String> {
        let mut edges: Vec<Edge> = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut likely = Likely::default();
        let blocks = &self.blocks;
        let without = without(blocks);
        let (lowest, highest) = (blocks[0].start, end_of(blocks[blocks.len() - 1]));
        let pointers = &mut self.pointers;
        let unused = &mut self.unused;
        let older_tables = &mut self.older_tables;
        let older_texts = &mut self.older_texts;
        #[cfg(all(feature = "debug", target_os = "linux"))]
        let mut beside_older = Vec::new();
        let mut begin_with_a_pointer = vec![false; blocks.len()];
        memory.each_word(&without, is_over, |word, around| {
            let Word {
                address,
                value,
                place,
            } = word;
            if memory.is_of_image(value) {
                let Some(at) = block_at(blocks, address) else {
                    return;
                };
                likely.points_at_table(number(at), blocks[at], word, memory);
                return;
            }
            if value < lowest || value >= highest {
                return;
            }
            let Some(to) = block_at(blocks, value) else {
                return;
            };
            let from = block_at(blocks, address);
            let mut is_tables = false;
            if from != Some(to) && (from.is_some() || place != Place::Elsewhere) {
                pointers[to] += 1;
                let (size, offset) = (blocks[to].size, value - blocks[to].start);
                let beside = |further| around.at(further);
                // How many bytes a view shows stands before what the view shares, as a vector's capacity before the vector's block.
                if !follows_a_view(blocks, around, memory) {
                    unused[to] |= Unused::of(size, offset, beside);
                }
                if blocks[to].is_older() {
                    is_tables = room::holds_table(size, offset, beside);
                    older_tables[to] |= is_tables;
                    let is_text = room::length_of_text(size, offset, beside)
                        .is_some_and(|length| is_legible(blocks[to].start, length, memory));
                    older_texts[to] |= is_text;
                    #[cfg(all(feature = "debug", target_os = "linux"))]
                    beside_older
                        .extend(Some(number(to)).zip(lists::Words::of(size, offset, beside)));
                } else {
                    likely.points_at_block(number(to), size, offset, around, memory);
                }
            }
            let is_table = |further| {
                around
                    .at(further)
                    .is_some_and(|beside| memory.is_of_image(beside))
            };
            let way = Way {
                is_inside: value != blocks[to].start,
                is_waker: is_table(-1) || is_table(1),
                is_tables,
            };
            if let Some(from) = from {
                begin_with_a_pointer[from] |= address == blocks[from].start;
            }
            match from {
                // A block that points into its own middle, as a future does, isn't held by that pointer. A block that owns itself points
                // at its own start, and is a cycle.
                Some(from) if from == to && way.is_inside => {}
                Some(from) => edges.push(Edge {
                    from: number(from),
                    to: number(to),
                    #[cfg(all(feature = "debug", target_os = "linux"))]
                    offset: u32::try_from(address - blocks[from].start).unwrap_or(u32::MAX),
                    way,
                }),
                None => entries.push(Entry {
                    place,
                    address,
                    to: number(to),
                    way,
                }),
            }
        })?;
        // Where there was a text once there may be something else by now.
        for (is_text, begins) in self.older_texts.iter_mut().zip(begin_with_a_pointer) {
            *is_text &= !begins;
        }
        let like_tasks = self.know(likely);
        edges.sort_unstable_by_key(|edge| (edge.from, edge.to));
        for (at, edge) in edges.iter().enumerate() {
            let is_first =
                at == 0 || (edges[at - 1].from, edges[at - 1].to) != (edge.from, edge.to);
            self.sources[edge.to as usize] += u32::from(is_first && edge.from != edge.to);
        }
        self.edges = edges;
        self.entries = entries;
        #[cfg(all(feature = "debug", target_os = "linux"))]
        self.know_older_lists(&beside_older);
        Ok(like_tasks)
    }

    /// Asks for the names that tell which is one. Returns the sites whose blocks look like tasks.
    fn know(&mut self, likely: Likely) -> HashSet<u32> {
        for block in likely.wakers.with(wakers::wakes, &named) {
            self.wakers[block as usize] += 1;
        }
        for View { of, bytes } in likely.views.with(views::is_of_view, &named) {
            let shown = &mut self.shown[of as usize];
            *shown = shown.saturating_add(bytes);
        }
        for task in likely.older_tasks.with(task::is_of_task, &named) {
            self.parts[task as usize] = Part::Task;
        }
        likely.tasks
    }

    /// Finds the tasks, and those parts of their runtimes that stand beside them.
    fn know_runtimes(&mut self, like_tasks: &HashSet<u32>, stacks_of: Stacks<'_>) {
        let tasks = made_by(like_tasks, &task::is_made_by, stacks_of);
        let site = |at: u32| self.blocks[at as usize].site;
        // What stands beside a task, then what the runtime's parts lead to: room of theirs may be full of what was there before.
        let mut runtimes: HashSet<u32> = HashSet::new();
        let mut looked_at: HashSet<u32> = tasks.clone();
        for _ in 0..STEPS_TO_RUNTIMES {
            let is_known = |site: &u32| tasks.contains(site) || runtimes.contains(site);
            let ends = self
                .edges
                .iter()
                .map(|edge| (site(edge.from), site(edge.to)));
            let beside = ends.filter_map(|(from, to)| match (is_known(&from), is_known(&to)) {
                (true, false) => Some(to),
                (false, true) => Some(from),
                _ => None,
            });
            let beside: HashSet<u32> = beside.filter(|site| looked_at.insert(*site)).collect();
            if beside.is_empty() {
                break;
            }
            runtimes.extend(made_by(&beside, &task::is_part_of_runtime, stacks_of));
        }
        for (part, block) in self.parts.iter_mut().zip(&self.blocks) {
            *part = match block.site {
                _ if block.is_older() => *part,
                site if tasks.contains(&site) => Part::Task,
                site if runtimes.contains(&site) => Part::Runtime,
                _ => Part::None,
            };
        }
        // Nobody knows who made an older block. What has tasks is their runtime's.
        for edge in &self.edges {
            let (from, to) = (edge.from as usize, edge.to as usize);
            let has_a_task = self.parts[to] == Part::Task && !edge.way.only_wakes();
            if has_a_task && self.blocks[from].is_older() && self.parts[from] == Part::None {
                self.parts[from] = Part::Runtime;
            }
        }
    }

    /// Finds the blocks of queues, among those whose pointers may be old: what they point to is another block's as well.
    fn know_rooms(&mut self, stacks_of: Stacks<'_>) {
        let doubtful = self.edges.iter().filter(|edge| self.has_rival(edge));
        let site = |edge: &Edge| self.blocks[edge.from as usize].site;
        let sites: HashSet<u32> = doubtful.map(site).collect();
        let queues = made_by(
            &sites,
            &|functions| queue_among(functions).is_some(),
            stacks_of,
        );
        for (room, block) in self.rooms.iter_mut().zip(&self.blocks) {
            *room = queues.contains(&block.site);
        }
    }

    /// Whether another block points where this pointer does.
    fn has_rival(&self, edge: &Edge) -> bool {
        edge.from != edge.to && self.sources[edge.to as usize] > 1
    }

    pub(super) fn is_task(&self, at: u32) -> bool {
        self.parts[at as usize] == Part::Task
    }

    /// Whether a pointer of this way keeps what it points at. Who keeps a table has its counts beside the pointer: any other was left
    /// behind, in memory that nobody knows well.
    fn keeps(&self, to: u32, way: Way) -> bool {
        let may_be_old = self.older_tables[to as usize] && !way.is_tables;
        !(may_be_old || self.is_task(to) && way.only_wakes())
    }

    /// Whether one block holds another by this pointer, where tasks and runtimes are borders. What an old pointer in a queue's room leads
    /// to is held by whoever else points there.
    pub(super) fn is_holding(&self, edge: &Edge) -> bool {
        let leaves_the_queue = self.rooms[edge.from as usize] && !self.rooms[edge.to as usize];
        let may_be_old =
            leaves_the_queue && self.has_rival(edge) || self.older_texts[edge.from as usize];
        self.parts[edge.from as usize] == Part::None && !may_be_old && self.keeps(edge.to, edge.way)
    }

    pub(super) fn is_entered_by(&self, entry: &Entry) -> bool {
        self.keeps(entry.to, entry.way)
    }

    fn is_left(&self, at: u32) -> bool {
        self.reached[at as usize] == Reached::Nothing
    }
}

impl Drop for Graph {
    /// Freed as it is, the list of blocks would be memory that points to all of them when somebody looks next.
    fn drop(&mut self) {
        for block in &mut self.blocks {
            block.start = 0;
        }
        std::hint::black_box(&mut self.blocks);
    }
}

/// What looks like something by its words, as long as no name was asked for.
#[derive(Debug, Default)]
struct Likely {
    /// The sites of blocks that look like tasks.
    tasks: HashSet<u32>,
    /// Older blocks: nobody knows their sites.
    older_tasks: Tables<u32>,
    /// Blocks, once for each waker in them.
    wakers: Tables<u32>,
    views: Tables<View>,
}

impl Likely {
    /// A block points at what may be a table of functions.
    fn points_at_table(&mut self, at: u32, block: Block, word: Word, memory: &Memory) {
        let words = |table| memory.words(table);
        if task::has_table_at(block.start, block.size, word.address) {
            self.tasks.insert(block.site);
        }
        if block.is_older() && task::may_have_table_at(block.start, word.address) {
            self.older_tasks.add(at, word.value, words);
        } else if wakers::may_be_list(block.size) {
            self.wakers.add(at, word.value, words);
        }
    }

    /// Something points at a block, and may be a view of it.
    fn points_at_block(
        &mut self,
        of: u32,
        size: usize,
        offset: usize,
        around: Around<'_>,
        memory: &Memory,
    ) {
        let beside = |further| around.at(further);
        let Some(bytes) = views::shown(size, offset, beside) else {
            return;
        };
        let tables = views::TABLES.into_iter().filter_map(beside);
        for table in tables.filter(|table| memory.is_of_image(*table)) {
            self.views
                .add(View { of, bytes }, table, |table| memory.words(table));
        }
    }
}

/// Whether a text begins here, by its first letters.
fn is_legible(start: usize, length: usize, memory: &Memory) -> bool {
    const LETTERS_MAX: usize = 64;
    let mut bytes = [0; LETTERS_MAX];
    let bytes = &mut bytes[..length.min(LETTERS_MAX)];
    memory.read(start, bytes).is_ok() && room::is_legible(bytes)
}

/// Whether the words before a pointer are a view's: a table of functions, where in some block the view begins, and how many bytes it shows.
fn follows_a_view(blocks: &[Block], around: Around<'_>, memory: &Memory) -> bool {
    let is_one = || {
        let (table, begins, bytes) = (around.at(-3)?, around.at(-2)?, around.at(-1)?);
        let of = blocks[block_at(blocks, begins)?];
        Some(memory.is_of_image(table) && bytes <= end_of(of) - begins)
    };
    is_one().unwrap_or(false)
}

/// The sites whose stacks are wanted, by the functions on them.
fn made_by(
    sites: &HashSet<u32>,
    is_wanted: &dyn Fn(&[String]) -> bool,
    stacks_of: Stacks<'_>,
) -> HashSet<u32> {
    let numbers: Vec<usize> = sites.iter().map(|site| *site as usize).collect();
    let stacks = stacks_of(&numbers);
    let made = sites.iter().zip(&stacks);
    let made = made.filter(|(_, (_, functions))| is_wanted(functions));
    made.map(|(site, _)| *site).collect()
}

/// The pointers in one block.
pub(super) fn from(edges: &[Edge], block: u32) -> &[Edge] {
    let start = edges.partition_point(|edge| edge.from < block);
    let end = start + edges[start..].partition_point(|edge| edge.from == block);
    &edges[start..end]
}

/// In the order of their addresses.
fn live_blocks(scope: ScopeHandle) -> Vec<Block> {
    let mut count = 0;
    allocator::each_block(scope, |_| count += 1);
    // Room for some more, since other threads go on: growing would leave a copy, full of pointers, in freed memory.
    let mut blocks = Vec::with_capacity(count + count / 8 + 64);
    allocator::each_block(scope, |noted| {
        if blocks.len() < blocks.capacity() {
            blocks.push(Block {
                start: noted.start,
                size: noted.size,
                site: u32::try_from(noted.site).unwrap_or(0),
                is_of_scope: noted.is_of_scope,
                lasts: noted.lasts,
            });
        }
    });
    blocks.sort_unstable_by_key(|block| block.start);
    blocks
}

/// What isn't read: the allocator's tables, and the list of blocks, which is one of pointers to all of them. In the order of addresses.
pub(super) fn without(blocks: &[Block]) -> Vec<Range<usize>> {
    let list = blocks.as_ptr().addr();
    let mut without: Vec<Range<usize>> = allocator::own_tables().collect();
    without.push(list..list + size_of_val(blocks));
    without.sort_by_key(|range| range.start);
    without
}

pub(super) fn end_of(block: Block) -> usize {
    // A block of no bytes has an address all the same.
    block.start + block.size.max(1)
}

/// The block that an address lies in.
pub(super) fn block_at(blocks: &[Block], address: usize) -> Option<usize> {
    let at = blocks
        .partition_point(|block| block.start <= address)
        .checked_sub(1)?;
    (address < end_of(blocks[at])).then_some(at)
}

pub(super) fn number(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than four billion blocks are live")
}
