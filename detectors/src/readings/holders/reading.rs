//! From the graph to words: who holds a site's blocks, and through what.

use super::graph::{Graph, Reached, number};
use super::memory::Part;
use super::queues::{Role, queue_among};
use super::room::Made;
use super::roots::{self, Inwards, Names, Settled};
use super::{HeldBy, Judged, Owner, Root, Stacks, Wanted};
use super::{queues, views, wakers};
use crate::model::place::{Frame, Origin};
use std::collections::{HashMap, HashSet};

/// How far a chain is followed for a queue or a map.
const STEPS_MAX: usize = 4;

/// A chain is told whose nearest holder one of so many blocks has.
const WORTH_TELLING: u64 = 5;

/// So many blocks that lasted speak for their site.
const LASTING_MIN: usize = 8;

/// An owner of one block where another has so many isn't one.
const MUCH_LESS: u64 = 20;

pub(super) struct Reader<'g> {
    graph: &'g Graph,
    stacks_of: Stacks<'g>,
    names: Names,
    /// Made when a static leads to some site.
    inwards: Option<Inwards>,
}

/// The way from a site's blocks to their root.
struct Ways<'w> {
    parents: Vec<u32>,
    /// For each of the site's blocks: what reaches it.
    reached: Vec<(usize, Reached)>,
    graph: &'w Graph,
}

/// Where a way comes to the nearest block that is older than the notes.
struct Border {
    /// The last one before.
    noted: usize,
    older: usize,
    /// The one that leads to the older one.
    behind: Option<usize>,
}

impl Border {
    /// Whether it is known what keeps entries there. A queue is told before.
    fn is_known(&self, graph: &Graph) -> bool {
        graph.older_tables[self.older] || graph.older_vectors[self.older]
    }

    /// Whether a map leads there: by an entry, or by the list that an entry has.
    fn is_of_map(&self, graph: &Graph) -> bool {
        let is_table = |at: usize| graph.older_tables[at];
        let is_list = graph.older_vectors[self.older];
        is_table(self.older) || is_list && self.behind.is_some_and(is_table)
    }
}

/// Whether what keeps the blocks together is known, so that it is of no account who made the older block behind it: a few noted blocks lead
/// to many, as a vector's or a table's do.
fn are_kept_by_few(borders: &[Border]) -> bool {
    const MANY: usize = 64;
    let few: HashSet<usize> = borders.iter().map(|border| border.noted).collect();
    MANY * few.len() <= borders.len()
}

