//! Live blocks and the pointers between them: which blocks the roots reach.

use super::memory::{Memory, OfThread, Place, Word};
use super::room::Unused;
use super::{Stacks, task};
use crate::allocator::{self, ScopeHandle};
use std::collections::HashSet;
use std::ops::Range;

/// A live block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    start: usize,
    pub(super) size: usize,
    /// Its site's number.
    pub(super) site: u32,
    /// Whether it belongs to the scope that is asked about, and not to an earlier one.
    pub(super) is_of_scope: bool,
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
}

impl Way {
    /// Whoever wakes a task doesn't keep it.
    fn only_wakes(self) -> bool {
        self.is_inside || self.is_waker
    }
}

/// A block that is about to be reached.
#[derive(Debug, Clone, Copy)]
struct Step {
    block: u32,
    parent: u32,
    reached: Reached,
}

/// Whether a walk goes on through tasks. Each task of a runtime is linked to the next, so whatever reaches one of them by a stray pointer
/// would reach all of them, and hold what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tasks {
    Borders,
    Crossed,
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
    /// In the order of what they start from.
    pub(super) edges: Vec<Edge>,
    pub(super) entries: Vec<Entry>,
    /// For each block: whether it is a task of a runtime.
    pub(super) is_task: Vec<bool>,
    /// What belongs to which thread.
    pub(super) threads: Vec<OfThread>,
    /// Memory that was left out, in words.
    pub(super) not_read: Option<String>,
}

impl Graph {
    pub(super) fn of_live_blocks(
        scope: ScopeHandle,
        stacks_of: Stacks<'_>,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        let mut memory = Memory::of_this_process()?;
        let blocks = live_blocks(scope);
        let mut graph = Graph {
            reached: vec![Reached::Nothing; blocks.len()],
            parents: (0..blocks.len()).map(number).collect(),
            pointers: vec![0; blocks.len()],
            unused: vec![Unused::default(); blocks.len()],
            edges: Vec::new(),
            entries: Vec::new(),
            is_task: vec![false; blocks.len()],
            threads: std::mem::take(&mut memory.threads),
            not_read: memory.not_read(),
            blocks,
        };
        if !graph.blocks.is_empty() {
            let sites = graph.read(&memory, is_over)?;
            graph.know_tasks(&sites, stacks_of);
            graph.trace();
        }
        Ok(graph)
    }

