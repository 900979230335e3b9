//! Tables of functions that blocks point at, told by what their functions are called.
//!
//! A waker, a task and a view of shared bytes each keep the address of such a table. So does a `Box<dyn Fn()>`, whose table has a size and
//! an alignment between functions. Where functions have no names, nothing is told.

use crate::profile::Names;
use std::collections::{HashMap, HashSet};

/// Below this, an address is a size or an alignment.
const LOWEST_CODE: usize = 1 << 16;

/// The first functions of a table, in the order in which it has them.
pub(super) type Functions = [usize; FUNCTIONS];
const FUNCTIONS: usize = 4;

/// Pointers to tables of functions, each with what it was found at.
#[derive(Debug)]
pub(super) struct Tables<T> {
    /// What may be one; `None` what isn't.
    known: HashMap<usize, Option<Functions>>,
    seen: Vec<(T, usize)>,
}

impl<T> Default for Tables<T> {
    fn default() -> Self {
        Tables {
            known: HashMap::new(),
            seen: Vec::new(),
        }
    }
}

impl<T> Tables<T> {
    /// Something has the address of what may be a table. `words`: what lies there.
    pub(super) fn add(
        &mut self,
        of: T,
        table: usize,
        words: impl FnOnce(usize) -> Option<Functions>,
    ) {
        let functions = self.known.entry(table).or_insert_with(|| {
            let functions = words(table)?;
            functions
                .iter()
                .all(|at| *at >= LOWEST_CODE)
                .then_some(functions)
        });
        if functions.is_some() {
            self.seen.push((of, table));
        }
    }

    /// What has the address of a table with a function by a wanted name. `named`: the names of tables' functions.
    pub(super) fn with(
        self,
        is_wanted: fn(&str) -> bool,
        named: &dyn Fn(&[Functions]) -> Vec<Vec<String>>,
    ) -> impl Iterator<Item = T> {
        let seen: HashSet<usize> = self.seen.iter().map(|(_, table)| *table).collect();
        let known = |table| Some((table, self.known.get(&table).copied().flatten()?));
        let (tables, functions): (Vec<usize>, Vec<Functions>) =
            seen.into_iter().filter_map(known).unzip();
        let of_tables = tables.into_iter().zip(named(&functions));
        let wanted: HashSet<usize> = of_tables
            .filter(|(_, names)| names.iter().any(|name| is_wanted(name)))
            .map(|(table, _)| table)
            .collect();
        let seen = self.seen.into_iter();
        seen.filter(move |(_, table)| wanted.contains(table))
            .map(|(of, _)| of)
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

#[cfg(test)]
mod tests {
    use super::Tables;
    use crate::readings::holders::wakers::wakes;

    const WAKERS: [usize; 4] = [0x55_0000, 0x55_0100, 0x55_0200, 0x55_0300];
    const DYN: [usize; 4] = [0x55_0000, 16, 8, 0x55_0300];

    fn counted(table: [usize; 4], name: &str) -> usize {
        let mut tables = Tables::default();
        for block in 0..3 {
            tables.add(block, 0x77_0000, |_| Some(table));
        }
        let named = |_: &[[usize; 4]]| vec![vec![name.to_owned()]];
        tables.with(wakes, &named).count()
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
}
