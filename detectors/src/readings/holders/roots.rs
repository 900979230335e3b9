//! Which static holds a site's blocks, where one does: on strong evidence, or not at all.
//!
//! The nearest root is a guess where blocks lead to each other, as in a list. A pointer that was forgotten in some static's memory, to an
//! entry in the middle, is nearer to all entries behind it than the list's own head. So each static that leads there is followed by
//! itself, and counts by how many of the blocks it reaches. The list's head reaches all of them.

use super::graph::{Entry, Graph, from, number};
use super::memory::{Place, static_at};
use std::collections::{HashMap, VecDeque};

/// A static is the holder when it reaches such a share of the blocks.
const MOST: f64 = 0.8;

/// A static that keeps all entries of a list reaches such a share of them; what was forgotten in a static's memory may reach fewer.
const NEARLY_ALL: f64 = 0.95;

/// A root disagrees when it reaches nearly as many.
const AS_MANY: f64 = 0.9;

/// Of two roots that reach the same blocks, one that is so many pointers nearer is the holder.
const NEARER: u32 = 2;

/// So many statics are followed, the nearest first.
const FOLLOWED_MAX: usize = 12;

/// Names of statics by their addresses.
pub(super) type Names = HashMap<usize, String>;

/// What is known of the statics that lead to a site's blocks.
#[derive(Debug)]
pub(super) enum Settled {
    /// One of them holds so many.
    Static(Walk),
    /// Threads' variables reach most of the blocks, and no static does. With an address of those of one thread, where they reach as
    /// many as all threads' do.
    Thread(Walk, Option<usize>),
    /// No root by itself reaches most of them.
    Unknown,
}

/// All that one root leads to.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) name: String,
    /// The root's pointers, each to a block: the first one to a block counts.
    entries: HashMap<u32, usize>,
    /// How many of the site's blocks it reaches.
    pub(super) covered: u64,
    /// Pointers to the nearest of them.
    distance: u32,
    /// For each block on the way: the one before; itself where the root points. `u32::MAX` for all others.
    pub(super) parents: Vec<u32>,
    /// Another root that leads to as many, and is as near.
    pub(super) rival: Option<String>,
}

impl Walk {
    /// An address of the root.
    pub(super) fn address(&self) -> usize {
        self.entries.values().min().copied().unwrap_or_default()
    }

    /// For each block that it reaches: where the pointer lies that the way there begins with. Of many threads' variables, one reaches the
    /// blocks, and another one has a pointer to one of them.
    pub(super) fn beginnings(&self) -> Vec<usize> {
        let mut beginnings = vec![0; self.parents.len()];
        let mut way = Vec::new();
        for block in (0..self.parents.len()).filter(|&at| self.reaches(at)) {
            let mut at = block;
            while beginnings[at] == 0 && self.parents[at] as usize != at {
                way.push(at);
                at = self.parents[at] as usize;
            }
            if beginnings[at] == 0 {
                beginnings[at] = self.entries.get(&number(at)).copied().unwrap_or_default();
            }
            let begins = beginnings[at];
            for at in way.drain(..) {
                beginnings[at] = begins;
            }
        }
        beginnings
    }

    pub(super) fn reaches(&self, at: usize) -> bool {
        self.parents[at] != u32::MAX
    }
}

/// The pointers of a graph by what they point at.
pub(super) struct Inwards(Vec<u32>);

impl Inwards {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut order: Vec<u32> = (0..graph.edges.len()).map(number).collect();
        order.sort_unstable_by_key(|&edge| graph.edges[edge as usize].to);
        Inwards(order)
    }

    /// The blocks that hold this one.
    fn holders<'g>(&'g self, graph: &'g Graph, block: u32) -> impl Iterator<Item = u32> + 'g {
        let to = |edge: &u32| graph.edges[*edge as usize].to;
        let start = self.0.partition_point(|edge| to(edge) < block);
        let edges = self.0[start..]
            .iter()
            .take_while(move |edge| to(edge) == block);
        let edges = edges.map(|edge| &graph.edges[*edge as usize]);
        edges
            .filter(|edge| graph.is_holding(edge))
            .map(|edge| edge.from)
    }
}