    /// Reads all pointers. Returns the sites whose blocks look like tasks.
    fn read(
        &mut self,
        memory: &Memory,
        is_over: &dyn Fn() -> bool,
    ) -> Result<HashSet<u32>, String> {
        let mut edges: Vec<Edge> = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut like_tasks = HashSet::new();
        let mut without: Vec<Range<usize>> = allocator::own_tables().collect();
        let blocks = &self.blocks;
        // The list of blocks is a list of pointers to all of them.
        let list = blocks.as_ptr().addr();
        without.push(list..list + size_of_val(blocks.as_slice()));
        without.sort_by_key(|range| range.start);
        let (lowest, highest) = (blocks[0].start, end_of(blocks[blocks.len() - 1]));
        let pointers = &mut self.pointers;
        let unused = &mut self.unused;
        memory.each_word(&without, is_over, |word, around| {
            let Word {
                address,
                value,
                place,
            } = word;
            if memory.is_of_image(value) {
                let block = block_at(blocks, address).map(|at| blocks[at]);
                let is_like_task =
                    |block: &Block| task::has_table_at(block.start, block.size, address);
                like_tasks.extend(block.filter(is_like_task).map(|block| block.site));
                return;
            }
            if value < lowest || value >= highest {
                return;
            }
            let Some(to) = block_at(blocks, value) else {
                return;
            };
            let from = block_at(blocks, address);
            if from != Some(to) && (from.is_some() || place != Place::Elsewhere) {
                pointers[to] += 1;
                unused[to] |= Unused::of(blocks[to].size, value - blocks[to].start, |further| {
                    around.at(further)
                });
            }
            let is_table = |further| {
                around
                    .at(further)
                    .is_some_and(|beside| memory.is_of_image(beside))
            };
            let way = Way {
                is_inside: value != blocks[to].start,
                is_waker: is_table(-1) || is_table(1),
            };
            match from {
                // A value that points into itself, as futures do, isn't held by that; one that owns itself points at its start.
                Some(from) if from == to && way.is_inside => {}
                Some(from) => edges.push(Edge {
                    from: number(from),
                    to: number(to),
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
        edges.sort_unstable_by_key(|edge| edge.from);
        self.edges = edges;
        self.entries = entries;
        Ok(like_tasks)
    }

    fn know_tasks(&mut self, like_tasks: &HashSet<u32>, stacks_of: Stacks<'_>) {
        let numbers: Vec<usize> = like_tasks.iter().map(|site| *site as usize).collect();
        let stacks = stacks_of(&numbers);
        let made_by_runtime = numbers.iter().zip(&stacks);
        let sites: HashSet<usize> = made_by_runtime
            .filter(|(_, (_, functions))| task::is_made_by(functions))
            .map(|(site, _)| *site)
            .collect();
        for (is_task, block) in self.is_task.iter_mut().zip(&self.blocks) {
            *is_task = sites.contains(&(block.site as usize));
        }
    }

    fn trace(&mut self) {
        // What a static holds is the static's, whoever looks at it as well. The weakest evidence comes last.
        for place in [Place::Static, Place::Thread] {
            self.spread(self.steps_from(place, Tasks::Borders), Tasks::Borders);
        }
        self.trace_tasks();
        self.spread(
            self.steps_from(Place::Elsewhere, Tasks::Borders),
            Tasks::Borders,
        );
        // Then what is held by wakers alone, such as a task that has ended.
        let mut by_wakers: Vec<Step> = Vec::new();
        for edge in &self.edges {
            let reached = self.reached[edge.from as usize];
            if reached != Reached::Nothing && self.is_left(edge.to) {
                by_wakers.push(Step {
                    block: edge.to,
                    parent: edge.from,
                    reached,
                });
            }
        }
        self.spread(by_wakers, Tasks::Crossed);
        for place in [Place::Static, Place::Thread, Place::Elsewhere] {
            self.spread(self.steps_from(place, Tasks::Crossed), Tasks::Crossed);
        }
        let edges = std::mem::take(&mut self.edges);
        self.trace_the_rest(&edges);
        self.edges = edges;
    }

    fn steps_from(&self, place: Place, tasks: Tasks) -> Vec<Step> {
        let of_place = self.entries.iter().filter(|entry| {
            entry.place == place && (tasks == Tasks::Crossed || self.keeps(entry.to, entry.way))
        });
        let step = |entry: &Entry| Step {
            block: entry.to,
            parent: entry.to,
            reached: match place {
                Place::Static => Reached::Static(entry.address),
                Place::Thread => Reached::Thread(entry.address),
                Place::Elsewhere => Reached::Elsewhere,
            },
        };
        of_place.map(step).collect()
    }

    /// Whether a pointer of this way keeps what it points at.
    fn keeps(&self, to: u32, way: Way) -> bool {
        !(self.is_task[to as usize] && way.only_wakes())
    }

    /// Whether one block holds another by this pointer, where tasks are borders.
    pub(super) fn is_holding(&self, edge: &Edge) -> bool {
        !self.is_task[edge.from as usize] && self.keeps(edge.to, edge.way)
    }

    pub(super) fn is_entered_by(&self, entry: &Entry) -> bool {
        self.keeps(entry.to, entry.way)
    }

    fn is_left(&self, at: u32) -> bool {
        self.reached[at as usize] == Reached::Nothing
    }

    /// What tasks hold, and the tasks that only their runtime holds: it has the first of them, and each has the next.
    fn trace_tasks(&mut self) {
        let mut linked: Vec<bool> = vec![false; self.blocks.len()];
        let mut to_do: Vec<u32> = (0..self.blocks.len())
            .filter(|&at| self.is_task[at] && self.reached[at] != Reached::Nothing)
            .map(number)
            .collect();
        for &at in &to_do {
            linked[at as usize] = true;
        }
        // A runtime that is older than the watch isn't known; what is left of freed tasks looks alike, but isn't linked to others.
        for entry in &self.entries {
            if self.is_task[entry.to as usize] && self.is_entered_by(entry) {
                to_do.push(entry.to);
            }
        }
        let mut seen = linked.clone();
        while let Some(at) = to_do.pop() {
            for edge in from(&self.edges, at) {
                let to = edge.to as usize;
                if self.is_task[to] && !edge.way.is_inside && edge.to != at {
                    linked[to] = true;
                    if !seen[to] {
                        seen[to] = true;
                        to_do.push(edge.to);
                    }
                }
            }
        }
        let mut tasks: Vec<u32> = (0..self.blocks.len())
            .filter(|&at| linked[at])
            .map(number)
            .collect();
        let alive = tasks.clone();
        while !tasks.is_empty() {
            let mut steps = Vec::new();
            for &task in &tasks {
                let held = from(&self.edges, task).iter();
                let held = held.filter(|edge| !self.is_task[edge.to as usize]);
                steps.extend(held.map(|edge| Step {
                    block: edge.to,
                    parent: task,
                    reached: Reached::Task(task),
                }));
            }
            let reached = self.spread(steps, Tasks::Borders);
            tasks = reached
                .into_iter()
                .filter(|&at| self.is_task[at as usize] && !linked[at as usize])
                .collect();
        }
        for task in alive {
            if self.is_left(task) {
                self.reached[task as usize] = Reached::Runtime;
            }
        }
    }

    /// What no root reaches: lost blocks with all that only they point to, and cycles with all that hangs on them.
    fn trace_the_rest(&mut self, edges: &[Edge]) {
        let is_left = |graph: &Graph, at: u32| graph.reached[at as usize] == Reached::Nothing;
        let mut pointed_at = vec![false; self.blocks.len()];
        for edge in edges {
            pointed_at[edge.to as usize] |= is_left(self, edge.from);
        }
        let mut behind_lost = vec![false; self.blocks.len()];
        let mut to_do: Vec<u32> = (0..self.blocks.len())
            .map(number)
            .filter(|&at| is_left(self, at) && !pointed_at[at as usize])
            .collect();
        for &at in &to_do {
            behind_lost[at as usize] = true;
        }
        while let Some(at) = to_do.pop() {
            for edge in from(edges, at) {
                let to = edge.to as usize;
                if is_left(self, edge.to) && !behind_lost[to] {
                    behind_lost[to] = true;
                    self.parents[to] = at;
                    to_do.push(edge.to);
                }
            }
        }
        for (reached, is_lost) in self.reached.iter_mut().zip(behind_lost) {
            if *reached == Reached::Nothing && !is_lost {
                *reached = Reached::Cycle;
            }
        }
        for edge in edges {
            let (holder, held) = (edge.from as usize, edge.to as usize);
            let in_cycle = |at: usize| self.reached[at] == Reached::Cycle;
            if holder != held && in_cycle(holder) && in_cycle(held) && self.parents[held] == edge.to
            {
                self.parents[held] = edge.from;
            }
        }
    }

    /// Marks the blocks and whatever they lead to, as far as nothing else was there before; the nearest first, so that a block's
    /// chain is the shortest. Of chains that are equally long, the one through the older sites: addresses differ with each run.
    /// Returns the blocks that were reached.
    fn spread(&mut self, mut level: Vec<Step>, tasks: Tasks) -> Vec<u32> {
        let mut all = Vec::new();
        while !level.is_empty() {
            let site = |block: u32| self.blocks[block as usize].site;
            level.sort_by_key(|step| (site(step.parent), site(step.block)));
            let mut next = Vec::new();
            for step in level {
                let at = step.block as usize;
                if self.reached[at] != Reached::Nothing {
                    continue;
                }
                self.reached[at] = step.reached;
                self.parents[at] = step.parent;
                all.push(step.block);
                let crosses = tasks == Tasks::Crossed;
                let followed = from(&self.edges, step.block)
                    .iter()
                    .filter(|edge| crosses || self.is_holding(edge));
                next.extend(followed.map(|edge| Step {
                    block: edge.to,
                    parent: step.block,
                    reached: step.reached,
                }));
            }
            level = next;
        }
        all
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

/// The pointers in one block.
pub(super) fn from(edges: &[Edge], block: u32) -> &[Edge] {
    let start = edges.partition_point(|edge| edge.from < block);
    let end = start + edges[start..].partition_point(|edge| edge.from == block);
    &edges[start..end]
}

/// In the order of their addresses.
fn live_blocks(scope: ScopeHandle) -> Vec<Block> {
    let mut count = 0;
    allocator::each_block(scope, |_, _, _, _| count += 1);
    // Room for some more, since other threads go on: growing would leave a copy, full of pointers, in freed memory.
    let mut blocks = Vec::with_capacity(count + count / 8 + 64);
    allocator::each_block(scope, |start, size, site, is_of_scope| {
        if blocks.len() < blocks.capacity() {
            let site = u32::try_from(site).unwrap_or(0);
            blocks.push(Block {
                start,
                size,
                site,
                is_of_scope,
            });
        }
    });
    blocks.sort_unstable_by_key(|block| block.start);
    blocks
}

fn end_of(block: Block) -> usize {
    // A block of no bytes has an address all the same.
    block.start + block.size.max(1)
}

/// The block that an address lies in.
fn block_at(blocks: &[Block], address: usize) -> Option<usize> {
    let at = blocks
        .partition_point(|block| block.start <= address)
        .checked_sub(1)?;
    (address < end_of(blocks[at])).then_some(at)
}

pub(super) fn number(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than four billion blocks are live")
}
