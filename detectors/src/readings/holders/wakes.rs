//! Which waiting tasks something may still wake: the pointers of the whole program, read with Go's rule for goroutines.
//!
//! ```text
//! statics, stacks, thread-locals, memory that isn't known, tasks that run or are due
//!      | live is what these lead to
//!      v
//!   a block, or a task's own memory, with a waker of a waiting task -> that task lives, and what it holds
//! ```
//!
//! A waiting task is no root. What it holds is live once it is itself. This goes on until nothing changes. What is left waits for what
//! only such tasks hold.
//!
//! That much is Go's, whose collector knows every pointer. Here a pointer may be out of sight: in a register, in the kernel, in other
//! bits than an address. So three things are asked of what is left, and what fails one of them is in doubt, with all that it leads to:
//!
//! - Each reference that a task's own count tells of is seen as a waker, and not in a block by itself.
//! - A block with counts of its own, as an `Arc` has, is pointed at as often as the counts say.
//! - Nothing of it is led to by a block that nothing points at.
//!
//! It is asked of a copy of the process, in which nothing moves.

use super::glibc::{Freed, freed_in_a_copy};
use super::graph::{Block, block_at, end_of, number};
pub(crate) use super::memory::static_at;
use super::memory::{Around, Memory, Place, Word};
use crate::allocator;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

/// A task that is alive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alive {
    /// Where its memory is.
    pub(crate) start: usize,
    pub(crate) size: usize,
    /// How many wakers there are of it; `None` where it runs or is due to, and needs none.
    pub(crate) wakers: Option<u64>,
}

/// How a waker of a task lies in memory: two words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WakerInMemory {
    /// Where its table of functions is.
    pub(crate) table: usize,
    /// Where the table's address stands, in words from the task's.
    pub(crate) table_at: isize,
}

/// What the walk came to, for one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Walked {
    /// It runs or is due.
    Runs,
    /// Something live can wake it.
    Lives(Lead),
    /// It has no waker.
    NoWaker,
    /// All its wakers are in memory that only such tasks hold.
    OnlyByStuck,
    /// Some of its wakers weren't found.
    OutOfSight,
    /// What holds a waker of it is itself held by something that is out of sight.
    HeldOutOfSight,
}

/// The way to what can wake a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lead {
    /// The sites of the blocks that lead to its waker, the nearest first.
    pub(crate) sites: Vec<u32>,
    pub(crate) from: From,
}

/// Where such a way begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum From {
    /// The static at this address.
    Static(usize),
    Thread,
    /// Another task: which of those that were asked about.
    Task(u64),
    Elsewhere,
}

impl From {
    const KINDS: u8 = 3;

    /// How well it is known, the best first.
    fn kind(self) -> u8 {
        match self {
            From::Static(_) => 0,
            From::Thread => 1,
            From::Task(_) => 2,
            From::Elsewhere => Self::KINDS,
        }
    }
}

/// Blocks of a waiting task that nothing live leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holds {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

/// How many blocks of a way are told.
const STEPS_MAX: usize = 4;

/// Of so many stuck tasks it is told what they hold; each is a walk of its own.
const WEIGHED_MAX: usize = 1_000;

/// On a stack the two words of a waker may be apart: so far at most.
const APART_ON_A_STACK: isize = 16;

const WAKER_BYTES: usize = 2 * size_of::<usize>();

/// The bits of a word that an address of a process has. What programs keep in the others is a mark of theirs, and the word a pointer.
const ADDRESS_BITS: usize = (1 << 48) - 1;

/// No block, no task.
const NONE: u32 = u32::MAX;

/// What the memory says of each task, and what it holds.
///
/// # Errors
///
/// In words, when the memory can't be read.
pub(crate) fn judge(tasks: &[Alive], waker: WakerInMemory) -> Result<Vec<(Walked, Holds)>, String> {
    let memory = Memory::of_this_process(None)?;
    let freed = freed_in_a_copy(&memory);
    let mut pointers = Pointers::among(with_tasks(noted_blocks(tasks.len()), tasks), tasks);
    pointers.read(&memory, &freed, waker)?;
    let counted = |block: u32| counted(pointers.blocks[block as usize], &memory);
    let mut walk = Walk::of(&pointers, tasks, &counted);
    walk.spread_roots();
    walk.mark_what_the_rest_holds();
    walk.doubt();
    Ok(walk.told())
}

