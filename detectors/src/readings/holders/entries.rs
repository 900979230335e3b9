//! Whether a table's entries go on, by the words beside the pointer to it. A table that doubled has room for as many entries again,
//! and what goes into that room costs no memory that an allocator sees.
//!
//! As [`room`](super::room), this reads the layouts that today's library has. Words that fit none tell nothing.

use super::room::is_table;
use crate::allocator::{self, ScopeHandle};
use std::ops::Range;

/// Blocks below this size aren't looked at: a table that matters is larger.
const LEAST_BYTES: usize = 64;

/// So many blocks at most, the largest: a table for each shard of a map, and not each small block.
const BLOCKS_MAX: usize = 1_024;

/// Entries that go on add an eighth in the last eighth of a run that began empty. Of what goes up and down around a bound, less.
const GOES_ON_SHARE: usize = 32;

/// What entries did between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entries {
    /// A table has more of them.
    GoOn,
    /// The tables that hold most have as many as before.
    Rest,
    /// No words that tell.
    Unknown,
}

/// The tables of some sites, with the words beside each pointer to them.
///
/// One look at a moment; two of them tell whether entries come.
#[derive(Debug, Default)]
pub struct Tables {
    /// In the order of their places.
    seen: Vec<Seen>,
    bytes: usize,
}

/// A pointer to a table. Addresses are kept upside down: as they are, they would be pointers from memory that isn't known.
#[derive(Debug, Clone, Copy)]
struct Seen {
    place: usize,
    block: usize,
    size: usize,
    offset: usize,
    words: Words,
}

/// The word before a pointer, and the three behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Words {
    before: usize,
    behind: [usize; 3],
}

impl Tables {
    pub(super) fn of(
        scope: ScopeHandle,
        sites: &[usize],
        is_over: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        let blocks = blocks(scope, sites);
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(Tables::default());
        };
        let (lowest, highest) = (!first.0, !last.0 + last.1);
        let memory = super::memory::Memory::of_this_process()?;
        let mut without: Vec<Range<usize>> = allocator::own_tables().collect();
        without.sort_by_key(|range| range.start);
        let mut seen = Vec::new();
        memory.each_word(&without, is_over, |word, around| {
            if word.value < lowest || word.value >= highest {
                return;
            }
            let at = blocks.partition_point(|(block, _)| !block <= word.value);
            let Some(&(block, size)) = at.checked_sub(1).and_then(|at| blocks.get(at)) else {
                return;
            };
            let offset = word.value - !block;
            let words = [-1, 1, 2, 3].map(|further| around.at(further));
            if let ([Some(before), Some(one), Some(two), Some(three)], true) =
                (words, offset < size)
            {
                let behind = [one, two, three];
                seen.push(Seen {
                    place: !word.address,
                    block,
                    size,
                    offset,
                    words: Words { before, behind },
                });
            }
        })?;
        seen.sort_unstable_by_key(|seen| seen.place);
        Ok(Tables {
            seen,
            bytes: blocks.iter().map(|(_, size)| size).sum(),
        })
    }

    /// What the entries did since an earlier look.
    pub(crate) fn since(&self, earlier: &Tables) -> Entries {
        let mut resting: Vec<(usize, usize)> = Vec::new();
        for now in &self.seen {
            let found = earlier
                .seen
                .binary_search_by_key(&now.place, |seen| seen.place);
            let Some(then) = found.ok().map(|at| earlier.seen[at]) else {
                continue;
            };
            if (then.block, then.size, then.offset) != (now.block, now.size, now.offset) {
                continue;
            }
            match entries(now.size, now.offset, then.words, now.words) {
                Entries::GoOn => return Entries::GoOn,
                Entries::Rest => resting.push((now.block, now.size)),
                Entries::Unknown => {}
            }
        }
        resting.sort_unstable();
        resting.dedup();
        let rest: usize = resting.iter().map(|(_, size)| size).sum();
        if rest > 0 && 2 * rest >= self.bytes {
            Entries::Rest
        } else {
            Entries::Unknown
        }
    }
}

/// Start, upside down, and size of the sites' largest blocks, in the order of their addresses.
fn blocks(scope: ScopeHandle, sites: &[usize]) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    allocator::each_block(scope, |start, size, site, is_of_scope| {
        if is_of_scope && size >= LEAST_BYTES && sites.contains(&site) {
            blocks.push((!start, size));
        }
    });
    blocks.sort_unstable_by_key(|(_, size)| std::cmp::Reverse(*size));
    blocks.truncate(BLOCKS_MAX);
    blocks.sort_unstable_by_key(|(start, _)| !start);
    blocks
}

