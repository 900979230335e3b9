//! How much hangs on a block: how many of the wanted ones it leads to, itself among them. A map's table is one block, and each of its
//! entries hangs on it: who points at the table holds them all.
//!
//! Blocks that lead to each other, as a list's entries do, lead to the same ones: such a group is found whole, once all that it leads to
//! is known. What two ways lead to counts twice, and nothing counts for more than there are.
//!
//! Source: R. Tarjan, "Depth-First Search and Linear Graph Algorithms", SIAM Journal on Computing, 1972.

use super::super::graph::{Block, block_at, end_of, number};
use super::Memory;
use std::ops::Range;

/// How many of the wanted blocks each of these leads to, in the same order.
///
/// # Errors
///
/// In words, when `is_over` before all was read.
pub(super) fn of(
    blocks: &[Block],
    is_wanted: &dyn Fn(&Block) -> bool,
    memory: &Memory,
    without: &[Range<usize>],
    is_over: &dyn Fn() -> bool,
) -> Result<Vec<usize>, String> {
    let pointers = Pointers::between(blocks, memory, without, is_over)?;
    let own: Vec<usize> = blocks
        .iter()
        .map(|block| usize::from(is_wanted(block)))
        .collect();
    Ok(over(&pointers, own))
}

/// From each block to others, each once.
struct Pointers {
    to: Vec<u32>,
    /// Where in the list those of each block begin, and where the last ones end.
    begin: Vec<usize>,
}

impl Pointers {
    fn between(
        blocks: &[Block],
        memory: &Memory,
        without: &[Range<usize>],
        is_over: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        if let (Some(first), Some(last)) = (blocks.first(), blocks.last()) {
            let all = first.start..end_of(*last);
            memory.each_word(without, is_over, |word, _| {
                if all.contains(&word.value)
                    && let Some(to) = block_at(blocks, word.value)
                    && let Some(from) = block_at(blocks, word.address)
                    && from != to
                {
                    pairs.push((number(from), number(to)));
                }
            })?;
        }
        Ok(Pointers::of(pairs, blocks.len()))
    }

    fn of(mut pairs: Vec<(u32, u32)>, blocks: usize) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let begins = |block| pairs.partition_point(|(from, _)| (*from as usize) < block);
        let begin = (0..=blocks).map(begins).collect();
        let to = pairs.into_iter().map(|(_, to)| to).collect();
        Pointers { to, begin }
    }

    fn from(&self, block: u32) -> &[u32] {
        let at = block as usize;
        &self.to[self.begin[at]..self.begin[at + 1]]
    }
}

/// What is known of a block while the groups are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    /// Its group may have more. `found`: how many were found before it; `earliest`: the least of that among those it leads to.
    Open {
        found: u32,
        earliest: u32,
    },
    /// Its group is whole.
    Done,
}

/// Adds up over what each block leads to. `own`: what each counts by itself.
fn over(pointers: &Pointers, own: Vec<usize>) -> Vec<usize> {
    let all: usize = own.iter().sum();
    let mut reach = own;
    let mut seen = vec![Seen::Not; reach.len()];
    // The blocks of groups that may have more, in the order in which they were found.
    let mut open: Vec<u32> = Vec::new();
    let mut count = 0;
    for begin in 0..reach.len() {
        if seen[begin] != Seen::Not {
            continue;
        }
        // The way to the block that is looked at, each with how many of its pointers were followed.
        let mut way: Vec<(u32, usize)> = Vec::new();
        let mut next = Some(number(begin));
        loop {
            if let Some(block) = next.take() {
                seen[block as usize] = Seen::Open {
                    found: count,
                    earliest: count,
                };
                count += 1;
                open.push(block);
                way.push((block, 0));
            }
            let Some((block, followed)) = way.last_mut() else {
                break;
            };
            let block = *block;
            if let Some(&to) = pointers.from(block).get(*followed) {
                *followed += 1;
                match seen[to as usize] {
                    Seen::Not => next = Some(to),
                    Seen::Open { found, .. } => leads_to(&mut seen[block as usize], found),
                    Seen::Done => {}
                }
                continue;
            }
            way.pop();
            let Seen::Open { found, earliest } = seen[block as usize] else {
                continue;
            };
            if let Some((before, _)) = way.last() {
                leads_to(&mut seen[*before as usize], earliest);
            }
            if earliest == found {
                let first = open.iter().rposition(|of| *of == block).unwrap_or(0);
                let group = open.split_off(first);
                let is_beyond = |to: &&u32| seen[**to as usize] == Seen::Done;
                let beyond = group
                    .iter()
                    .flat_map(|of| pointers.from(*of).iter().filter(is_beyond));
                let ends = beyond.chain(&group).map(|of| reach[*of as usize]);
                let sum = ends.fold(0, |sum: usize, of| sum.saturating_add(of).min(all));
                for of in group {
                    reach[of as usize] = sum;
                    seen[of as usize] = Seen::Done;
                }
            }
        }
    }
    reach
}

fn leads_to(seen: &mut Seen, found: u32) {
    if let Seen::Open { earliest, .. } = seen {
        *earliest = found.min(*earliest);
    }
}

#[cfg(test)]
mod tests {
    use super::{Pointers, over};

    #[track_caller]
    fn is(pairs: &[(u32, u32)], own: &[usize], reach: &[usize]) {
        let pointers = Pointers::of(pairs.to_vec(), own.len());
        assert_eq!(over(&pointers, own.to_vec()), reach, "{pairs:?}");
    }

    #[test]
    fn what_hangs_on_a_block_is_all_that_it_leads_to() {
        is(&[], &[1, 0], &[1, 0]);
        // A table, its entries, and what they hold.
        is(
            &[(0, 1), (0, 2), (1, 3), (2, 4)],
            &[0, 1, 1, 1, 1],
            &[4, 2, 2, 1, 1],
        );
        // A list in both directions, with a text for each entry.
        let list = [(0, 1), (1, 0), (1, 2), (2, 1), (0, 3), (1, 4), (2, 5)];
        is(&list, &[0, 0, 0, 1, 1, 1], &[3, 3, 3, 1, 1, 1]);
        // From the end of the list on.
        is(&[(2, 1), (1, 0), (0, 2), (3, 1)], &[1, 1, 1, 0], &[3; 4]);
        // Two ways to one block: it counts twice, and not for more than there are.
        is(&[(0, 1), (0, 2), (1, 3), (2, 3)], &[0, 0, 0, 1], &[1; 4]);
        // Two groups, one behind the other.
        let groups = [(0, 1), (1, 0), (1, 2), (2, 3), (3, 2)];
        is(&groups, &[1; 4], &[4, 4, 2, 2]);
    }

    /// Followed by calls, it would overrun the stack.
    #[test]
    fn a_long_list_is_followed() {
        let pairs = (0..1_000_000).map(|at| (at, at + 1)).collect();
        let reach = over(&Pointers::of(pairs, 1_000_001), vec![1; 1_000_001]);
        assert_eq!((reach[0], reach[1_000_000]), (1_000_001, 1));
    }
}