/// In the order of their addresses, with room for so many more.
fn noted_blocks(more: usize) -> Vec<Block> {
    let mut count = 0;
    allocator::each_noted_block(|_, _, _| count += 1);
    // Growing would leave a copy, full of pointers, in freed memory.
    let mut blocks = Vec::with_capacity(count + more + 64);
    let room = blocks.capacity() - more;
    allocator::each_noted_block(|start, size, site| {
        if blocks.len() < room {
            blocks.push(Block {
                start,
                size,
                site: u32::try_from(site).unwrap_or(0),
                is_of_scope: false,
            });
        }
    });
    blocks.sort_unstable_by_key(|block| block.start);
    blocks
}

/// The blocks, with those of tasks that are older than the notes: how large they are is known all the same.
fn with_tasks(mut blocks: Vec<Block>, tasks: &[Alive]) -> Vec<Block> {
    let noted = blocks.len();
    for task in tasks {
        let is_noted = block_at(&blocks[..noted], task.start).is_some();
        if !is_noted && blocks.len() < blocks.capacity() {
            blocks.push(Block {
                start: task.start,
                size: task.size,
                site: 0,
                is_of_scope: false,
            });
        }
    }
    blocks.sort_unstable_by_key(|block| block.start);
    blocks
}

/// What points where.
struct Pointers {
    blocks: Vec<Block>,
    /// For each block: the task whose memory it is.
    task_of: Vec<u32>,
    /// For each task: its block.
    block_of: Vec<u32>,
    /// From one block into another; by what they start from.
    edges: Vec<(u32, u32)>,
    /// From outside of all blocks.
    roots: Vec<(From, u32)>,
    /// For each block: how many pointers to it were seen, as whoever shares it keeps one.
    seen: Vec<u32>,
    /// The blocks that are a vector's room: what stands in them is entries, and no counts, whatever it looks like.
    rooms: HashSet<u32>,
    /// Wakers of tasks: in which block they lie, and whose they are; by block.
    wakers: Vec<(u32, u32)>,
    /// Wakers outside of all blocks.
    wakers_outside: Vec<(From, u32)>,
}

impl Pointers {
    fn among(blocks: Vec<Block>, tasks: &[Alive]) -> Self {
        let mut task_of = vec![NONE; blocks.len()];
        let mut block_of = vec![NONE; tasks.len()];
        for (task, alive) in tasks.iter().enumerate() {
            let at = block_at(&blocks, alive.start);
            if let Some(at) = at.filter(|at| blocks[*at].start == alive.start) {
                task_of[at] = number(task);
                block_of[task] = number(at);
            }
        }
        Pointers {
            seen: vec![0; blocks.len()],
            rooms: HashSet::new(),
            blocks,
            task_of,
            block_of,
            edges: Vec::new(),
            roots: Vec::new(),
            wakers: Vec::new(),
            wakers_outside: Vec::new(),
        }
    }