impl Ways<'_> {
    /// The sites of the blocks that lead to this one, nearest first, each once.
    fn chain(&self, block: usize) -> Vec<u32> {
        let mut sites: Vec<u32> = Vec::new();
        for holder in self.holders(block) {
            let site = self.graph.blocks[holder].site;
            if sites.last() != Some(&site) {
                sites.push(site);
            }
        }
        sites
    }

    /// Whether the ways to the site's blocks part at blocks of these sites: a map has an entry for each few of them. A map with an entry
    /// that leads to all of them, such as a table of routes on the way to a service's state, has nothing to do with what grows behind it.
    fn part_at(&self, sites: &HashSet<u32>) -> bool {
        const MANY: usize = 8;
        let is_of = |holder: usize| sites.contains(&self.graph.blocks[holder].site);
        let entry = |block: usize| {
            let mut before = block;
            let mut holders = self.holders(block);
            holders.find_map(|holder| {
                let entry = std::mem::replace(&mut before, holder);
                is_of(holder).then_some(entry)
            })
        };
        let blocks = self.reached.iter().map(|(at, _)| *at);
        let entries: HashSet<usize> = blocks.filter_map(entry).collect();
        entries.len() >= MANY.min(self.reached.len().div_ceil(2)).max(1)
    }

    /// The chain that most of these blocks have of those with the commonest nearest holder: further out, a list's blocks may be of several
    /// sites in any order.
    fn commonest_chain(&self, blocks: &[(usize, Reached)]) -> Vec<u32> {
        let mut chains: HashMap<Option<u32>, HashMap<Vec<u32>, u64>> = HashMap::new();
        for &(at, reached) in blocks {
            let chain = self.chain(at);
            // By what is held from elsewhere nobody knows who made its holder.
            if !(chain.is_empty() && reached == Reached::Elsewhere) {
                let of_nearest = chains.entry(chain.first().copied()).or_default();
                *of_nearest.entry(chain).or_default() += 1;
            }
        }
        let count = |chains: &HashMap<Vec<u32>, u64>| chains.values().sum::<u64>();
        let mut by_nearest: Vec<_> = chains.into_iter().collect();
        by_nearest.sort_by_key(|(nearest, chains)| (std::cmp::Reverse(count(chains)), *nearest));
        let is_told =
            |chains: &HashMap<Vec<u32>, u64>| count(chains) * WORTH_TELLING >= blocks.len() as u64;
        let commonest = by_nearest.into_iter().next().map(|(_, chains)| chains);
        let commonest = commonest.filter(is_told).unwrap_or_default();
        let first = most_first(commonest, Clone::clone).into_iter().next();
        first.map(|(chain, _)| chain).unwrap_or_default()
    }

    /// Where the ways of the site's blocks come to blocks that are older than the notes.
    fn borders(&self) -> impl Iterator<Item = Border> {
        self.reached.iter().filter_map(|&(at, _)| {
            let mut noted = at;
            let mut holders = self.holders(at);
            let older = holders.find(|&holder| {
                let is_older = self.graph.blocks[holder].is_older();
                noted = if is_older { noted } else { holder };
                is_older
            })?;
            let behind = holders.next();
            Some(Border {
                noted,
                older,
                behind,
            })
        })
    }

    /// Whether most of the site's blocks lie in a deque from whose front something was taken: a few deques for many blocks. Where as many
    /// deques come as blocks do, nothing of that waits.
    fn are_in_a_deque(
        &self,
        made: &[Made],
        chain: &[u32],
        holders: &[(Vec<Frame>, Vec<String>)],
    ) -> bool {
        const MANY: usize = 64;
        let of_deques: HashSet<u32> = chain
            .iter()
            .zip(holders)
            .filter(|(_, (_, functions))| Made::by(functions) == Made::ForDeque)
            .map(|(site, _)| *site)
            .collect();
        let (graph, is_made) = (self.graph, made.contains(&Made::ForDeque));
        let is_room = |at: usize| {
            let is_noted = of_deques.contains(&graph.blocks[at].site);
            graph.older_queues[at] || is_noted && graph.unused[at].is_of_queue()
        };
        let is_own = |at: usize| is_made && graph.unused[at].is_of_queue();
        let room = |at: usize| {
            let own = is_own(at).then_some(at);
            own.or_else(|| self.holders(at).find(|holder| is_room(*holder)))
        };
        let rooms: Vec<usize> = self
            .reached
            .iter()
            .filter_map(|(at, _)| room(*at))
            .collect();
        let deques: HashSet<&usize> = rooms.iter().collect();
        let are_few = deques.len() == 1 || MANY * deques.len() <= rooms.len();
        are_few && 2 * rooms.len() > self.reached.len()
    }

    /// The blocks that lead to this one, nearest first.
    fn holders(&self, block: usize) -> impl Iterator<Item = usize> {
        let mut at = block;
        (0..STEPS_MAX).map_while(move |_| {
            let parent = self.parents[at] as usize;
            let is_end = parent == at || parent == block;
            at = parent;
            (!is_end).then_some(parent)
        })
    }
}

impl<'g> Reader<'g> {
    pub(super) fn of(graph: &'g Graph, stacks_of: Stacks<'g>) -> Self {
        Reader {
            graph,
            stacks_of,
            names: Names::new(),
            inwards: None,
        }
    }