/// Which root holds these blocks. `is_own`: whether a static by this name is of a crate whose code is at the site.
pub(super) fn settle(
    graph: &Graph,
    inwards: &Inwards,
    own: &[usize],
    names: &mut Names,
    is_own: &dyn Fn(&str) -> bool,
) -> Settled {
    let leads_there = leading_to(graph, inwards, own);
    let mut statics: Vec<(String, Vec<&Entry>)> = Vec::new();
    let mut threads: Vec<&Entry> = Vec::new();
    let entries = graph
        .entries
        .iter()
        .filter(|entry| leads_there[entry.to as usize]);
    for entry in entries.filter(|entry| graph.is_entered_by(entry)) {
        match entry.place {
            Place::Static => {
                let name = name_of(entry.address, names);
                match statics
                    .iter_mut()
                    .find(|(known, _)| !name.is_empty() && *known == name)
                {
                    Some((_, entries)) => entries.push(entry),
                    None => statics.push((name, vec![entry])),
                }
            }
            Place::Thread => threads.push(entry),
            Place::Elsewhere => {}
        }
    }
    let state = super::watched_state().unwrap_or_default();
    threads.sort_by_key(|entry| !state.contains(&entry.address));
    // Those of the site's own crates are never the ones that are left out.
    statics.sort_by_key(|(name, _)| !is_own(name));
    statics.truncate(FOLLOWED_MAX);
    let is_wanted = wanted(graph, own);
    let walk =
        |name: String, entries: &[&Entry]| walk(graph, name, entries, &leads_there, &is_wanted);
    let by_thread = walk(String::new(), &threads);
    let mut walks: Vec<Walk> = statics
        .into_iter()
        .map(|(name, entries)| walk(name, &entries))
        .collect();
    let most = own.len() as f64 * MOST;
    let covers_most = |walk: &Walk| walk.covered as f64 >= most;
    // What the instruments remember lies in memory that had others' pointers: a static of theirs counts where no other root is.
    let is_others = |walk: &Walk| !is_of_instruments(&walk.name);
    // In a copy, no static of theirs holds what grows.
    if graph.is_of_copy || covers_most(&by_thread) || walks.iter().any(is_others) {
        walks.retain(is_others);
    }
    walks.sort_by_key(|walk| (std::cmp::Reverse(walk.covered), walk.distance));
    let as_many = walks
        .first()
        .map_or(0.0, |first| first.covered as f64 * AS_MANY);
    walks.retain(|walk| walk.covered as f64 >= as_many);
    walks.sort_by_key(|walk| (walk.distance, !is_own(&walk.name)));
    let mut walks = walks.into_iter();
    let by_threads = |all: Walk| {
        let one = one_of_threads(graph, &threads, all.covered, &walk);
        Settled::Thread(all, one)
    };
    let Some(mut best) = walks.next().filter(covers_most) else {
        return if covers_most(&by_thread) {
            by_threads(by_thread)
        } else {
            Settled::Unknown
        };
    };
    let is_part = (best.covered as f64) < own.len() as f64 * NEARLY_ALL;
    if is_part && by_thread.covered > best.covered {
        return by_threads(by_thread);
    }
    let is_as_near = |distance: u32| distance < best.distance + NEARER;
    best.rival = walks
        .find(|other| {
            // A static of the program's own is no farther: what a library's memory has of it was left there.
            let is_less = is_own(&best.name) && !is_own(&other.name);
            is_as_near(other.distance) && !is_less
        })
        .map(|other| format!("the static {}", other.name));
    // A library's static, with a thread's variable that is much nearer: which of the two is stale can't be told.
    let is_nearer = by_thread.distance + NEARER <= best.distance;
    if !is_own(&best.name) && is_nearer && by_thread.covered >= best.covered {
        let rival = format!("the static {}", best.name);
        return by_threads(Walk {
            rival: Some(rival),
            ..by_thread
        });
    }
    Settled::Static(best)
}