    fn read(&mut self, memory: &Memory, freed: &Freed, waker: WakerInMemory) -> Result<(), String> {
        let Pointers {
            blocks,
            task_of,
            edges,
            roots,
            seen,
            rooms,
            wakers,
            wakers_outside,
            ..
        } = self;
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(());
        };
        let (lowest, highest) = (first.start, end_of(*last));
        let mut without: Vec<Range<usize>> = allocator::own_tables().collect();
        // The list of blocks is a list of pointers to all of them.
        let own = blocks.as_ptr().addr();
        without.push(own..own + size_of_val(blocks.as_slice()));
        without.sort_by_key(|range| range.start);
        memory.each_word(&without, &|| false, |word, around| {
            let Word {
                address,
                value,
                place,
            } = word;
            let value = value & ADDRESS_BITS;
            if value < lowest || value >= highest {
                return;
            }
            let Some(to) = block_at(blocks, value) else {
                return;
            };
            let from = block_at(blocks, address);
            let isnt_the_programs = match from {
                // The rest of the word is the allocator's, and what it was before.
                Some(from) => end_of(blocks[from]) < address + size_of::<usize>(),
                None => freed.has(address) || is_link_of_freed(word, blocks[to], memory),
            };
            if isnt_the_programs {
                return;
            }
            let outside = match place {
                Place::Static => From::Static(address),
                Place::Thread => From::Thread,
                Place::Elsewhere => From::Elsewhere,
            };
            let offset = value - blocks[to].start;
            let task = task_of[to];
            if task != NONE && offset == 0 {
                // Its runtime's lists, its `JoinHandle` and its neighbours point there as well. They wake nobody.
                match from {
                    Some(from) if is_waker(around, waker) => wakers.push((number(from), task)),
                    None if is_waker(around, waker) || is_waker_apart(around, waker, place) => {
                        wakers_outside.push((outside, task));
                    }
                    _ => {}
                }
                return;
            }
            if is_as_shared(offset) {
                seen[to] += 1;
            }
            if offset == 0 && is_vectors(around, blocks[to].size) {
                rooms.insert(number(to));
            }
            match from {
                Some(from) if from == to => {}
                Some(from) => edges.push((number(from), number(to))),
                None => roots.push((outside, number(to))),
            }
        })?;
        edges.sort_unstable();
        edges.dedup();
        wakers.sort_unstable();
        Ok(())
    }

    /// The blocks that a block points into.
    fn from(&self, block: u32) -> impl Iterator<Item = u32> {
        let start = self.edges.partition_point(|(from, _)| *from < block);
        let edges = self.edges[start..].iter();
        edges
            .take_while(move |(from, _)| *from == block)
            .map(|(_, to)| *to)
    }

    /// The tasks of which a waker lies in a block.
    fn wakers_in(&self, block: u32) -> impl Iterator<Item = u32> {
        let start = self.wakers.partition_point(|(at, _)| *at < block);
        let wakers = self.wakers[start..].iter();
        wakers
            .take_while(move |(at, _)| *at == block)
            .map(|(_, task)| *task)
    }

    fn is_task(&self, block: u32) -> bool {
        self.task_of[block as usize] != NONE
    }
}

impl Drop for Pointers {
    /// Freed as it is, the list of blocks would be memory that points to all of them.
    fn drop(&mut self) {
        for block in &mut self.blocks {
            block.start = 0;
        }
        std::hint::black_box(&mut self.blocks);
    }
}

fn is_waker(around: Around<'_>, waker: WakerInMemory) -> bool {
    around.at(waker.table_at) == Some(waker.table)
}

/// Whether both words of a waker stand near each other in a frame.
fn is_waker_apart(around: Around<'_>, waker: WakerInMemory, place: Place) -> bool {
    let mut near = -APART_ON_A_STACK..=APART_ON_A_STACK;
    place != Place::Static && near.any(|further| around.at(further) == Some(waker.table))
}

/// Whether a word is one by which glibc's allocator finds a freed part of the heap, and no pointer of the program's.
///
/// ```text
/// a block ........ its last word | of the freed part: its size | the next one | the one before
///                  ^ here glibc says that the part begins
/// ```
///
/// Source: `malloc/malloc.c` of glibc: a part in one of its lists is pointed at by the next one and the one before, and points back.
fn is_link_of_freed(word: Word, block: Block, memory: &Memory) -> bool {
    const NEXT: usize = 2 * size_of::<usize>();
    const BEFORE: usize = 3 * size_of::<usize>();
    let Word { address, value, .. } = word;
    let is_last = end_of(block).saturating_sub(value) <= size_of::<usize>();
    if !is_last || !value.is_multiple_of(2 * size_of::<usize>()) {
        return false;
    }
    let links = memory.words::<2>(value + NEXT);
    links.is_some_and(|[next, before]| {
        before.wrapping_add(NEXT) == address || next.wrapping_add(BEFORE) == address
    })
}

