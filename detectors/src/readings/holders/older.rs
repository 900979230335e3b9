//! Blocks that are older than the notes, such as the table of a map that a service fills from its start. glibc's heap tells where they lie:
//! before each block stands a word with its size, and the next block stands behind it.
//!
//! | part of the heap | begins | is believed when |
//! |---|---|---|
//! | the main one | where the kernel says `[heap]` | its blocks lead to its end, byte by byte |
//! | a thread's arena | at a multiple of 64 MiB | the same |
//! | one large block | at a page | it says so, and how far behind the page it begins |
//!
//! Only what leads to noted blocks is looked for, step by step, so that what this costs follows from that, however much the service has.
//! It is done in a copy of the process alone, where nothing moves but what the copy asks for itself: glibc holds its locks while it forks.
//! Another allocator's blocks aren't known.
//!
//! Source: "The chunk" and `struct _heap_info` in glibc's `malloc/malloc.c` and `malloc/arena.c`.

use super::graph::{Block, block_at, end_of};
use super::memory::{self, Memory};
use crate::allocator;
use crate::readings::kernel::{self, Whose};
use std::ops::Range;

/// So many steps from a noted block at most.
const STEPS_MAX: usize = 6;

/// What leads to fewer than one of so many wanted blocks is left unknown: a runtime's lists, and what was left behind.
const LEAST_SHARE: usize = 100;

/// So many blocks at most: a million take some 100 MB of the copy.
const BLOCKS_MAX: usize = 1 << 20;

const WORD_BYTES: usize = size_of::<usize>();

/// The head of a block: what stands before it, and its size.
const HEAD_BYTES: usize = 2 * WORD_BYTES;

const LEAST_BYTES: usize = 2 * HEAD_BYTES;

/// The marks in the lowest bits of a size: the block before is in use; it was mapped for itself; it is of an arena.
const BEFORE_IN_USE: usize = 1;
const IS_MAPPED: usize = 2;
const IS_OF_ARENA: usize = 4;
const MARKS: usize = 7;

/// The room of an arena.
const ARENA_BYTES: usize = 64 << 20;

/// An arena's first block lies behind what it knows of itself, which differs from version to version.
const ARENA_HEAD_MAX: usize = 4 << 10;

/// How far apart the places are from which blocks are looked for.
const STRIDE_BYTES: usize = 64 << 10;

/// The noted blocks, and those older ones from which pointers lead to a real share of them. `wanted`: how many are asked about.
///
/// # Errors
///
/// In words, when `is_over` before all was read.
pub(super) fn with_older(
    noted: Vec<Block>,
    wanted: usize,
    memory: &Memory,
    is_over: &dyn Fn() -> bool,
) -> Result<Vec<Block>, String> {
    let heap = Heap::of_glibc(memory);
    let least = wanted / LEAST_SHARE;
    let mut known = noted;
    let mut targets: Vec<Hidden> = known.iter().map(|block| Hidden::of(block, 1)).collect();
    for _ in 0..STEPS_MAX {
        if heap.parts.is_empty() || targets.is_empty() || known.len() > BLOCKS_MAX {
            break;
        }
        let places = pointing_at(&targets, &known, memory, is_over)?;
        targets = heap.blocks_at(&places, memory);
        targets.retain(|found| found.pointers > least && is_free_of(&known, found));
        known = joined(known, &targets);
    }
    Ok(known)
}

/// Addresses of a block, upside down: as they are, they would be pointers from memory that isn't known.
#[derive(Debug, Clone, Copy)]
struct Hidden {
    start: usize,
    end: usize,
    /// How many pointers lead from here to noted blocks, as far as they are known.
    pointers: usize,
}

impl Hidden {
    fn of(block: &Block, pointers: usize) -> Self {
        Hidden {
            start: !block.start,
            end: !end_of(*block),
            pointers,
        }
    }

    fn start(self) -> usize {
        !self.start
    }

    fn end(self) -> usize {
        !self.end
    }
}

/// A pointer to a target that is in no known block: where it stands, upside down, and how many noted blocks it leads to.
type Place = (usize, usize);

/// In the order of their addresses.
fn pointing_at(
    targets: &[Hidden],
    known: &[Block],
    memory: &Memory,
    is_over: &dyn Fn() -> bool,
) -> Result<Vec<Place>, String> {
    let mut without: Vec<Range<usize>> = allocator::own_tables().collect();
    let of_known = known.as_ptr().addr();
    without.push(of_known..of_known + size_of_val(known));
    without.sort_by_key(|range| range.start);
    let mut places = Vec::new();
    let (Some(first), Some(last)) = (targets.first(), targets.last()) else {
        return Ok(places);
    };
    let (lowest, highest) = (first.start(), last.end());
    memory.each_word(&without, is_over, |word, _| {
        let is_elsewhere = word.place == memory::Place::Elsewhere;
        if !is_elsewhere || word.value < lowest || word.value >= highest {
            return;
        }
        let at = targets.partition_point(|target| target.start() <= word.value);
        let target = at.checked_sub(1).map(|at| targets[at]);
        if let Some(target) = target.filter(|target| word.value < target.end())
            && places.len() < BLOCKS_MAX
            && block_at(known, word.address).is_none()
        {
            places.push((!word.address, target.pointers));
        }
    })?;
    places.sort_unstable_by_key(|(place, _)| !place);
    Ok(places)
}

