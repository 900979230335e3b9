//! glibc's heap: which parts of it are blocks in use, and which are free. Before each block stands a word with its size, and the next block
//! stands behind it.
//!
//! | part of the heap | begins | is believed when |
//! |---|---|---|
//! | the main one | where the kernel says `[heap]` | its blocks lead to its end, byte by byte |
//! | a thread's arena | at a multiple of 64 MiB | the same |
//! | one large block | at a page | it says so, and how far behind the page it begins |
//!
//! It is read in a copy of the process alone, where nothing moves but what the copy asks for itself: glibc holds its locks while it forks.
//! Another allocator's heap isn't known.
//!
//! Source: "The chunk", `tcache_entry` and `struct _heap_info` in glibc's `malloc/malloc.c` and `malloc/arena.c`.
#![cfg_attr(
    not(feature = "debug"),
    expect(
        dead_code,
        reason = "blocks one by one are asked for by a debug endpoint"
    )
)]

mod freed;

use super::memory::Memory;
use crate::readings::kernel::{self, Whose};
pub(super) use freed::Freed;
#[cfg(finds_stuck_tasks)]
pub(super) use freed::{ROOM_MAX, room_behind};
use std::ops::Range;

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

/// What glibc has from the system.
pub(super) struct Heap {
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
    pub(super) fn of_glibc(memory: &Memory) -> Self {
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

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The block that is in use and that an address lies in. Up to `searched` no large block begins that has it.
    pub(super) fn block_at(
        &self,
        address: usize,
        searched: usize,
        reader: &mut Reader<'_>,
    ) -> Option<Range<usize>> {
        let at = self
            .parts
            .partition_point(|part| part.range().start <= address);
        let part = &self.parts[at.checked_sub(1)?];
        match part {
            _ if !part.range().contains(&address) => None,
            Part::Blocks { range, starts } => reader.block_at(address, range, starts),
            Part::Mappings(range) => reader.mapped_at(address, range.start.max(searched)),
        }
    }
}

/// How large the block is that glibc gives to who asks for so many bytes, where it has no mapping of its own.
#[cfg(feature = "debug")]
pub(super) fn given_for(asked: usize) -> usize {
    let with_head = (asked + WORD_BYTES).next_multiple_of(HEAD_BYTES);
    with_head.max(LEAST_BYTES) - WORD_BYTES
}

/// Reads the heads of blocks, much of the memory at once.
pub(super) struct Reader<'m> {
    memory: &'m Memory,
    buffer: Vec<u8>,
    read: Range<usize>,
}

impl<'m> Reader<'m> {
    pub(super) fn of(memory: &'m Memory) -> Self {
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

#[cfg(all(test, feature = "debug", target_env = "gnu"))]
mod tests {
    use super::given_for;

    #[test]
    fn what_glibc_gives_is_known_by_what_is_asked_for() {
        for asked in (1..2_000).chain([10_000, 65_537, 100_001]) {
            // SAFETY: what is asked for is freed once, and looked at before.
            let given = unsafe {
                let block = libc::malloc(asked);
                let given = libc::malloc_usable_size(block);
                libc::free(block);
                given
            };
            assert!(
                given >= given_for(asked) && given < given_for(asked) + 32,
                "{asked}: {given}"
            );
        }
    }
}