/// Whether a pointer to the start of a block of that size is a vector's, with its capacity before and its length behind it. One place is no
/// evidence: its capacity divides any size.
fn is_vectors(around: Around<'_>, size: usize) -> bool {
    let (Some(capacity), Some(length)) = (around.at(-1), around.at(1)) else {
        return false;
    };
    let is_capacity = (2..=size / size_of::<usize>()).contains(&capacity);
    is_capacity && length <= capacity && size.is_multiple_of(capacity)
}

/// Whether a pointer of this offset is one of those that share a block: to its counts, or to the value behind them.
fn is_as_shared(offset: usize) -> bool {
    const COUNTS_BYTES: usize = 2 * size_of::<usize>();
    offset == 0 || offset == COUNTS_BYTES
}

/// What is known of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Live,
    /// Waiting tasks that nothing live can wake hold it.
    OfTheRest,
    /// The same, or nothing holds it; and whether nothing live does is in doubt.
    InDoubt,
}

/// How often a block is held by its own counts, if it looks like one that is shared.
fn counted(block: Block, memory: &Memory) -> Option<usize> {
    const HIGHEST: usize = 1 << 32;
    if block.size < 2 * size_of::<usize>() {
        return None;
    }
    let [strong, weak] = memory.words::<2>(block.start)?;
    let are_counts = (1..HIGHEST).contains(&strong) && (1..HIGHEST).contains(&weak);
    // All that share it have one weak reference together.
    are_counts.then(|| strong + weak - 1)
}

struct Walk<'p> {
    pointers: &'p Pointers,
    tasks: &'p [Alive],
    counted: &'p dyn Fn(u32) -> Option<usize>,
    states: Vec<State>,
    /// For each live block: the one that leads to it; itself where a root does.
    parents: Vec<u32>,
    /// For each live block that a root leads to: which.
    leads: HashMap<u32, From>,
    /// For each task: how many of its wakers lie in what the rest holds.
    found: Vec<u64>,
    /// The tasks of which a waker is out of sight.
    unseen: HashSet<u32>,
}

impl<'p> Walk<'p> {
    fn of(
        pointers: &'p Pointers,
        tasks: &'p [Alive],
        counted: &'p dyn Fn(u32) -> Option<usize>,
    ) -> Self {
        Walk {
            pointers,
            tasks,
            counted,
            states: vec![State::Unknown; pointers.blocks.len()],
            parents: vec![NONE; pointers.blocks.len()],
            leads: HashMap::new(),
            found: vec![0; tasks.len()],
            unseen: HashSet::new(),
        }
    }

    /// The block of a task that a waker may wake. One that has none any more is left from before.
    fn woken(&self, task: u32) -> Option<u32> {
        let block = self.pointers.block_of[task as usize];
        let is_old = self.tasks[task as usize].wakers == Some(0);
        (block != NONE && !is_old).then_some(block)
    }

    /// Marks blocks and what they lead to, the nearest first.
    fn spread(&mut self, starts: impl Iterator<Item = u32>, state: State, over: &[State]) {
        let mut to_do: VecDeque<(u32, u32)> = starts.map(|start| (start, start)).collect();
        while let Some((at, parent)) = to_do.pop_front() {
            if !over.contains(&self.states[at as usize]) {
                continue;
            }
            self.states[at as usize] = state;
            self.parents[at as usize] = parent;
            to_do.extend(self.pointers.from(at).map(|to| (to, at)));
            let woken = self.pointers.wakers_in(at);
            to_do.extend(woken.filter_map(|task| Some((self.woken(task)?, at))));
        }
    }

