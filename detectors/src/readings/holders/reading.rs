//! From the graph to words: who holds a site's blocks, and which class that makes.

use super::graph::{Graph, Reached};
use super::memory::static_at;
use super::{HeldBy, Root, Stacks, Wanted};
use crate::model::class::Class;
use crate::model::place::{Frame, Origin};
use std::collections::HashMap;

/// How far a chain is followed for a queue.
const STEPS_MAX: usize = 4;

/// A class is told only where so many of the blocks agree.
const MOST: f64 = 0.8;

/// Functions of queues: what they made, or what hangs on that, waits to be taken out.
const QUEUES: [&str; 10] = [
    "tokio::sync::mpsc",
    "tokio::sync::broadcast",
    "tokio::task::join_set",
    "tokio::util::idle_notified_set",
    "std::sync::mpsc",
    "std::sync::mpmc",
    "crossbeam_channel",
    "async_channel",
    "flume",
    "futures_channel",
];

/// Whose functions may say so: a function of the program's own that is generic over a queue isn't one.
const LIBRARIES: [&str; 9] = [
    "alloc::",
    "core::",
    "std::",
    "tokio::",
    "crossbeam",
    "async_channel::",
    "concurrent_queue::",
    "flume::",
    "futures",
];

pub(super) fn held_by(graph: &Graph, wanted: &[Wanted], stacks_of: Stacks<'_>) -> Vec<HeldBy> {
    let mut statics = HashMap::new();
    wanted
        .iter()
        .map(|wanted| holding(graph, wanted, stacks_of, &mut statics))
        .collect()
}

fn holding(
    graph: &Graph,
    wanted: &Wanted,
    stacks_of: Stacks<'_>,
    statics: &mut HashMap<usize, String>,
) -> HeldBy {
    let is_wanted = |site: u32| wanted.numbers.contains(&(site as usize));
    let own: Vec<usize> = (0..graph.blocks.len())
        .filter(|&at| graph.blocks[at].is_of_scope && is_wanted(graph.blocks[at].site))
        .collect();
    let mut by: HashMap<Root, u64> = HashMap::new();
    let mut chains: HashMap<Vec<u32>, u64> = HashMap::new();
    for &at in &own {
        let root = match graph.reached[at] {
            Reached::Static(address) => Root::Static(
                statics
                    .entry(address)
                    .or_insert_with(|| static_at(address).unwrap_or_default())
                    .clone(),
            ),
            Reached::Thread => Root::Thread,
            Reached::Elsewhere => Root::Elsewhere,
            Reached::Cycle => Root::Cycle,
            Reached::Nothing => Root::Nothing,
        };
        *by.entry(root).or_default() += 1;
        *chains.entry(chain(graph, at)).or_default() += 1;
    }
    let mut by: Vec<(Root, u64)> = by.into_iter().collect();
    by.sort_by(|(root, count), (other, of_other)| {
        let most_first = of_other.cmp(count);
        most_first.then_with(|| root.to_string().cmp(&other.to_string()))
    });
    let mut chains: Vec<(Vec<u32>, u64)> = chains.into_iter().collect();
    chains.sort_by(|(chain, count), (other, of_other)| {
        let most_first = of_other.cmp(count);
        most_first.then_with(|| chain.cmp(other))
    });
    let commonest = chains
        .first()
        .map(|(sites, _)| sites.as_slice())
        .unwrap_or_default();
    let numbers: Vec<usize> = commonest.iter().map(|site| *site as usize).collect();
    let holders = stacks_of(&numbers);
    let queue = std::iter::once(&wanted.functions)
        .chain(holders.iter().map(|(_, functions)| functions))
        .find_map(|functions| queue_among(functions));
    HeldBy {
        site: wanted.name.clone(),
        blocks: own.len() as u64,
        by,
        pointers: median(own.iter().map(|&at| graph.pointers[at])),
        unused: own.iter().filter(|&&at| graph.unused[at]).count() as u64,
        through: holders
            .iter()
            .filter_map(|(stack, _)| maker(stack))
            .collect(),
        queue,
    }
}