    pub(super) fn held_by(&mut self, wanted: &Wanted) -> HeldBy {
        let graph = self.graph;
        let own: Vec<usize> = (0..graph.blocks.len())
            .filter(|&at| graph.blocks[at].is_of_scope && wanted.has(graph.blocks[at].site))
            .collect();
        let (ways, rival) = self.ways(wanted, &own);
        let lasting = ways.reached.iter().copied();
        let lasting: Vec<_> = lasting.filter(|(at, _)| graph.blocks[*at].lasts).collect();
        let lasting = Some(lasting).filter(|lasting| lasting.len() >= LASTING_MIN);
        let by = self.roots(&ways.reached);
        let commonest = ways.commonest_chain(lasting.as_deref().unwrap_or(&ways.reached));
        let mut owners: HashMap<Whose, u64> = HashMap::new();
        for whose in ways
            .reached
            .iter()
            .filter_map(|(_, reached)| Whose::of(*reached, graph))
        {
            *owners.entry(whose).or_default() += 1;
        }
        let numbers: Vec<usize> = commonest.iter().map(|site| *site as usize).collect();
        let holders = (self.stacks_of)(&numbers);
        let mostly = by.first().map(|(root, _)| root.clone());
        let mut owners: Vec<(Whose, u64)> = most_first(owners, |whose| *whose)
            .into_iter()
            .filter(|(whose, _)| mostly.as_ref().is_some_and(|root| whose.is_of(root)))
            .collect();
        // One that has much less than the first has what was left behind.
        let most = owners.first().map_or(0, |(_, count)| *count);
        owners.retain(|(_, count)| count * MUCH_LESS >= most);
        let maps: HashSet<u32> = commonest
            .iter()
            .zip(&holders)
            .filter(|(_, (_, functions))| is_of_map(functions))
            .map(|(site, _)| *site)
            .collect();
        let made: Vec<Made> = wanted.functions.iter().map(|by| Made::by(by)).collect();
        let is_unused = |at: usize| made.iter().any(|made| graph.unused[at].is_told(*made));
        let is_surely_unused = |at: usize| made.iter().any(|made| graph.unused[at].is_sure(*made));
        let is_viewed = |at: usize| views::show_little(graph.shown[at], graph.blocks[at].size);
        let (by_known, by_others): (Vec<Border>, Vec<Border>) =
            ways.borders().partition(|border| border.is_known(graph));
        let by_maps = by_known.iter().filter(|border| border.is_of_map(graph));
        let is_by_older = 2 * by_others.len() > own.len() && !are_kept_by_few(&by_others);
        let is_map = 2 * by_maps.count() > own.len()
            || wanted.functions.iter().any(|by| is_of_map(by))
            || ways.part_at(&maps);
        let waits_in_a_deque = || !is_map && ways.are_in_a_deque(&made, &commonest, &holders);
        let lasting = lasting.map(|lasting| {
            let of_them = |is_one: &dyn Fn(usize) -> bool| {
                lasting.iter().filter(|(at, _)| is_one(*at)).count() as u64
            };
            Judged {
                blocks: lasting.len() as u64,
                by: self.roots(&lasting),
                viewed: of_them(&is_viewed),
                surely_unused: of_them(&is_surely_unused),
            }
        });
        let own = ways.reached.iter().map(|(at, _)| *at);
        let waits_by_wakers = wakers::are_lists(own.clone().map(|at| {
            let size = graph.blocks[at].size;
            (size, graph.wakers[at])
        }));
        HeldBy {
            site: wanted.name.clone(),
            blocks: own.len() as u64,
            by,
            owner: owners.first().and_then(|(whose, _)| self.owner(*whose)),
            owners: owners.len() as u64,
            rival,
            are_tasks: 2 * own.clone().filter(|&at| graph.is_task(number(at))).count() > own.len(),
            bytes: own.clone().map(|at| graph.blocks[at].size as u64).sum(),
            rose: 0,
            stacks: wanted.numbers.clone(),
            pointers: median(own.clone().map(|at| graph.pointers[at])),
            unused: own.clone().filter(|&at| is_unused(at)).count() as u64,
            surely_unused: own.clone().filter(|&at| is_surely_unused(at)).count() as u64,
            viewed: own.clone().filter(|&at| is_viewed(at)).count() as u64,
            is_by_older,
            queue: queue(wanted, &commonest, &holders, &ways)
                .or_else(|| waits_by_wakers.then(|| wakers::QUEUE.to_owned()))
                .or_else(|| waits_in_a_deque().then(|| queues::DEQUE.to_owned())),
            is_map,
            through: holders
                .iter()
                .filter_map(|(stack, _)| maker(stack))
                .collect(),
            lasting,
        }
    }