    fn spread_roots(&mut self) {
        let pointers = self.pointers;
        let running = (0..self.tasks.len()).filter(|task| self.tasks[*task].wakers.is_none());
        let running = running.map(number);
        let running = running.filter_map(|task| Some((From::Task(task.into()), self.woken(task)?)));
        let wakers = pointers.wakers_outside.iter();
        let wakers = wakers.filter_map(|(from, task)| Some((*from, self.woken(*task)?)));
        let roots = pointers.roots.iter().copied();
        let roots: Vec<(From, u32)> = roots.chain(wakers).chain(running).collect();
        // What is known best comes first: it is what is told.
        for kind in 0..=From::KINDS {
            let of_kind = roots.iter().filter(|(from, _)| from.kind() == kind);
            let of_kind: Vec<(From, u32)> = of_kind.copied().collect();
            for (from, block) in &of_kind {
                if self.states[*block as usize] == State::Unknown {
                    self.leads.entry(*block).or_insert(*from);
                }
            }
            let starts = of_kind.into_iter().map(|(_, block)| block);
            self.spread(starts, State::Live, &[State::Unknown]);
        }
    }

    /// The waiting tasks that nothing live leads to.
    fn rest(&self) -> Vec<(u32, u32)> {
        let blocks = self.pointers.block_of.iter().enumerate();
        let blocks = blocks.map(|(task, block)| (number(task), *block));
        let is_rest = |(task, block): &(u32, u32)| {
            *block != NONE
                && self.tasks[*task as usize].wakers.is_some()
                && self.states[*block as usize] != State::Live
        };
        blocks.filter(is_rest).collect()
    }

    fn mark_what_the_rest_holds(&mut self) {
        let rest = self.rest();
        let mut to_do: Vec<u32> = rest.iter().map(|(_, block)| *block).collect();
        while let Some(at) = to_do.pop() {
            if self.states[at as usize] == State::Unknown {
                self.states[at as usize] = State::OfTheRest;
                to_do.extend(self.pointers.from(at));
            }
        }
        for (block, task) in &self.pointers.wakers {
            let is_of_rest = self.states[*block as usize] == State::OfTheRest;
            // A block of one waker alone: what points there may be an old pointer, to where something else lies today.
            let is_alone = self.pointers.blocks[*block as usize].size <= WAKER_BYTES;
            self.found[*task as usize] += u64::from(is_of_rest && !is_alone);
        }
    }

    /// Finds what may be held by something that is out of sight, and what that leads to.
    fn doubt(&mut self) {
        let lacks_wakers = |(task, _): &&(u32, u32)| {
            let wakers = self.tasks[*task as usize].wakers.unwrap_or(0);
            self.found[*task as usize] < wakers
        };
        let rest = self.rest();
        let lacking: Vec<(u32, u32)> = rest.iter().filter(lacks_wakers).copied().collect();
        self.unseen = lacking.iter().map(|(task, _)| *task).collect();
        let blocks = (0..self.states.len()).map(number);
        let doubtful: Vec<u32> = blocks
            .filter(|&block| match self.states[block as usize] {
                State::Unknown => true,
                State::OfTheRest => self.is_held_out_of_sight(block),
                State::Live | State::InDoubt => false,
            })
            .chain(lacking.into_iter().map(|(_, block)| block))
            .collect();
        let over = [State::Unknown, State::OfTheRest];
        self.spread(doubtful.into_iter(), State::InDoubt, &over);
    }

    /// Whether a block with counts is held more often than pointers to it were seen.
    fn is_held_out_of_sight(&self, block: u32) -> bool {
        let seen = self.pointers.seen[block as usize] as usize;
        let is_counted = !self.pointers.is_task(block) && !self.pointers.rooms.contains(&block);
        is_counted && (self.counted)(block).is_some_and(|counted| counted > seen)
    }

    fn told(&self) -> Vec<(Walked, Holds)> {
        let mut weighed = 0;
        let tasks = (0..self.tasks.len()).map(number);
        tasks
            .map(|task| {
                let walked = self.walked(task);
                let is_stuck = matches!(walked, Walked::NoWaker | Walked::OnlyByStuck);
                weighed += usize::from(is_stuck);
                let holds = if is_stuck && weighed <= WEIGHED_MAX {
                    self.holds(task)
                } else {
                    Holds::default()
                };
                (walked, holds)
            })
            .collect()
    }

