//! Live blocks and the pointers between them: which blocks the roots reach.

use super::memory::{Memory, Place, Word};
use super::room;
use crate::allocator::{self, ScopeHandle};
use std::ops::Range;

/// A live block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    start: usize,
    size: usize,
    /// Its site's number.
    pub(super) site: u32,
    /// Whether it belongs to the scope that is asked about, and not to an earlier one.
    pub(super) is_of_scope: bool,
}

/// What holds a block, at the far end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// From the static at this address.
    Static(usize),
    Thread,
    Elsewhere,
    Cycle,
    Nothing,
}

/// A pointer from one block to another.
#[derive(Debug, Clone, Copy)]
struct Edge {
    from: u32,
    to: u32,
}

/// A block that is about to be reached.
#[derive(Debug, Clone, Copy)]
struct Step {
    block: u32,
    parent: u32,
    reached: Reached,
}

pub(super) struct Graph {
    pub(super) blocks: Vec<Block>,
    /// For each block: what reaches it.
    pub(super) reached: Vec<Reached>,
    /// For each block: the block that points to it on the way from there; itself when a root does.
    pub(super) parents: Vec<u32>,
    /// For each block: pointers to it from known holders.
    pub(super) pointers: Vec<u32>,
    /// For each block: whether a holder keeps a length beside its pointer, and uses little of the room.
    pub(super) unused: Vec<bool>,
    /// Memory that was left out, in words.
    pub(super) not_read: Option<String>,
}

