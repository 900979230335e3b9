//! Whether a table's entries go on, by the words beside the pointer to it. A table that doubled has room for as many entries again,
//! and what goes into that room costs no memory that an allocator sees.
//!
//! As [`room`](super::room), this reads the layouts that today's library has. A count that goes up beside a pointer is strong evidence.
//! One that stands still is none: it may be an old copy, so whether a table is full is told by running on.

use super::memory::Memory;
use super::room::{GROUP_BYTES, is_table};
use crate::allocator::{self, NotedBlock, ScopeHandle};
use std::collections::HashMap;
use std::io;
use std::ops::Range;

/// Blocks below this size aren't looked at: a table that matters is larger.
const LEAST_BYTES: usize = 64;

/// So many blocks at most, the largest: a table for each shard of a map, and not each small block.
const BLOCKS_MAX: usize = 1_024;

/// Entries that go on add an eighth in the last eighth of a run that began empty. Of what goes up and down around a bound, less.
const GOES_ON_SHARE: usize = 32;

/// The tables of some sites, with the words beside each pointer to them.
///
/// One look at a moment; two of them tell whether entries come.
#[derive(Debug, Default)]
pub struct Tables {
    /// In the order of their places.
    seen: Vec<Seen>,
    /// Of each site that keeps hash tables. `None` where there were too many blocks to count them all.
    hash_tables: Option<HashMap<usize, HashTables>>,
}

/// A site's hash tables, by the marks that each of them keeps of its buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct HashTables {
    bytes: usize,
    entries: usize,
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
        let (blocks, are_all) = blocks(scope, sites);
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(Tables::default());
        };
        let (lowest, highest) = (!first.start, !last.start + last.size);
        let memory = Memory::of_this_process(None)?;
        let mut without: Vec<Range<usize>> = allocator::own_tables().collect();
        without.sort_by_key(|range| range.start);
        let mut seen = Vec::new();
        memory.each_word(&without, is_over, |word, around| {
            if word.value < lowest || word.value >= highest {
                return;
            }
            let at = blocks.partition_point(|block| !block.start <= word.value);
            let Some(&Block { start, size, .. }) = at.checked_sub(1).and_then(|at| blocks.get(at))
            else {
                return;
            };
            let offset = word.value - !start;
            let words = [-1, 1, 2, 3].map(|further| around.at(further));
            if let ([Some(before), Some(one), Some(two), Some(three)], true) =
                (words, offset < size)
            {
                let behind = [one, two, three];
                seen.push(Seen {
                    place: !word.address,
                    block: start,
                    size,
                    offset,
                    words: Words { before, behind },
                });
            }
        })?;
        seen.sort_unstable_by_key(|seen| seen.place);
        let hash_tables = are_all.then(|| hash_tables(&memory, &blocks));
        Ok(Tables { seen, hash_tables })
    }

    /// By how many bytes hash tables are larger than in an earlier look and have no more entries, site by site. A full one doubles for the
    /// marks that removed entries leave.
    pub(crate) fn doubled_while_full(&self, earlier: &Tables) -> i64 {
        let (Some(now), Some(then)) = (&self.hash_tables, &earlier.hash_tables) else {
            return 0;
        };
        let larger = now.iter().filter_map(|(site, now)| {
            let then = then.get(site)?;
            let more = now.bytes.saturating_sub(then.bytes);
            (!are_more(then.entries, now.entries)).then_some(more)
        });
        i64::try_from(larger.sum::<usize>()).unwrap_or(0)
    }

    /// Whether a table has more entries than in an earlier look.
    pub(crate) fn go_on_since(&self, earlier: &Tables) -> bool {
        self.seen.iter().any(|now| {
            let seen = &earlier.seen;
            let found = seen.binary_search_by_key(&now.place, |seen| seen.place);
            found.is_ok_and(|at| {
                let then = seen[at];
                let is_same =
                    (then.block, then.size, then.offset) == (now.block, now.size, now.offset);
                is_same && goes_on(now.size, now.offset, then.words, now.words)
            })
        })
    }
}

/// A block of one of the sites.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Upside down, as in [`Seen`].
    start: usize,
    size: usize,
    site: usize,
}

/// The sites' largest blocks, in the order of their addresses, and whether these are all.
fn blocks(scope: ScopeHandle, sites: &[usize]) -> (Vec<Block>, bool) {
    let mut blocks = Vec::new();
    allocator::each_block(scope, |noted| {
        let NotedBlock { size, site, .. } = noted;
        if noted.is_of_scope && size >= LEAST_BYTES && sites.contains(&site) {
            let start = !noted.start;
            blocks.push(Block { start, size, site });
        }
    });
    let are_all = blocks.len() <= BLOCKS_MAX;
    blocks.sort_unstable_by_key(|block| std::cmp::Reverse(block.size));
    blocks.truncate(BLOCKS_MAX);
    blocks.sort_unstable_by_key(|block| !block.start);
    (blocks, are_all)
}