    /// How many of the blocks are held by what, most first.
    fn roots(&mut self, blocks: &[(usize, Reached)]) -> Vec<(Root, u64)> {
        let mut by: HashMap<Root, u64> = HashMap::new();
        for (_, reached) in blocks {
            *by.entry(self.root(*reached)).or_default() += 1;
        }
        most_first(by, ToString::to_string)
    }

    /// What reaches each block of a site. Where a static is said to, that is looked into.
    fn ways(&mut self, wanted: &Wanted, own: &[usize]) -> (Ways<'g>, Option<String>) {
        let graph = self.graph;
        let mut ways = Ways {
            parents: graph.parents.clone(),
            reached: own.iter().map(|&at| (at, graph.reached[at])).collect(),
            graph,
        };
        let is_static = |(_, reached): &(usize, Reached)| matches!(reached, Reached::Static(_));
        if !ways.reached.iter().any(is_static) {
            return (ways, None);
        }
        let inwards = self.inwards.get_or_insert_with(|| Inwards::of(graph));
        let is_own = |name: &str| crate_of(name).is_some_and(|name| wanted.crates.contains(name));
        let walk = match roots::settle(graph, inwards, own, &mut self.names, &is_own) {
            Settled::Static(walk) => {
                let root = Reached::Static(walk.address());
                for (_, reached) in ways.reached.iter_mut().filter(|(at, _)| walk.reaches(*at)) {
                    *reached = root;
                }
                walk
            }
            Settled::Thread(walk, one) => {
                let variables = match one {
                    Some(address) => vec![address; graph.blocks.len()],
                    None => walk.beginnings(),
                };
                for (at, reached) in ways.reached.iter_mut().filter(|(at, _)| walk.reaches(*at)) {
                    *reached = Reached::Thread(variables[*at]);
                }
                walk
            }
            Settled::Unknown => return (ways, None),
        };
        for (parent, &of_walk) in ways.parents.iter_mut().zip(&walk.parents) {
            if of_walk != u32::MAX {
                *parent = of_walk;
            }
        }
        (ways, walk.rival)
    }

    fn root(&mut self, reached: Reached) -> Root {
        match reached {
            Reached::Static(address) => {
                let name = roots::name_of(address, &mut self.names);
                // What they remember of a service that runs holds nothing of the service's.
                if self.graph.is_of_copy && roots::is_of_instruments(&name) {
                    return Root::Elsewhere;
                }
                Root::Static(name)
            }
            Reached::Thread(_) => Root::Thread,
            Reached::Task(_) => Root::Task,
            Reached::Runtime => Root::Runtime,
            Reached::Elsewhere => Root::Elsewhere,
            Reached::Cycle => Root::Cycle,
            Reached::Nothing => Root::Nothing,
        }
    }

    fn owner(&self, whose: Whose) -> Option<Owner> {
        match whose {
            Whose::Setup => Some(Owner::Setup),
            Whose::Outside => Some(Owner::Outside),
            Whose::Local => Some(Owner::ThreadLocal),
            Whose::Thread(at) => Some(Owner::Thread(self.graph.threads[at].name.clone())),
            Whose::Task(block) => {
                let site = self.graph.blocks[block as usize].site as usize;
                let stacks = (self.stacks_of)(&[site]);
                let (stack, _) = stacks.first()?;
                maker(stack).map(Owner::Task)
            }
        }
    }
}

/// Whose variable or future a chain begins in, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Whose {
    Setup,
    Outside,
    Local,
    /// Its number among the graph's.
    Thread(usize),
    /// The task's block.
    Task(u32),
}

impl Whose {
    fn of(reached: Reached, graph: &Graph) -> Option<Self> {
        let address = match reached {
            Reached::Task(block) => return Some(Whose::Task(block)),
            Reached::Thread(address) => address,
            _ => return None,
        };
        let mut threads = graph.threads.iter();
        let at = threads.position(|thread| thread.range.contains(&address))?;
        match graph.threads[at].part {
            Part::Stack => Some(Whose::Thread(at)),
            Part::OwnStack => {
                let state = super::watched_state()?;
                match address {
                    _ if state.contains(&address) => Some(Whose::Setup),
                    _ if address >= state.end => Some(Whose::Outside),
                    _ => None,
                }
            }
            Part::OwnLocals => {
                let mut locals = graph.locals.iter();
                let is_local = locals.any(|locals| locals.contains(&address));
                is_local.then_some(Whose::Local)
            }
        }
    }