impl Graph {
    pub(super) fn of_live_blocks(
        scope: ScopeHandle,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Self, String> {
        let memory = Memory::of_this_process()?;
        let blocks = live_blocks(scope);
        let mut graph = Graph {
            reached: vec![Reached::Nothing; blocks.len()],
            parents: (0..blocks.len()).map(number).collect(),
            pointers: vec![0; blocks.len()],
            unused: vec![false; blocks.len()],
            not_read: memory.not_read(),
            blocks,
        };
        if !graph.blocks.is_empty() {
            graph.trace(&memory, is_over)?;
        }
        Ok(graph)
    }

    fn trace(&mut self, memory: &Memory, is_over: &dyn Fn() -> bool) -> Result<(), String> {
        let mut edges: Vec<Edge> = Vec::new();
        let mut roots: Vec<(Place, usize, u32)> = Vec::new();
        let mut without: Vec<Range<usize>> = allocator::own_tables().collect();
        let blocks = &self.blocks;
        // The list of blocks is a list of pointers to all of them.
        let list = blocks.as_ptr().addr();
        without.push(list..list + size_of_val(blocks.as_slice()));
        without.sort_by_key(|range| range.start);
        let (lowest, highest) = (blocks[0].start, end_of(blocks[blocks.len() - 1]));
        let pointers = &mut self.pointers;
        let unused = &mut self.unused;
        memory.each_word(&without, is_over, |word, around| {
            let Word {
                address,
                value,
                place,
            } = word;
            if value < lowest || value >= highest {
                return;
            }
            let Some(to) = block_at(blocks, value) else {
                return;
            };
            let from = block_at(blocks, address);
            if from != Some(to) && (from.is_some() || place != Place::Elsewhere) {
                pointers[to] += 1;
                unused[to] |=
                    room::is_mostly_unused(blocks[to].size, value - blocks[to].start, |further| {
                        around.at(further)
                    });
            }
            match from {
                // A value that points into itself, as futures do, isn't held by that; one that owns itself points at its start.
                Some(from) if from == to && value != blocks[to].start => {}
                Some(from) => edges.push(Edge {
                    from: number(from),
                    to: number(to),
                }),
                None => roots.push((place, address, number(to))),
            }
        })?;
        edges.sort_unstable_by_key(|edge| edge.from);

        // What a static holds is the static's, whoever looks at it as well. The weakest evidence comes last.
        for wanted in [Place::Static, Place::Thread, Place::Elsewhere] {
            let of_place = roots.iter().filter(|(place, ..)| *place == wanted);
            let from_roots = of_place.map(|&(place, address, block)| Step {
                block,
                parent: block,
                reached: match place {
                    Place::Static => Reached::Static(address),
                    Place::Thread => Reached::Thread,
                    Place::Elsewhere => Reached::Elsewhere,
                },
            });
            self.spread(&edges, from_roots.collect());
        }
        self.trace_the_rest(&edges);
        Ok(())
    }

    /// What no root reaches: lost blocks with all that only they point to, and cycles with all that hangs on them.
    fn trace_the_rest(&mut self, edges: &[Edge]) {
        let is_left = |graph: &Graph, at: u32| graph.reached[at as usize] == Reached::Nothing;
        let mut pointed_at = vec![false; self.blocks.len()];
        for edge in edges {
            pointed_at[edge.to as usize] |= is_left(self, edge.from);
        }
        let mut behind_lost = vec![false; self.blocks.len()];
        let mut to_do: Vec<u32> = (0..self.blocks.len())
            .map(number)
            .filter(|&at| is_left(self, at) && !pointed_at[at as usize])
            .collect();
        for &at in &to_do {
            behind_lost[at as usize] = true;
        }
        while let Some(at) = to_do.pop() {
            for edge in from(edges, at) {
                let to = edge.to as usize;
                if is_left(self, edge.to) && !behind_lost[to] {
                    behind_lost[to] = true;
                    self.parents[to] = at;
                    to_do.push(edge.to);
                }
            }
        }
        for (reached, is_lost) in self.reached.iter_mut().zip(behind_lost) {
            if *reached == Reached::Nothing && !is_lost {
                *reached = Reached::Cycle;
            }
        }
        for edge in edges {
            let (holder, held) = (edge.from as usize, edge.to as usize);
            let in_cycle = |at: usize| self.reached[at] == Reached::Cycle;
            if holder != held && in_cycle(holder) && in_cycle(held) && self.parents[held] == edge.to
            {
                self.parents[held] = edge.from;
            }
        }
    }

    /// Marks the blocks and whatever they lead to, as far as nothing else was there before; the nearest first, so that a block's
    /// chain is the shortest. Of chains that are equally long, the one through the older sites: addresses differ with each run.
    fn spread(&mut self, edges: &[Edge], mut level: Vec<Step>) {
        while !level.is_empty() {
            let site = |block: u32| self.blocks[block as usize].site;
            level.sort_by_key(|step| (site(step.parent), site(step.block)));
            let mut next = Vec::new();
            for step in level {
                let at = step.block as usize;
                if self.reached[at] != Reached::Nothing {
                    continue;
                }
                self.reached[at] = step.reached;
                self.parents[at] = step.parent;
                next.extend(from(edges, step.block).iter().map(|edge| Step {
                    block: edge.to,
                    parent: step.block,
                    reached: step.reached,
                }));
            }
            level = next;
        }
    }
}

impl Drop for Graph {
    /// Freed as it is, the list of blocks would be memory that points to all of them when somebody looks next.
    fn drop(&mut self) {
        for block in &mut self.blocks {
            block.start = 0;
        }
        std::hint::black_box(&mut self.blocks);
    }
}

/// The pointers in one block.
fn from(edges: &[Edge], block: u32) -> &[Edge] {
    let start = edges.partition_point(|edge| edge.from < block);
    let end = start + edges[start..].partition_point(|edge| edge.from == block);
    &edges[start..end]
}

/// In the order of their addresses.
fn live_blocks(scope: ScopeHandle) -> Vec<Block> {
    let mut count = 0;
    allocator::each_block(scope, |_, _, _, _| count += 1);
    // Room for some more, since other threads go on: growing would leave a copy, full of pointers, in freed memory.
    let mut blocks = Vec::with_capacity(count + count / 8 + 64);
    allocator::each_block(scope, |start, size, site, is_of_scope| {
        if blocks.len() < blocks.capacity() {
            let site = u32::try_from(site).unwrap_or(0);
            blocks.push(Block {
                start,
                size,
                site,
                is_of_scope,
            });
        }
    });
    blocks.sort_unstable_by_key(|block| block.start);
    blocks
}

fn end_of(block: Block) -> usize {
    // A block of no bytes has an address all the same.
    block.start + block.size.max(1)
}

/// The block that an address lies in.
fn block_at(blocks: &[Block], address: usize) -> Option<usize> {
    let at = blocks
        .partition_point(|block| block.start <= address)
        .checked_sub(1)?;
    (address < end_of(blocks[at])).then_some(at)
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than four billion blocks are live")
}