/// Whether no known block lies in what was found. Where one does, the pointer stood in what the allocator keeps behind it.
fn is_free_of(known: &[Block], found: &Hidden) -> bool {
    let behind = known.partition_point(|block| block.start < found.end());
    let before = behind.checked_sub(1).map(|at| known[at]);
    before.is_none_or(|before| end_of(before) <= found.start())
}

/// In the order of their addresses. The old list is wiped: it is one of pointers to all of them.
fn joined(mut known: Vec<Block>, older: &[Hidden]) -> Vec<Block> {
    let mut all = Vec::with_capacity(known.len() + older.len());
    all.extend_from_slice(&known);
    for block in &mut known {
        block.start = 0;
    }
    std::hint::black_box(&mut known);
    let older = older.iter();
    all.extend(older.map(|block| Block::older(block.start()..block.end())));
    all.sort_unstable_by_key(|block| block.start);
    all
}

/// What glibc has from the system.
struct Heap {
    parts: Vec<Part>,
}

enum Part {
    /// Blocks side by side.
    Blocks {
        range: Range<usize>,
        /// Where a block begins, now and then; upside down.
        starts: Vec<usize>,
    },
    /// What may have large blocks, each with a mapping of its own.
    Mappings(Range<usize>),
}

impl Part {
    fn range(&self) -> &Range<usize> {
        match self {
            Part::Blocks { range, .. } | Part::Mappings(range) => range,
        }
    }
}

impl Heap {
    /// Nothing where the program's blocks lie in another allocator's memory.
    fn of_glibc(memory: &Memory) -> Self {
        let mut parts = Vec::new();
        if memory.copied != Some(super::Heap::OfGlibc) {
            return Heap { parts };
        }
        let mut ranges: Vec<(bool, Range<usize>)> = Vec::new();
        let _ = kernel::each_mapping(Whose::Own, |mapping| {
            if !mapping.is_anonymous() || !mapping.is_writable() || mapping.is_shared() {
                return;
            }
            let is_main = mapping.path.as_os_str() == "[heap]";
            match ranges.last_mut() {
                // What an arena opened later may be a mapping of its own.
                Some((last_is_main, last))
                    if *last_is_main == is_main && last.end == mapping.range.start =>
                {
                    last.end = mapping.range.end;
                }
                _ => ranges.push((is_main, mapping.range)),
            }
        });
        let mut reader = Reader::of(memory);
        for (is_main, range) in ranges {
            if is_main {
                let starts = reader.starts(&range, 0);
                parts.extend(starts.map(|starts| Part::Blocks { range, starts }));
                continue;
            }
            let mut from = range.start;
            let mut at = range.start.next_multiple_of(ARENA_BYTES);
            while at < range.end {
                if let Some(arena) = reader.arena(at) {
                    parts.push(Part::Mappings(from..at));
                    from = arena.range().end;
                    parts.push(arena);
                }
                at += ARENA_BYTES;
            }
            parts.push(Part::Mappings(from..range.end.max(from)));
        }
        Heap { parts }
    }

    /// The blocks in which these places lie, each once, without those that are free; in the order of their addresses.
    fn blocks_at(&self, places: &[Place], memory: &Memory) -> Vec<Hidden> {
        let mut reader = Reader::of(memory);
        let mut found: Vec<Hidden> = Vec::new();
        // Up to here no large block begins that the next place may lie in.
        let mut searched = 0;
        for &(place, pointers) in places {
            let address = !place;
            if let Some(last) = found.last_mut().filter(|last| address < last.end()) {
                last.pointers += pointers;
                continue;
            }
            let at = self
                .parts
                .partition_point(|part| part.range().start <= address);
            let part = at.checked_sub(1).map(|at| &self.parts[at]);
            let part = part.filter(|part| part.range().contains(&address));
            let block = part.and_then(|part| match part {
                Part::Blocks { range, starts } => reader.block_at(address, range, starts),
                Part::Mappings(range) => reader.mapped_at(address, range.start.max(searched)),
            });
            searched = address;
            found.extend(block.map(|block| Hidden::of(&Block::older(block), pointers)));
        }
        found
    }
}

/// Reads the heads of blocks, much of the memory at once.
struct Reader<'m> {
    memory: &'m Memory,
    buffer: Vec<u8>,
    read: Range<usize>,
}

impl<'m> Reader<'m> {
    fn of(memory: &'m Memory) -> Self {
        Reader {
            memory,
            buffer: vec![0; STRIDE_BYTES],
            read: 0..0,
        }
    }