    fn walked(&self, task: u32) -> Walked {
        let block = self.pointers.block_of[task as usize];
        match (self.tasks[task as usize].wakers, block) {
            (None, _) => Walked::Runs,
            (Some(0), _) => Walked::NoWaker,
            (Some(_), NONE) => Walked::OutOfSight,
            _ if self.unseen.contains(&task) => Walked::OutOfSight,
            (Some(_), block) => match self.states[block as usize] {
                State::Live => Walked::Lives(self.lead(block)),
                State::OfTheRest => Walked::OnlyByStuck,
                State::InDoubt | State::Unknown => Walked::HeldOutOfSight,
            },
        }
    }

    fn lead(&self, block: u32) -> Lead {
        let mut sites = Vec::new();
        let mut at = block;
        loop {
            let parent = self.parents[at as usize];
            if parent == at {
                break;
            }
            at = parent;
            if sites.len() < STEPS_MAX && !self.pointers.is_task(at) {
                sites.push(self.pointers.blocks[at as usize].site);
            }
        }
        let from = self.leads.get(&at).copied();
        let through = self.pointers.task_of[at as usize];
        let from = match from {
            Some(From::Elsewhere) | None if through != NONE && at != block => {
                From::Task(through.into())
            }
            from => from.unwrap_or(From::Elsewhere),
        };
        Lead { sites, from }
    }