/// What two looks at the words beside one pointer say.
fn entries(size: usize, offset: usize, then: Words, now: Words) -> Entries {
    if offset > 0 {
        return of_hash_table(size, then, now);
    }
    // A full ring's head moves where a vector has its length, and what lies behind a vector may look like a ring's length.
    let told = [
        of_deque(size, then, now),
        of_vector(size, then, now),
        of_buffer(size, then, now),
    ];
    let is_told = |wanted| told.contains(&wanted);
    match (is_told(Entries::GoOn), is_told(Entries::Rest)) {
        (true, false) => Entries::GoOn,
        (false, true) => Entries::Rest,
        _ => Entries::Unknown,
    }
}

/// A pointer behind the entries, then: buckets less one, how many more fit, how many there are.
fn of_hash_table(size: usize, then: Words, now: Words) -> Entries {
    let [mask, _, entries] = now.behind;
    let buckets = mask.wrapping_add(1);
    let is_one = buckets.is_power_of_two() && is_table(size, buckets) && entries <= buckets;
    if !is_one || then.behind[0] != mask {
        return Entries::Unknown;
    }
    compare(then.behind[2], entries)
}

/// Capacity, pointer, length.
fn of_vector(size: usize, then: Words, now: Words) -> Entries {
    let capacity = now.before;
    let is_one = is_capacity(size, capacity) && now.behind[0] <= capacity;
    // A vector that doubled was full at half of its room.
    if !is_one || then.before != capacity || 2 * now.behind[0] < capacity {
        return Entries::Unknown;
    }
    compare(then.behind[0], now.behind[0])
}

/// Capacity, pointer, head, length.
fn of_deque(size: usize, then: Words, now: Words) -> Entries {
    let capacity = now.before;
    let [head, length, _] = now.behind;
    let is_one = is_capacity(size, capacity) && head < capacity && length <= capacity;
    if !is_one || then.before != capacity || 2 * length < capacity {
        return Entries::Unknown;
    }
    match compare(then.behind[1], length) {
        // A vector, and a number behind it.
        Entries::Rest if head == then.behind[0] => Entries::Unknown,
        told => told,
    }
}

/// Pointer, length, capacity.
fn of_buffer(size: usize, then: Words, now: Words) -> Entries {
    let [length, capacity, _] = now.behind;
    let is_one = is_capacity(size, capacity) && length <= capacity && 2 * length >= capacity;
    if !is_one || then.behind[1] != capacity {
        return Entries::Unknown;
    }
    compare(then.behind[0], length)
}

fn is_capacity(size: usize, capacity: usize) -> bool {
    capacity > 0 && size.is_multiple_of(capacity)
}

fn compare(then: usize, now: usize) -> Entries {
    match now.checked_sub(then) {
        None | Some(0) => Entries::Rest,
        Some(more) if GOES_ON_SHARE * more >= then => Entries::GoOn,
        Some(_) => Entries::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, Words, entries};

    const SIZE: usize = 4_096 * 8;

    fn words(before: usize, behind: [usize; 3]) -> Words {
        Words { before, behind }
    }

    #[test]
    fn a_vector_goes_on_or_is_full() {
        let of = |then, now| {
            entries(
                SIZE,
                0,
                words(4_096, [then, 9, 9]),
                words(4_096, [now, 9, 9]),
            )
        };
        assert_eq!(of(2_800, 3_200), Entries::GoOn);
        assert_eq!(of(2_500, 2_500), Entries::Rest);
        assert_eq!(of(2_500, 2_501), Entries::Unknown, "around a bound");
        assert_eq!(of(5, 5), Entries::Unknown, "it never was that large");
    }

    #[test]
    fn words_that_fit_both_a_ring_and_a_vector_tell_nothing() {
        let of = |then, now| entries(SIZE, 0, words(4_096, then), words(4_096, now));
        // A ring whose head is where a vector would be too short for its room.
        assert_eq!(of([300, 2_500, 7], [700, 2_500, 7]), Entries::Rest);
        // A ring that is full, or a vector beside another one.
        assert_eq!(of([2_800, 3_500, 7], [3_200, 3_500, 7]), Entries::Unknown);
        // A vector that is full with the next place in it, or a queue.
        assert_eq!(of([2_500, 2_100, 7], [2_500, 2_400, 7]), Entries::Unknown);
        assert_eq!(of([0, 2_800, 7], [0, 3_200, 7]), Entries::GoOn);
    }

    #[test]
    fn a_hash_table_goes_on_or_is_full() {
        let size = 4_096 * 16 + 4_096 + 16;
        let of = |then, now| {
            entries(
                size,
                4_096 * 16,
                words(0, [4_095, 3_584 - then, then]),
                words(0, [4_095, 3_584 - now, now]),
            )
        };
        assert_eq!(of(2_800, 3_200), Entries::GoOn);
        assert_eq!(of(2_500, 2_500), Entries::Rest);
    }

    #[test]
    fn other_words_tell_nothing() {
        let same = words(4_095, [17, 0, 0]);
        assert_eq!(entries(SIZE, 0, same, same), Entries::Unknown);
    }
}
