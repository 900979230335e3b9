//! Live blocks and the pointers between them: which blocks the roots reach.

use super::memory::{Memory, OfThread, Place, Word};
use super::room::Unused;
use super::wakers::{self, Tables};
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

/// Whether a walk goes on through tasks and runtimes. Each task of a runtime is linked to the next, and the runtime knows all of them.
/// Whatever reaches one of them by a stray pointer would reach all of them, and hold what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runtimes {
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
    /// For each block: how many wakers lie in it.
    pub(super) wakers: Vec<u32>,
    /// In the order of what they start from.
    pub(super) edges: Vec<Edge>,
    pub(super) entries: Vec<Entry>,
    /// For each block: what it is to a runtime.
    parts: Vec<Part>,
    /// What belongs to which thread.
    pub(super) threads: Vec<OfThread>,
    /// What is local to the calling thread.
    pub(super) locals: Vec<Range<usize>>,
    /// Memory that was left out, in words.
    pub(super) not_read: Option<String>,
}

impl Graph {
    pub(super) fn of_live_blocks(
        scope: ScopeHandle,
        stacks_of: Stacks<'_>,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        let begins = super::watched_state().map(|state| state.start);
        let mut memory = Memory::of_this_process(begins)?;
        let blocks = live_blocks(scope);
        let mut graph = Graph {
            reached: vec![Reached::Nothing; blocks.len()],
            parents: (0..blocks.len()).map(number).collect(),
            pointers: vec![0; blocks.len()],
            unused: vec![Unused::default(); blocks.len()],
            wakers: vec![0; blocks.len()],
            edges: Vec::new(),
            entries: Vec::new(),
            parts: vec![Part::None; blocks.len()],
            threads: std::mem::take(&mut memory.threads),
            locals: std::mem::take(&mut memory.locals),
            not_read: memory.not_read(),
            blocks,
        };
        if !graph.blocks.is_empty() {
            let sites = graph.read(&memory, is_over)?;
            graph.know_runtimes(&sites, stacks_of);
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
        let mut tables = Tables::default();
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
                let block = blocks[at];
                if task::has_table_at(block.start, block.size, address) {
                    like_tasks.insert(block.site);
                }
                tables.add(number(at), block.size, value, |table| memory.words(table));
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
                // A block that points into its own middle, as a future does, isn't held by that pointer. A block that owns itself points
                // at its own start, and is a cycle.
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
        for block in tables.of_wakers(&wakers::named) {
            self.wakers[block as usize] += 1;
        }
        edges.sort_unstable_by_key(|edge| edge.from);
        self.edges = edges;
        self.entries = entries;
        Ok(like_tasks)
    }

    /// Finds the tasks, and those parts of their runtimes that stand beside them.
    fn know_runtimes(&mut self, like_tasks: &HashSet<u32>, stacks_of: Stacks<'_>) {
        let made_by = |sites: &HashSet<u32>, is_wanted: &dyn Fn(&[String]) -> bool| {
            let numbers: Vec<usize> = sites.iter().map(|site| *site as usize).collect();
            let stacks = stacks_of(&numbers);
            let made = sites.iter().zip(&stacks);
            let made = made.filter(|(_, (_, functions))| is_wanted(functions));
            made.map(|(site, _)| *site).collect::<HashSet<u32>>()
        };
        let tasks = made_by(like_tasks, &task::is_made_by);
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
            runtimes.extend(made_by(&beside, &task::is_part_of_runtime));
        }
        for (part, block) in self.parts.iter_mut().zip(&self.blocks) {
            *part = match block.site {
                site if tasks.contains(&site) => Part::Task,
                site if runtimes.contains(&site) => Part::Runtime,
                _ => Part::None,
            };
        }
    }

    pub(super) fn is_task(&self, at: u32) -> bool {
        self.parts[at as usize] == Part::Task
    }

