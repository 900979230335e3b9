//! What points where, as it stands in memory: from block to block, and who has a waker of which task.

use super::{Alive, From, NONE, WakerInMemory};
use crate::allocator;
use crate::readings::holders::Heap;
use crate::readings::holders::glibc::{Freed, ROOM_MAX, room_behind};
use crate::readings::holders::graph::{Block, block_at, end_of, number};
use crate::readings::holders::memory::{Around, Memory, Place, Word};
use std::collections::HashSet;
use std::ops::Range;

/// On a stack the two words of a waker may be apart: so far at most.
const APART_ON_A_STACK: isize = 16;

/// The bits of a word that an address of a process has. What programs keep in the others is a mark of theirs, and the word a pointer.
const ADDRESS_BITS: usize = (1 << 48) - 1;

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
                lasts: false,
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
                lasts: false,
            });
        }
    }
    blocks.sort_unstable_by_key(|block| block.start);
    blocks
}

/// What points where.
pub(super) struct Pointers {
    pub(super) blocks: Vec<Block>,
    /// For each block: the task whose memory it is.
    pub(super) task_of: Vec<u32>,
    /// For each task: its block.
    pub(super) block_of: Vec<u32>,
    /// From one block into another; by what they start from.
    pub(super) edges: Vec<(u32, u32)>,
    /// From outside of all blocks.
    pub(super) roots: Vec<(From, u32)>,
    /// For each block: how many pointers to it were seen, as whoever shares it keeps one.
    pub(super) seen: Vec<u32>,
    /// The blocks that are a vector's room: what stands in them is entries, and no counts, whatever it looks like.
    pub(super) rooms: HashSet<u32>,
    /// Wakers of tasks: in which block they lie, and whose they are; by block.
    pub(super) wakers: Vec<(u32, u32)>,
    /// Wakers outside of all blocks.
    pub(super) wakers_outside: Vec<(From, u32)>,
}

impl Pointers {
    /// Nothing yet, of these tasks and all blocks that are noted.
    pub(super) fn of(tasks: &[Alive]) -> Self {
        Pointers::among(with_tasks(noted_blocks(tasks.len()), tasks), tasks)
    }

    pub(super) fn among(blocks: Vec<Block>, tasks: &[Alive]) -> Self {
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

    pub(super) fn read(
        &mut self,
        memory: &Memory,
        freed: &Freed,
        waker: WakerInMemory,
        without: &[Range<usize>],
    ) -> Result<(), String> {
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
        let mut without: Vec<Range<usize>> = allocator::own_tables()
            .chain(without.iter().cloned())
            .collect();
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
                None => {
                    freed.has(address)
                        || is_room_behind(address, blocks, memory)
                        || is_link_of_freed(word, blocks[to], memory)
                }
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

    /// How often a block is held by its own counts, if it looks like one that is shared.
    pub(super) fn counted(&self, block: u32, memory: &Memory) -> Option<usize> {
        counted(self.blocks[block as usize], memory)
    }

    /// The blocks that a block points into.
    pub(super) fn from(&self, block: u32) -> impl Iterator<Item = u32> {
        let start = self.edges.partition_point(|(from, _)| *from < block);
        let edges = self.edges[start..].iter();
        edges
            .take_while(move |(from, _)| *from == block)
            .map(|(_, to)| *to)
    }

    /// The tasks of which a waker lies in a block.
    pub(super) fn wakers_in(&self, block: u32) -> impl Iterator<Item = u32> {
        let start = self.wakers.partition_point(|(at, _)| *at < block);
        let wakers = self.wakers[start..].iter();
        wakers
            .take_while(move |(at, _)| *at == block)
            .map(|(_, task)| *task)
    }

    pub(super) fn is_task(&self, block: u32) -> bool {
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

/// Whether a word lies behind a block, in room that the allocator gave to the block and the program doesn't know of. What stands there is
/// from before.
fn is_room_behind(address: usize, blocks: &[Block], memory: &Memory) -> bool {
    let before = blocks.partition_point(|block| block.start <= address);
    let before = before.checked_sub(1).map(|at| blocks[at]);
    before.is_some_and(|block| {
        let is_glibcs = memory.copied == Some(Heap::OfGlibc);
        let room = || room_behind(&(block.start..end_of(block)), memory);
        let is_near = address < end_of(block) + ROOM_MAX;
        is_glibcs && is_near && room().is_some_and(|room| room.contains(&address))
    })
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

#[cfg(test)]
mod tests {
    use super::{Memory, Place, Word, is_link_of_freed};
    use crate::readings::holders::graph::Block;
    use std::cell::Cell;

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
                lasts: false,
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