    /// What nothing live leads to, and this task does: its own block too.
    fn holds(&self, task: u32) -> Holds {
        let mut holds = Holds::default();
        let mut seen = HashSet::new();
        let own = self.pointers.block_of[task as usize];
        let mut to_do = vec![own];
        while let Some(at) = to_do.pop() {
            let is_others = at != own && self.states[at as usize] == State::Live;
            if at == NONE || is_others || !seen.insert(at) {
                continue;
            }
            holds.blocks += 1;
            holds.bytes += self.pointers.blocks[at as usize].size as u64;
            let led_to = self.pointers.from(at);
            to_do.extend(led_to.filter(|to| !self.pointers.is_task(*to)));
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    //! The rule by itself, on pointers that a test draws. That memory is read right is for the proofs.

    use super::{Alive, From, Memory, NONE, Place, Pointers, Walk, Walked, Word, is_link_of_freed};
    use crate::readings::holders::graph::Block;
    use std::cell::Cell;

    /// Blocks of 64 bytes each; the first ones are tasks.
    fn drawn(
        tasks: &[Option<u64>],
        blocks: usize,
        roots: &[u32],
        edges: &[(u32, u32)],
        wakers: &[(u32, u32)],
    ) -> Vec<Walked> {
        let start = |at: usize| 0x1_0000 + 64 * at;
        let alive: Vec<Alive> = tasks
            .iter()
            .enumerate()
            .map(|(at, wakers)| Alive {
                start: start(at),
                size: 64,
                wakers: *wakers,
            })
            .collect();
        let block = |at| Block {
            start: start(at),
            size: 64,
            site: 0,
            is_of_scope: false,
        };
        let all = tasks.len() + blocks;
        let mut pointers = Pointers::among((0..all).map(block).collect(), &alive);
        assert!(!pointers.block_of.contains(&NONE));
        pointers.roots = roots.iter().map(|to| (From::Thread, *to)).collect();
        pointers.edges = edges.to_vec();
        pointers.edges.sort_unstable();
        pointers.wakers = wakers.to_vec();
        pointers.wakers.sort_unstable();
        // Each block that isn't a task's is shared, as often as it is pointed at.
        let counted = |_| Some(0);
        let mut walk = Walk::of(&pointers, &alive, &counted);
        walk.spread_roots();
        walk.mark_what_the_rest_holds();
        walk.doubt();
        walk.told().into_iter().map(|(walked, _)| walked).collect()
    }

    #[test]
    fn a_task_that_owns_what_it_waits_for_is_stuck_and_one_whose_sender_a_thread_has_is_not() {
        // Task 0 owns both ends of the channel in block 2. A thread points at block 3, with a waker of task 1.
        let told = drawn(
            &[Some(1), Some(1)],
            2,
            &[3],
            &[(0, 2), (1, 3)],
            &[(2, 0), (3, 1)],
        );
        assert_eq!(told[0], Walked::OnlyByStuck);
        assert!(matches!(told[1], Walked::Lives(_)), "{told:?}");
    }

    #[test]
    fn a_cycle_is_stuck_until_one_of_it_can_wake() {
        // Task n waits for the channel in block 3 + n, whose sender the next one has.
        let edges = [(0, 3), (1, 4), (2, 5), (0, 5), (1, 3), (2, 4)];
        let wakers = [(3, 0), (4, 1), (5, 2)];
        let told = drawn(&[Some(1); 3], 3, &[], &edges, &wakers);
        assert_eq!(told, [const { Walked::OnlyByStuck }; 3]);
        let told = drawn(&[Some(1); 3], 3, &[4], &edges, &wakers);
        assert!(
            told.iter().all(|told| matches!(told, Walked::Lives(_))),
            "{told:?}"
        );
        let runs = drawn(&[Some(1), Some(1), None], 3, &[], &edges, &wakers);
        assert_eq!(runs[2], Walked::Runs);
        assert!(matches!(runs[0], Walked::Lives(_)), "{runs:?}");
    }

    #[test]
    fn a_task_without_a_waker_is_stuck_with_those_that_wait_for_what_it_holds() {
        // Task 0 has the sender that task 1 waits for. In block 3, which a thread has, an old waker of task 0 is left.
        let (edges, wakers) = ([(0, 2), (1, 2)], [(2, 1), (3, 0)]);
        let told = drawn(&[Some(0), Some(1)], 2, &[3], &edges, &wakers);
        assert_eq!(told, [Walked::NoWaker, Walked::OnlyByStuck]);
        // Where somebody has a pointer to what task 0 holds within itself, that isn't lost for others.
        let told = drawn(&[Some(0), Some(1)], 2, &[0], &edges, &wakers);
        assert_eq!(told[0], Walked::NoWaker);
        assert!(matches!(told[1], Walked::Lives(_)), "{told:?}");
    }

    #[test]
    fn what_is_out_of_sight_is_not_decided_with_all_that_it_leads_to() {
        // A second waker of task 0 isn't found; it has the sender that task 1 waits for.
        let edges = [(0, 2), (0, 3), (1, 3)];
        let told = drawn(&[Some(2), Some(1)], 2, &[], &edges, &[(2, 0), (3, 1)]);
        assert_eq!(told, [Walked::OutOfSight, Walked::HeldOutOfSight]);
        // Nothing points at block 3, which points at the channel of task 0: it may be held in a form that isn't seen.
        let told = drawn(&[Some(1)], 2, &[], &[(0, 1), (2, 1)], &[(1, 0)]);
        assert_eq!(told, [Walked::HeldOutOfSight]);
    }

    #[test]
    fn a_link_of_the_allocators_own_is_no_pointer() {
        // As glibc has them: the size before and the own one, the next part and the one before.
        #[repr(align(16))]
        struct Part(Cell<[usize; 4]>);
        let parts = [const { Part(Cell::new([0; 4])) }; 3];
        let [block, freed, other] = parts.each_ref().map(|part| part.0.as_ptr().addr());
        parts[1].0.set([0, 33, other, other]);
        let memory = Memory::of_this_process(None).expect("Linux tells");
        let is_link = |address, value, size| {
            let word = Word {
                address,
                value,
                place: Place::Elsewhere,
            };
            let block = Block {
                start: block,
                size,
                site: 0,
                is_of_scope: false,
            };
            is_link_of_freed(word, block, &memory)
        };
        // The block's last word and the freed part's first are the same.
        let size = freed - block + 8;
        assert!(is_link(other + 16, freed, size));
        assert!(is_link(other + 24, freed, size));
        assert!(
            !is_link(other + 8, freed, size),
            "nothing points back there"
        );
        assert!(
            !is_link(other + 16, freed, size + 8),
            "more of the block lies behind"
        );
    }
}