    fn trace(&mut self) {
        // What a static holds is the static's, whoever looks at it as well. The weakest evidence comes last.
        let of_statics = self.steps_from(Place::Static, Runtimes::Borders);
        self.spread(of_statics, Runtimes::Borders);
        // An earlier watch may have left its pointers in the same function's frame: what the watch's own state holds is that's.
        let state = super::watched_state().unwrap_or_default();
        let is_of_state = |step: &Step| match step.reached {
            Reached::Thread(address) => state.contains(&address),
            _ => false,
        };
        let of_threads = self.steps_from(Place::Thread, Runtimes::Borders);
        let (of_state, others): (Vec<_>, Vec<_>) = of_threads.into_iter().partition(is_of_state);
        self.spread(of_state, Runtimes::Borders);
        // A frame keeps pointers that nobody uses any more. So what a task holds is the task's, though a frame points there as well.
        let alive = self.alive_with(&others);
        self.trace_tasks(&alive);
        self.spread(others, Runtimes::Borders);
        self.trace_runtimes(&alive);
        self.spread(
            self.steps_from(Place::Elsewhere, Runtimes::Borders),
            Runtimes::Borders,
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
        self.spread(by_wakers, Runtimes::Crossed);
        for place in [Place::Static, Place::Thread, Place::Elsewhere] {
            self.spread(self.steps_from(place, Runtimes::Crossed), Runtimes::Crossed);
        }
        let edges = std::mem::take(&mut self.edges);
        self.trace_the_rest(&edges);
        self.edges = edges;
    }

    fn steps_from(&self, place: Place, runtimes: Runtimes) -> Vec<Step> {
        let of_place = self.entries.iter().filter(|entry| {
            entry.place == place
                && (runtimes == Runtimes::Crossed || self.keeps(entry.to, entry.way))
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
        !(self.is_task(to) && way.only_wakes())
    }

    /// Whether one block holds another by this pointer, where tasks and runtimes are borders.
    pub(super) fn is_holding(&self, edge: &Edge) -> bool {
        self.parts[edge.from as usize] == Part::None && self.keeps(edge.to, edge.way)
    }

    pub(super) fn is_entered_by(&self, entry: &Entry) -> bool {
        self.keeps(entry.to, entry.way)
    }

    fn is_left(&self, at: u32) -> bool {
        self.reached[at as usize] == Reached::Nothing
    }

    /// The tasks that live, were these steps taken.
    fn alive_with(&mut self, steps: &[Step]) -> Vec<bool> {
        let before = (self.reached.clone(), self.parents.clone());
        self.spread(steps.to_vec(), Runtimes::Borders);
        let alive = self.alive();
        (self.reached, self.parents) = before;
        alive
    }

    /// What tasks hold.
    fn trace_tasks(&mut self, alive: &[bool]) {
        let mut sources: Vec<u32> = (0..self.blocks.len())
            .filter(|&at| alive[at])
            .map(number)
            .collect();
        while !sources.is_empty() {
            let mut steps = Vec::new();
            for &task in &sources {
                let held = from(&self.edges, task).iter();
                let held = held.filter(|edge| !self.is_task(edge.to));
                steps.extend(held.map(|edge| Step {
                    block: edge.to,
                    parent: task,
                    reached: Reached::Task(task),
                }));
            }
            // Such as a task that has ended, whose result is wanted by another one.
            let reached = self.spread(steps, Runtimes::Borders);
            sources = reached
                .into_iter()
                .filter(|&at| self.is_task(at) && !alive[at as usize])
                .collect();
        }
    }

    /// The tasks that only their runtime holds, with what else it has.
    fn trace_runtimes(&mut self, alive: &[bool]) {
        let mut of_runtimes: Vec<Step> = Vec::new();
        for (at, alive) in alive.iter().enumerate() {
            if *alive && self.is_left(number(at)) {
                self.reached[at] = Reached::Runtime;
            }
        }
        for edge in &self.edges {
            let is_known = self.reached[edge.from as usize] != Reached::Nothing;
            if is_known && self.parts[edge.from as usize] == Part::Runtime {
                of_runtimes.push(Step {
                    block: edge.to,
                    parent: edge.from,
                    reached: Reached::Runtime,
                });
            }
        }
        self.spread(of_runtimes, Runtimes::Crossed);
    }

    /// The tasks that are known to live: something holds them, their runtime knows them, or such a task is linked to them.
    fn alive(&self) -> Vec<bool> {
        let is_reached = |at: u32| self.reached[at as usize] != Reached::Nothing;
        let mut alive: Vec<bool> = (0..self.blocks.len())
            .map(|at| self.is_task(number(at)) && is_reached(number(at)))
            .collect();
        for part in self.reached_parts_of_runtimes() {
            for edge in from(&self.edges, part) {
                if self.is_task(edge.to) {
                    alive[edge.to as usize] |= !edge.way.is_inside;
                }
            }
        }
        let mut to_do: Vec<u32> = (0..self.blocks.len())
            .filter(|&at| alive[at])
            .map(number)
            .collect();
        // A runtime that is older than the watch isn't known. What is left of freed tasks looks alike, but isn't linked to others.
        let unknown = self.entries.iter().filter(|entry| self.is_task(entry.to));
        to_do.extend(
            unknown
                .filter(|entry| !entry.way.is_inside)
                .map(|entry| entry.to),
        );
        let mut seen = alive.clone();
        while let Some(at) = to_do.pop() {
            for edge in from(&self.edges, at) {
                let to = edge.to as usize;
                if self.is_task(edge.to) && !edge.way.is_inside && edge.to != at {
                    alive[to] = true;
                    if !seen[to] {
                        seen[to] = true;
                        to_do.push(edge.to);
                    }
                }
            }
        }
        alive
    }

    /// The parts of runtimes that something holds, and the parts that these lead to: a runtime's handle has its list of tasks in a
    /// block of its own.
    fn reached_parts_of_runtimes(&self) -> Vec<u32> {
        let is_part = |at: u32| self.parts[at as usize] == Part::Runtime;
        let mut parts: Vec<u32> = (0..self.blocks.len())
            .map(number)
            .filter(|&at| is_part(at) && !self.is_left(at))
            .collect();
        let mut seen: HashSet<u32> = parts.iter().copied().collect();
        let mut next = 0;
        while let Some(&part) = parts.get(next) {
            next += 1;
            let led_to = from(&self.edges, part).iter().map(|edge| edge.to);
            parts.extend(led_to.filter(|&to| is_part(to) && seen.insert(to)));
        }
        parts
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
    fn spread(&mut self, mut level: Vec<Step>, runtimes: Runtimes) -> Vec<u32> {
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
                let crosses = runtimes == Runtimes::Crossed;
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