/// The sites of the blocks that lead to this one, nearest first, each once.
fn chain(graph: &Graph, block: usize) -> Vec<u32> {
    let mut sites = Vec::new();
    let mut at = block;
    for _ in 0..STEPS_MAX {
        let parent = graph.parents[at] as usize;
        if parent == at || parent == block {
            break;
        }
        let site = graph.blocks[parent].site;
        if sites.last() != Some(&site) {
            sites.push(site);
        }
        at = parent;
    }
    sites
}

/// The function that made a block: the innermost own one, else the innermost dependency's.
fn maker(stack: &[Frame]) -> Option<Frame> {
    let first = |origin| stack.iter().find(|frame| frame.origin() == origin);
    first(Origin::Own)
        .or_else(|| first(Origin::Dependency))
        .or_else(|| stack.first())
        .cloned()
}

/// The queue that one of these functions belongs to. A generic function names its queue behind the crate that it is of:
/// `<alloc::boxed::Box<std::sync::mpmc::list::Block<T>>>::new`.
fn queue_among(functions: &[String]) -> Option<String> {
    let of_libraries = functions.iter().filter(|function| {
        let path = function.trim_start_matches(['<', '&']);
        LIBRARIES.iter().any(|library| path.starts_with(library))
    });
    of_libraries.into_iter().find_map(|function| {
        let is_of = |queue: &&&str| {
            function.match_indices(**queue).any(|(at, _)| {
                let before = function[..at].chars().next_back();
                before.is_none_or(|before| "<& ".contains(before))
            })
        };
        QUEUES.iter().find(is_of).map(|queue| (*queue).to_owned())
    })
}

fn median(values: impl Iterator<Item = u32>) -> u64 {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0).into()
}

/// The class that holders tell, where only the heap grows. `pins`: much more stays live than the holder accounts for.
///
/// The sites come most bytes first. The first of them decides: the others are usually what it needs beside it.
pub(crate) fn class_of(held_by: &[HeldBy], pins: bool) -> Option<Class> {
    let largest = held_by.first()?;
    let (root, share) = largest.mostly()?;
    if share < MOST {
        return None;
    }
    match root {
        Root::Nothing => Some(Class::LostPointers),
        Root::Cycle => Some(Class::ReferenceCycles),
        // However many point there: what earlier vectors left in memory that is used again points there as well.
        _ if pins && 2 * largest.unused > largest.blocks => Some(Class::RetainedCapacity),
        _ if pins => Some(Class::RetainedSubslices),
        _ if largest.queue.is_some() => Some(Class::UnboundedQueues),
        Root::Static(_) => Some(Class::GlobalCaches),
        Root::Thread | Root::Elsewhere => None,
    }
}

#[cfg(test)]
mod tests {
    use super::class_of;
    use crate::model::class::Class;
    use crate::readings::holders::{HeldBy, Root};

    fn holding(root: Root, count: u64, unused: u64, queue: Option<&str>) -> HeldBy {
        HeldBy {
            site: "a site".to_owned(),
            blocks: 100,
            by: vec![(root, count)],
            pointers: 1,
            unused,
            through: Vec::new(),
            queue: queue.map(str::to_owned),
        }
    }

    #[test]
    fn each_holder_has_its_class() {
        let seen = || Root::Static("seen".to_owned());
        for (root, unused, queue, pins, class) in [
            (Root::Nothing, 0, None, false, Some(Class::LostPointers)),
            (Root::Cycle, 0, None, false, Some(Class::ReferenceCycles)),
            (seen(), 0, None, false, Some(Class::GlobalCaches)),
            (
                seen(),
                0,
                Some("flume"),
                false,
                Some(Class::UnboundedQueues),
            ),
            (
                Root::Thread,
                0,
                Some("flume"),
                false,
                Some(Class::UnboundedQueues),
            ),
            (Root::Thread, 100, None, false, None),
            (Root::Thread, 0, None, true, Some(Class::RetainedSubslices)),
            (Root::Thread, 100, None, true, Some(Class::RetainedCapacity)),
            (Root::Elsewhere, 0, None, false, None),
        ] {
            let told = class_of(&[holding(root.clone(), 100, unused, queue)], pins);
            assert_eq!(told, class, "{root}");
        }
    }

    #[test]
    fn mixed_evidence_tells_no_class() {
        assert_eq!(
            class_of(&[holding(Root::Nothing, 79, 0, None)], false),
            None
        );
        assert_eq!(class_of(&[], true), None);
    }
}