/// Where a variable lies of the one thread whose variables reach as many of the blocks as those of all do, the watch's state before others,
/// and a service's first thread: the others' stacks keep pointers to what the first one has, from the calls that they made for it.
/// Another thread may have a pointer to an entry in the middle, from which the way to the entries behind is shorter.
fn one_of_threads(
    graph: &Graph,
    entries: &[&Entry],
    covered: u64,
    walk: &dyn Fn(String, &[&Entry]) -> Walk,
) -> Option<usize> {
    let state = super::watched_state().unwrap_or_default();
    let mut threads: Vec<(_, Vec<&Entry>)> = Vec::new();
    for &entry in entries {
        let mut ranges = graph.threads.iter().map(|thread| &thread.range);
        let thread = ranges.position(|range| range.contains(&entry.address));
        let is_first = graph.is_of_first(entry.address);
        let whose = (!state.contains(&entry.address), !is_first, thread);
        match threads.iter_mut().find(|(known, _)| *known == whose) {
            Some((_, entries)) => entries.push(entry),
            None => threads.push((whose, vec![entry])),
        }
    }
    // Where there are many, it takes too long to follow each.
    if threads.len() > FOLLOWED_MAX {
        return None;
    }
    let mut walks = Vec::new();
    for ((is_others, is_later, _), entries) in &threads {
        let walk = walk(String::new(), entries);
        if walk.covered as f64 >= covered as f64 * AS_MANY {
            walks.push((*is_others, *is_later, walk.distance, entries[0].address));
        }
    }
    walks.into_iter().min().map(|(.., address)| address)
}

/// Whether a static is these instruments' own, or of the library that finds names for them.
pub(super) fn is_of_instruments(name: &str) -> bool {
    ["backtrace::", "detectors::"]
        .iter()
        .any(|path| name.starts_with(path))
}

pub(super) fn name_of(address: usize, names: &mut Names) -> String {
    let name = names.entry(address);
    name.or_insert_with(|| static_at(address).unwrap_or_default())
        .clone()
}

fn wanted(graph: &Graph, own: &[usize]) -> Vec<bool> {
    let mut is_wanted = vec![false; graph.blocks.len()];
    for &at in own {
        is_wanted[at] = true;
    }
    is_wanted
}

/// The blocks from which one comes to these.
fn leading_to(graph: &Graph, inwards: &Inwards, own: &[usize]) -> Vec<bool> {
    let mut leads = wanted(graph, own);
    let mut to_do: Vec<u32> = own.iter().copied().map(number).collect();
    while let Some(at) = to_do.pop() {
        for holder in inwards.holders(graph, at) {
            if !leads[holder as usize] {
                leads[holder as usize] = true;
                to_do.push(holder);
            }
        }
    }
    leads
}

/// Follows one root, the nearest blocks first.
fn walk(
    graph: &Graph,
    name: String,
    entries: &[&Entry],
    leads_there: &[bool],
    is_wanted: &[bool],
) -> Walk {
    let mut found = Walk {
        name,
        entries: HashMap::new(),
        covered: 0,
        distance: u32::MAX / 2,
        parents: vec![u32::MAX; graph.blocks.len()],
        rival: None,
    };
    for entry in entries {
        found.entries.entry(entry.to).or_insert(entry.address);
    }
    let mut to_do: VecDeque<(u32, u32, u32)> = entries
        .iter()
        .map(|entry| (entry.to, entry.to, 1))
        .collect();
    while let Some((at, parent, distance)) = to_do.pop_front() {
        if found.reaches(at as usize) {
            continue;
        }
        found.parents[at as usize] = parent;
        if is_wanted[at as usize] {
            found.covered += 1;
            found.distance = found.distance.min(distance);
        }
        for edge in from(&graph.edges, at) {
            if leads_there[edge.to as usize] && graph.is_holding(edge) {
                to_do.push_back((edge.to, at, distance + 1));
            }
        }
    }
    found
}