    fn is_of(self, root: &Root) -> bool {
        matches!(self, Whose::Task(_)) == (*root == Root::Task)
            && matches!(root, Root::Task | Root::Thread)
    }
}

fn most_first<T, K: Ord>(counts: HashMap<T, u64>, key: impl Fn(&T) -> K) -> Vec<(T, u64)> {
    let mut counts: Vec<(T, u64)> = counts.into_iter().collect();
    counts.sort_by(|(one, count), (other, of_other)| {
        let most_first = of_other.cmp(count);
        most_first.then_with(|| key(one).cmp(&key(other)))
    });
    counts
}

/// The queue in which the blocks wait. Where there are as many queues as blocks, queues pile up, and nothing of that waits.
fn queue(
    wanted: &Wanted,
    chain: &[u32],
    holders: &[(Vec<Frame>, Vec<String>)],
    ways: &Ways<'_>,
) -> Option<String> {
    let mut made = wanted
        .functions
        .iter()
        .filter_map(|functions| queue_among(functions));
    let by_holders: Vec<_> = holders
        .iter()
        .map(|(_, functions)| queue_among(functions))
        .collect();
    let own: Vec<_> = made.by_ref().collect();
    if let Some((path, _)) = own.first() {
        // An end that only the queue still has is somebody who waited there and went away.
        let is_of_queue = |told: &Option<(&str, Role)>| told.is_some_and(|(of, _)| of == *path);
        let by_queue = !by_holders.is_empty() && by_holders.iter().all(is_of_queue);
        let is = |wanted| own.iter().all(|(_, role)| *role == wanted);
        if is(Role::End) && by_queue {
            return Some((*path).to_owned());
        }
        if own.iter().all(|(_, role)| *role != Role::Waits) {
            return None;
        }
    }
    let told = own.iter().find(|(_, role)| *role == Role::Waits);
    let (path, _) = told
        .copied()
        .or_else(|| by_holders.iter().find_map(|told| *told))?;
    let heads: HashSet<u32> = chain
        .iter()
        .zip(&by_holders)
        .filter(|(_, told)| matches!(told, Some((_, Role::Empty | Role::End))))
        .map(|(site, _)| *site)
        .collect();
    let mut seen = HashSet::new();
    for &(at, _) in &ways.reached {
        let mut of_chain = ways.holders(at);
        seen.extend(of_chain.find(|&holder| heads.contains(&ways.graph.blocks[holder].site)));
    }
    let pile_up = ways.reached.len() > 1 && 2 * seen.len() >= ways.reached.len();
    (!pile_up).then(|| path.to_owned())
}

/// Whether a map by keys made the block, as far as its functions are known.
fn is_of_map(functions: &[String]) -> bool {
    const MAPS: [&str; 6] = [
        "hashbrown::",
        "alloc::collections::btree::",
        "std::collections::hash",
        "dashmap::",
        "indexmap::",
        "scc::",
    ];
    functions.iter().any(|function| {
        let path = function.trim_start_matches(['<', '&']);
        MAPS.iter().any(|map| path.starts_with(map))
    })
}

/// The crate of a function or a static, by its name.
pub(super) fn crate_of(name: &str) -> Option<&str> {
    let path = name.trim_start_matches(['<', '&']);
    path.split_once("::").map(|(of, _)| of)
}

/// The function that made a block: the innermost own one, else the innermost dependency's.
fn maker(stack: &[Frame]) -> Option<Frame> {
    let first = |origin| stack.iter().find(|frame| frame.origin() == origin);
    first(Origin::Own)
        .or_else(|| first(Origin::Dependency))
        .or_else(|| stack.first())
        .cloned()
}

fn median(values: impl Iterator<Item = u32>) -> u64 {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0).into()
}
