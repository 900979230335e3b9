//! Blocks that are lists of wakers: what waits, and hasn't been woken.
//!
//! A waker is two words: what its functions are given, and the address of a table of four functions. A `Box<dyn Fn()>` is two words as
//! well, but its table has a size and an alignment between functions. A `Bytes` has a table of functions alone, so what tells is what
//! the functions are called: those of a waker's table wake. Those of the standard library's waker that does nothing have no names,
//! so that one isn't known.

use crate::profile::Names;
use std::collections::{HashMap, HashSet};

/// What a list of wakers is called, as a queue.
pub(super) const QUEUE: &str = "wakers";

/// Fewer in a block are no list: a future or a channel has one or two.
const FEWEST: u32 = 8;

const WAKER_BYTES: usize = 2 * size_of::<usize>();

/// So large a share of a list is wakers, at least: it may have doubled a moment ago, and each may have a number beside it.
const LEAST_SHARE: usize = 4;

/// Below this, an address is a size or an alignment.
const LOWEST_CODE: usize = 1 << 16;

/// A table's functions, in the order in which it has them: clone, wake, wake by reference, drop.
type Functions = [usize; FUNCTIONS];
const FUNCTIONS: usize = 4;

/// Tables of functions that blocks point at and that may be wakers'.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// What may be one; `None` what isn't.
    known: HashMap<usize, Option<Functions>>,
    /// Block and table, for each pointer to one that may be a waker's.
    seen: Vec<(u32, usize)>,
}

impl Tables {
    /// A block of this size points at a table.
    pub(super) fn add(
        &mut self,
        block: u32,
        size: usize,
        table: usize,
        words: impl FnOnce(usize) -> Option<Functions>,
    ) {
        if size < FEWEST as usize * WAKER_BYTES {
            return;
        }
        let functions = self.known.entry(table).or_insert_with(|| {
            let functions = words(table)?;
            functions
                .iter()
                .all(|at| *at >= LOWEST_CODE)
                .then_some(functions)
        });
        if functions.is_some() {
            self.seen.push((block, table));
        }
    }

    /// The block of each pointer to a waker's table. `named`: the names of tables' functions by their addresses.
    pub(super) fn of_wakers(
        self,
        named: &dyn Fn(&[Functions]) -> Vec<Vec<String>>,
    ) -> impl Iterator<Item = u32> {
        let seen: HashSet<usize> = self.seen.iter().map(|(_, table)| *table).collect();
        let known = |table| Some((table, self.known.get(&table).copied().flatten()?));
        let (tables, functions): (Vec<usize>, Vec<Functions>) =
            seen.into_iter().filter_map(known).unzip();
        let of_tables = tables.into_iter().zip(named(&functions));
        let of_wakers: HashSet<usize> = of_tables
            .filter(|(_, names)| names.iter().any(|name| wakes(name)))
            .map(|(table, _)| table)
            .collect();
        let seen = self.seen.into_iter();
        seen.filter(move |(_, table)| of_wakers.contains(table))
            .map(|(block, _)| block)
    }
}

/// The names of each table's functions by their addresses, with those of what was inlined into their first instructions.
pub(super) fn named(tables: &[Functions]) -> Vec<Vec<String>> {
    // A stack has addresses to return to: a name is looked up of the instruction before. Any word of memory may stand where a
    // function's address would, the highest too.
    let addresses = tables.iter().flatten().map(|at| [at.saturating_add(1)]);
    let stacks: Vec<[usize; 1]> = addresses.collect();
    let stacks: Vec<&[usize]> = stacks.iter().map(<[usize; 1]>::as_slice).collect();
    let looked_up = Names::default().of_stacks(&stacks);
    let of_table = |of_functions: &[(_, Vec<String>)]| {
        let names = of_functions.iter().flat_map(|(_, names)| names.clone());
        names.collect()
    };
    looked_up.chunks(FUNCTIONS).map(of_table).collect()
}

/// Whether a function is a waker's, by its name.
fn wakes(name: &str) -> bool {
    name.contains("wake")
}

/// Whether most of these blocks' bytes are in lists of wakers. Each block: its size, and the wakers in it.
pub(super) fn are_lists(blocks: impl Iterator<Item = (usize, u32)>) -> bool {
    let (mut all, mut of_lists) = (0, 0);
    for (size, wakers) in blocks {
        all += size;
        let is_list = wakers >= FEWEST && LEAST_SHARE * wakers as usize * WAKER_BYTES >= size;
        of_lists += if is_list { size } else { 0 };
    }
    all > 0 && 2 * of_lists >= all
}

#[cfg(test)]
mod tests {
    use super::{Tables, are_lists};

    const WAKERS: [usize; 4] = [0x55_0000, 0x55_0100, 0x55_0200, 0x55_0300];
    const DYN: [usize; 4] = [0x55_0000, 16, 8, 0x55_0300];

    fn counted(table: [usize; 4], name: &str) -> usize {
        let mut tables = Tables::default();
        for _ in 0..3 {
            tables.add(7, 1_024, 0x77_0000, |_| Some(table));
        }
        tables.of_wakers(&|_| vec![vec![name.to_owned()]]).count()
    }

    #[test]
    fn a_wakers_table_has_functions_alone_and_wakes() {
        assert_eq!(
            counted(WAKERS, "tokio::runtime::task::waker::wake_by_val"),
            3
        );
        assert_eq!(counted(WAKERS, "bytes::bytes::static_clone"), 0);
        assert_eq!(counted(DYN, "service::waker::{{closure}}"), 0);
    }

    #[test]
    fn a_list_is_mostly_wakers() {
        assert!(are_lists([(65_536, 2_100)].into_iter()));
        assert!(are_lists([(32_768, 600), (64, 0)].into_iter()));
        assert!(!are_lists([(65_536, 100)].into_iter()), "a large future");
        assert!(!are_lists([(48, 1), (48, 1)].into_iter()), "what has one");
        assert!(!are_lists([].into_iter()));
    }
}