/// What the hash tables among the blocks have, site by site.
fn hash_tables(memory: &Memory, blocks: &[Block]) -> HashMap<usize, HashTables> {
    let mut tables: HashMap<usize, HashTables> = HashMap::new();
    let mut marks = Vec::new();
    let read = |address: usize, into: &mut [u8]| memory.read(address, into);
    for block in blocks {
        if let Some((_, entries)) = hash_table_in(!block.start, block.size, &mut marks, &read) {
            let of_site = tables.entry(block.site).or_default();
            of_site.bytes += block.size;
            of_site.entries += entries;
        }
    }
    tables
}

/// The buckets and the entries of the hash table that fills this block, by its marks; `None` where there is none. `marks` is room that is used again.
pub(crate) fn hash_table_in(
    start: usize,
    size: usize,
    marks: &mut Vec<u8>,
    read: &dyn Fn(usize, &mut [u8]) -> io::Result<()>,
) -> Option<(usize, usize)> {
    let larger_first = (0..usize::BITS).rev().map(|power| 1_usize << power);
    let mut fitting = larger_first
        .filter(|&buckets| buckets >= GROUP_BYTES && buckets < size && is_table(size, buckets));
    fitting.find_map(|buckets| {
        marks.resize(buckets + GROUP_BYTES, 0);
        read(start + size - marks.len(), marks).ok()?;
        let entries = entries_by_marks(marks)?;
        Some((buckets, entries))
    })
}

/// How many entries a hash table has, by the byte that it keeps for each bucket: 255 for one that was always empty, 128 for one whose
/// entry was removed, and seven bits of the hash for an entry. A group of the first ones stands once more behind the last, and an eighth
/// was always empty at least. `None` where these bytes are no such marks.
fn entries_by_marks(marks: &[u8]) -> Option<usize> {
    const EMPTY: u8 = 255;
    const REMOVED: u8 = 128;
    let (buckets, again) = marks.split_at_checked(marks.len().checked_sub(GROUP_BYTES)?)?;
    let (mut empty, mut entries) = (0, 0);
    for &mark in buckets {
        match mark {
            EMPTY => empty += 1,
            REMOVED => {}
            _ if mark < REMOVED => entries += 1,
            _ => return None,
        }
    }
    let is_table =
        buckets.get(..GROUP_BYTES) == Some(again) && empty >= buckets.len() / 8 && entries > 0;
    is_table.then_some(entries)
}

/// Whether the words beside a pointer say that entries came.
fn goes_on(size: usize, offset: usize, then: Words, now: Words) -> bool {
    if offset > 0 {
        return hash_table_goes_on(size, then, now);
    }
    vector_goes_on(size, then, now)
        || deque_goes_on(size, then, now)
        || buffer_goes_on(size, then, now)
}

/// A pointer behind the entries, then: buckets less one, how many more fit, how many there are.
fn hash_table_goes_on(size: usize, then: Words, now: Words) -> bool {
    let [mask, _, entries] = now.behind;
    let buckets = mask.wrapping_add(1);
    let is_one = buckets.is_power_of_two() && is_table(size, buckets) && entries <= buckets;
    is_one && then.behind[0] == mask && are_more(then.behind[2], entries)
}

/// Capacity, pointer, length. What lies behind it isn't the length of a ring that is full, whose head moves where a vector has its
/// length.
fn vector_goes_on(size: usize, then: Words, now: Words) -> bool {
    let capacity = now.before;
    let [length, behind, _] = now.behind;
    let is_one = is_capacity(size, capacity) && then.before == capacity && length <= capacity;
    let may_be_ring =
        then.behind[1] == behind && behind <= capacity && behind >= capacity.div_ceil(2);
    is_one && !may_be_ring && are_more(then.behind[0], length)
}

/// Capacity, pointer, head, length. The head isn't the length of a vector that is full, with a number behind it.
fn deque_goes_on(size: usize, then: Words, now: Words) -> bool {
    let capacity = now.before;
    let [head, length, _] = now.behind;
    let is_one = is_capacity(size, capacity)
        && then.before == capacity
        && head < capacity
        && length <= capacity;
    let may_be_full_vector = head > 0 && head == then.behind[0];
    is_one && !may_be_full_vector && are_more(then.behind[1], length)
}

/// Pointer, length, capacity, of bytes.
fn buffer_goes_on(size: usize, then: Words, now: Words) -> bool {
    let [length, capacity, _] = now.behind;
    let is_one = size == capacity && then.behind[1] == capacity && length <= capacity;
    is_one && are_more(then.behind[0], length)
}

fn is_capacity(size: usize, capacity: usize) -> bool {
    capacity > 0 && size.is_multiple_of(capacity)
}

fn are_more(then: usize, now: usize) -> bool {
    now.checked_sub(then)
        .is_some_and(|more| more > 0 && GOES_ON_SHARE.saturating_mul(more) >= then)
}