    /// The word at an address; `None` where nothing can be read.
    fn word(&mut self, address: usize) -> Option<usize> {
        if address < self.read.start || address + WORD_BYTES > self.read.end {
            let read = self.memory.read_some(address, &mut self.buffer);
            self.read = address..address + read;
        }
        let at = address - self.read.start;
        let word = self.buffer[..self.read.len()].get(at..at + WORD_BYTES)?;
        Some(usize::from_ne_bytes(word.try_into().ok()?))
    }

    /// A block's size, with its head, and its marks.
    fn head(&mut self, at: usize) -> Option<(usize, usize)> {
        let word = self.word(at + WORD_BYTES)?;
        Some((word & !MARKS, word & MARKS))
    }

    /// Where blocks begin in a range that has blocks from its start to its end; `None` if it hasn't.
    fn starts(&mut self, range: &Range<usize>, of_arena: usize) -> Option<Vec<usize>> {
        let mut starts = vec![!range.start];
        let mut last = range.start;
        let mut at = range.start;
        while at < range.end {
            let (size, marks) = self.head(at)?;
            if size < LEAST_BYTES {
                // What glibc puts at the end of a range that it left for a new one.
                return (range.end - at <= LEAST_BYTES + HEAD_BYTES).then_some(starts);
            }
            // What is free in an arena needn't say that it is of one.
            let is_one = size.is_multiple_of(HEAD_BYTES) && size <= range.end - at;
            if !is_one || marks & !(BEFORE_IN_USE | of_arena) != 0 {
                return None;
            }
            if at - last >= STRIDE_BYTES {
                starts.push(!at);
                last = at;
            }
            at += size;
        }
        Some(starts)
    }

    /// The arena that begins here, if one does.
    fn arena(&mut self, at: usize) -> Option<Part> {
        // It knows of itself: whose it is, the one before, and how large it is now.
        let size = self.word(at + 2 * WORD_BYTES)?;
        let is_size = size > 0 && size.is_multiple_of(rustix::param::page_size());
        // It may have grown since the mappings were listed: the copy asks for memory itself.
        if !is_size || size > ARENA_BYTES {
            return None;
        }
        let mut firsts = (LEAST_BYTES..ARENA_HEAD_MAX).step_by(HEAD_BYTES);
        firsts.find_map(|first| {
            let range = at + first..at + size;
            let starts = self.starts(&range, IS_OF_ARENA)?;
            Some(Part::Blocks { range, starts })
        })
    }

    /// The block that is in use and that an address lies in.
    fn block_at(
        &mut self,
        address: usize,
        range: &Range<usize>,
        starts: &[usize],
    ) -> Option<Range<usize>> {
        let next = starts.partition_point(|start| !start + HEAD_BYTES <= address);
        let mut at = !starts[next.checked_sub(1)?];
        loop {
            let (size, _) = self.head(at)?;
            if size < LEAST_BYTES || size > range.end - at {
                return None;
            }
            // A block has the first word of the next one's head.
            let block = at + HEAD_BYTES..at + size + WORD_BYTES;
            if address < block.end {
                let (_, marks) = self.head(at + size).filter(|_| at + size < range.end)?;
                let is_in_use = marks & BEFORE_IN_USE != 0;
                return (is_in_use && address >= block.start).then_some(block);
            }
            at += size;
        }
    }

    /// The block with a mapping of its own that an address lies in, if it begins `from` here on.
    fn mapped_at(&mut self, address: usize, from: usize) -> Option<Range<usize>> {
        let page = rustix::param::page_size();
        let mut at = address - address % page;
        loop {
            let read = self.memory.read_some(at, &mut self.buffer[..page]);
            self.read = at..at + read;
            for head in heads_in_a_page(page) {
                let (before, (size, marks)) = (self.word(at + head)?, self.head(at + head)?);
                let end = size.checked_add(at + head).unwrap_or(0);
                let is_one = marks == IS_MAPPED && before == head && size >= page;
                if is_one && end.is_multiple_of(page) && address < end {
                    let block = at + head + HEAD_BYTES..end;
                    return block.contains(&address).then_some(block);
                }
            }
            at = at.checked_sub(page).filter(|at| *at + page > from)?;
        }
    }
}

/// Where in its first page the head of a large block may stand: at the page, or before what has to lie at a multiple of 32, 64, and so on.
fn heads_in_a_page(page: usize) -> impl Iterator<Item = usize> {
    let multiples = std::iter::successors(Some(LEAST_BYTES), |of| Some(2 * of));
    let behind = multiples.take_while(move |of| *of <= page);
    std::iter::once(0).chain(behind.map(|of| of - HEAD_BYTES))
}

impl Drop for Reader<'_> {
    /// Freed as it is, it would be memory full of pointers.
    fn drop(&mut self) {
        self.buffer.fill(0);
        std::hint::black_box(&mut self.buffer);
    }
}
