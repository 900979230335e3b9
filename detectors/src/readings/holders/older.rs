//! Blocks that are older than the notes, such as the table of a map that a service fills from its start. glibc's heap tells where they lie.
//!
//! Only what leads to noted blocks is looked for, step by step, so that what this costs follows from that, however much the service has.
//! It is done in a copy of the process alone, where nothing moves but what the copy asks for itself: glibc holds its locks while it forks.
//! Another allocator's blocks aren't known.

use super::glibc::{Freed, Heap, Reader};
use super::graph::{Block, block_at, end_of, without};
use super::memory::{self, Memory};
use std::collections::HashMap;

mod reach;

/// So many steps from a noted block at most.
const STEPS_MAX: usize = 6;

/// What leads to fewer than one of so many wanted blocks is left unknown: a runtime's lists, and what was left behind.
const LEAST_SHARE: usize = 100;

/// Blocks of one size count together, if each leads to so many: a queue's room comes in pieces.
const OF_A_PIECE: usize = 8;

/// So many blocks at most: a million take some 100 MB of the copy.
const BLOCKS_MAX: usize = 1 << 20;

/// The noted blocks, and those older ones from which pointers lead to a real share of them. `is_wanted`: whether a block is asked about.
///
/// # Errors
///
/// In words, when `is_over` before all was read.
pub(super) fn with_older(
    noted: Vec<Block>,
    is_wanted: &dyn Fn(&Block) -> bool,
    memory: &Memory,
    is_over: &dyn Fn() -> bool,
) -> Result<Vec<Block>, String> {
    // First: what is free is joined then, and read as it is afterwards.
    let freed = Freed::in_a_copy(memory);
    let heap = Heap::of_glibc(memory);
    if heap.is_empty() || noted.len() > BLOCKS_MAX {
        return Ok(noted);
    }
    let least = noted.iter().filter(|block| is_wanted(block)).count() / LEAST_SHARE;
    let reach = reach::of(&noted, is_wanted, memory, &without(&noted), is_over)?;
    let mut known = noted;
    let reach = known.iter().zip(reach);
    let mut targets: Vec<Hidden> = reach
        .map(|(block, reach)| Hidden::of(block, reach.max(1)))
        .collect();
    for _ in 0..STEPS_MAX {
        if targets.is_empty() || known.len() > BLOCKS_MAX {
            break;
        }
        let places = pointing_at(&targets, &known, memory, is_over)?;
        targets = blocks_at(&heap, &places, memory);
        let pieces = pieces_by_size(&targets);
        targets.retain(|found| {
            let is_piece = found.pointers >= OF_A_PIECE && pieces[&found.len()] > least;
            let is_share = found.pointers > least || is_piece;
            is_share && !freed.has(found.start()) && is_free_of(&known, found)
        });
        known = joined(known, &targets);
    }
    Ok(known)
}

/// Addresses of a block, upside down: as they are, they would be pointers from memory that isn't known.
#[derive(Debug, Clone, Copy)]
struct Hidden {
    start: usize,
    end: usize,
    /// How many noted blocks hang on its pointers, as far as they are known.
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

    fn len(self) -> usize {
        self.end() - self.start()
    }
}

/// How many pointers lead from pieces of each size.
fn pieces_by_size(found: &[Hidden]) -> HashMap<usize, usize> {
    let mut by_size = HashMap::new();
    for found in found {
        let is_piece = found.pointers >= OF_A_PIECE;
        *by_size.entry(found.len()).or_default() += if is_piece { found.pointers } else { 0 };
    }
    by_size
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
    let mut places = Vec::new();
    let (Some(first), Some(last)) = (targets.first(), targets.last()) else {
        return Ok(places);
    };
    let (lowest, highest) = (first.start(), last.end());
    memory.each_word(&without(known), is_over, |word, _| {
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

/// The blocks in which these places lie, each once, without those that are free; in the order of their addresses.
fn blocks_at(heap: &Heap, places: &[Place], memory: &Memory) -> Vec<Hidden> {
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
        let block = heap.block_at(address, searched, &mut reader);
        searched = address;
        found.extend(block.map(|block| Hidden::of(&Block::older(block), pointers)));
    }
    found
}