#[cfg(test)]
mod tests {
    use super::{GROUP_BYTES, HashTables, Tables, Words, entries_by_marks, goes_on};
    use std::collections::HashMap;

    const SIZE: usize = 4_096 * 8;

    fn words(before: usize, behind: [usize; 3]) -> Words {
        Words { before, behind }
    }

    #[test]
    fn a_vector_that_takes_more_goes_on() {
        let of = |then, now| {
            goes_on(
                SIZE,
                0,
                words(4_096, [then, 9, 9]),
                words(4_096, [now, 9, 9]),
            )
        };
        assert!(of(2_800, 3_200));
        assert!(!of(2_500, 2_500), "full");
        assert!(!of(2_500, 2_501), "around a bound");
        assert!(!of(4_000, 5_000), "more than there is room for");
    }

    /// Whatever lies beside a pointer may be anything.
    #[test]
    fn words_of_any_size_are_no_vector() {
        let huge = usize::MAX - 1;
        let same = words(huge, [9, huge - 1, huge]);
        assert!(!goes_on(SIZE, 0, same, same));
    }

    #[test]
    fn words_that_fit_both_a_ring_and_a_vector_tell_nothing() {
        let of = |then, now| goes_on(SIZE, 0, words(4_096, then), words(4_096, now));
        assert!(!of([300, 2_500, 7], [700, 2_500, 7]), "a ring that is full");
        assert!(
            !of([2_800, 3_500, 7], [3_200, 3_500, 7]),
            "that, or a vector beside another one"
        );
        assert!(
            !of([2_500, 2_100, 7], [2_500, 2_400, 7]),
            "a vector that is full, with the next place in it"
        );
        assert!(of([0, 2_800, 7], [0, 3_200, 7]), "a queue");
        assert!(
            !of([700, 2_048, 7], [1_100, 2_048, 7]),
            "a ring that is full at half of its room: no buffer of 2,048 bytes"
        );
    }

    #[test]
    fn a_hash_table_and_a_buffer_go_on() {
        let size = 4_096 * 16 + 4_096 + 16;
        let of = |then, now| {
            goes_on(
                size,
                4_096 * 16,
                words(0, [4_095, 3_584 - then, then]),
                words(0, [4_095, 3_584 - now, now]),
            )
        };
        assert!(of(2_800, 3_200));
        assert!(!of(2_500, 2_500), "full");
        assert!(goes_on(
            SIZE,
            0,
            words(0, [28_000, SIZE, 1]),
            words(0, [32_000, SIZE, 1])
        ));
    }

    #[test]
    fn the_marks_of_a_hash_table_tell_its_entries_and_other_bytes_tell_nothing() {
        let marks = |entries: usize, removed: usize| {
            let mut marks = vec![255; 64];
            marks[..entries].fill(17);
            marks[entries..entries + removed].fill(128);
            marks.extend_from_within(..GROUP_BYTES);
            marks
        };
        assert_eq!(entries_by_marks(&marks(40, 0)), Some(40));
        assert_eq!(
            entries_by_marks(&marks(28, 28)),
            Some(28),
            "as full as it gets"
        );
        assert_eq!(entries_by_marks(&marks(60, 0)), None, "fuller than any");
        assert_eq!(entries_by_marks(&marks(0, 20)), None, "no entry");
        assert_eq!(entries_by_marks(&[0; 80]), None, "zeroes");
        let mut other = marks(40, 0);
        other[70] = 3;
        assert_eq!(
            entries_by_marks(&other),
            None,
            "the first ones don't stand behind"
        );
        other = marks(40, 0);
        other[50] = 200;
        assert_eq!(entries_by_marks(&other), None, "no mark");
    }

    #[test]
    fn a_full_hash_table_doubles_for_removed_entries_and_a_growing_one_for_its_own() {
        let of = |site, bytes, entries| Tables {
            seen: Vec::new(),
            hash_tables: Some(HashMap::from([(site, HashTables { bytes, entries })])),
        };
        let full = of(7, 2_048 * 9, 1_390);
        assert_eq!(of(7, 4_096 * 9, 1_390).doubled_while_full(&full), 2_048 * 9);
        assert_eq!(
            of(7, 4_096 * 9, 1_391).doubled_while_full(&full),
            2_048 * 9,
            "around a bound"
        );
        assert_eq!(
            of(7, 4_096 * 9, 2_780).doubled_while_full(&full),
            0,
            "a leak"
        );
        assert_eq!(
            of(8, 4_096 * 9, 1_390).doubled_while_full(&full),
            0,
            "another site"
        );
        assert_eq!(
            of(7, 4_096 * 9, 9).doubled_while_full(&Tables::default()),
            0
        );
    }

    #[test]
    fn other_words_tell_nothing() {
        let same = words(4_095, [17, 0, 0]);
        assert!(!goes_on(SIZE, 0, same, same));
    }
}
