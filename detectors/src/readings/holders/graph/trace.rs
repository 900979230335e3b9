//! Which blocks the roots reach, the strongest evidence first: statics, the watch's own state, tasks, frames, runtimes; then what nothing
//! reaches, lost or in cycles.

use super::super::memory::Place;
use super::{Edge, Entry, Graph, Part, Reached, from, number};
use std::collections::HashSet;

/// A block that is about to be reached.
#[derive(Debug, Clone, Copy)]
struct Step {
    block: u32,
    parent: u32,
    reached: Reached,
}

/// Whether a walk goes on through tasks and runtimes. Each task of a runtime is linked to the next, and the runtime knows all of them.
/// Whatever reaches one of them by a stray pointer would reach all of them, and hold what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runtimes {
    Borders,
    Crossed,
}

impl Graph {
    pub(super) fn trace(&mut self) {
        // What a static holds is the static's, whoever looks at it as well. The weakest evidence comes last.
        let of_statics = self.steps_from(Place::Static, Runtimes::Borders);
        self.spread(of_statics, Runtimes::Borders);
        // An earlier watch may have left its pointers in the same function's frame: what the watch's own state holds is that's.
        let state = crate::readings::holders::watched_state().unwrap_or_default();
        let is_of_state = |step: &Step| match step.reached {
            Reached::Thread(address) => state.contains(&address),
            _ => false,
        };
        let of_threads = self.steps_from(Place::Thread, Runtimes::Borders);
        let (of_state, others): (Vec<_>, Vec<_>) = of_threads.into_iter().partition(is_of_state);
        self.spread(of_state, Runtimes::Borders);
        // A frame keeps pointers that nobody uses any more. So what a task holds is the task's, though a frame points there as well.
        let alive = self.alive_with(&others);
        self.trace_tasks(&alive);
        let is_of_first = |step: &Step| match step.reached {
            Reached::Thread(address) => self.is_of_first(address),
            _ => false,
        };
        let (of_first, others): (Vec<_>, Vec<_>) = others.into_iter().partition(is_of_first);
        self.spread(of_first, Runtimes::Borders);
        self.spread(others, Runtimes::Borders);
        self.trace_runtimes(&alive);
        let mut unknown = self.steps_from(Place::Elsewhere, Runtimes::Borders);
        unknown.extend(self.steps_from_older());
        self.spread(unknown, Runtimes::Borders);
        // Then what is held by wakers alone, such as a task that has ended.
        let mut by_wakers: Vec<Step> = Vec::new();
        for edge in &self.edges {
            let reached = self.reached[edge.from as usize];
            if reached != Reached::Nothing && self.is_left(edge.to) {
                by_wakers.push(Step {
                    block: edge.to,
                    parent: edge.from,
                    reached,
                });
            }
        }
        self.spread(by_wakers, Runtimes::Crossed);
        for place in [Place::Static, Place::Thread, Place::Elsewhere] {
            self.spread(self.steps_from(place, Runtimes::Crossed), Runtimes::Crossed);
        }
        let edges = std::mem::take(&mut self.edges);
        self.trace_the_rest(&edges);
        self.edges = edges;
    }

    fn steps_from(&self, place: Place, runtimes: Runtimes) -> Vec<Step> {
        let of_place = self.entries.iter().filter(|entry| {
            entry.place == place
                && (runtimes == Runtimes::Crossed || self.keeps(entry.to, entry.way))
        });
        let step = |entry: &Entry| Step {
            block: entry.to,
            parent: entry.to,
            reached: match place {
                Place::Static => Reached::Static(entry.address),
                Place::Thread => Reached::Thread(entry.address),
                Place::Elsewhere => Reached::Elsewhere,
            },
        };
        of_place.map(step).collect()
    }

    /// An older block that no root leads to may have been freed, and its pointers are old then.
    fn steps_from_older(&self) -> Vec<Step> {
        let older = (0..self.blocks.len()).filter(|&at| self.blocks[at].is_older());
        let left = older.map(number).filter(|&at| self.is_left(at));
        let step = |block| Step {
            block,
            parent: block,
            reached: Reached::Elsewhere,
        };
        left.map(step).collect()
    }

    /// The tasks that live, were these steps taken.
    fn alive_with(&mut self, steps: &[Step]) -> Vec<bool> {
        let before = (self.reached.clone(), self.parents.clone());
        self.spread(steps.to_vec(), Runtimes::Borders);
        let alive = self.alive();
        (self.reached, self.parents) = before;
        alive
    }

    /// What tasks hold.
    fn trace_tasks(&mut self, alive: &[bool]) {
        let mut sources: Vec<u32> = (0..self.blocks.len())
            .filter(|&at| alive[at])
            .map(number)
            .collect();
        while !sources.is_empty() {
            let mut steps = Vec::new();
            for &task in &sources {
                let held = from(&self.edges, task).iter();
                let held = held.filter(|edge| !self.is_task(edge.to));
                steps.extend(held.map(|edge| Step {
                    block: edge.to,
                    parent: task,
                    reached: Reached::Task(task),
                }));
            }
            // Such as a task that has ended, whose result is wanted by another one.
            let reached = self.spread(steps, Runtimes::Borders);
            sources = reached
                .into_iter()
                .filter(|&at| self.is_task(at) && !alive[at as usize])
                .collect();
        }
    }

    /// The tasks that only their runtime holds, with what else it has.
    fn trace_runtimes(&mut self, alive: &[bool]) {
        let mut of_runtimes: Vec<Step> = Vec::new();
        for (at, alive) in alive.iter().enumerate() {
            if *alive && self.is_left(number(at)) {
                self.reached[at] = Reached::Runtime;
            }
        }
        for edge in &self.edges {
            let is_known = self.reached[edge.from as usize] != Reached::Nothing;
            if is_known && self.parts[edge.from as usize] == Part::Runtime {
                of_runtimes.push(Step {
                    block: edge.to,
                    parent: edge.from,
                    reached: Reached::Runtime,
                });
            }
        }
        self.spread(of_runtimes, Runtimes::Crossed);
    }

    /// The tasks that are known to live: something holds them, their runtime knows them, or such a task is linked to them.
    fn alive(&self) -> Vec<bool> {
        let is_reached = |at: u32| self.reached[at as usize] != Reached::Nothing;
        let mut alive: Vec<bool> = (0..self.blocks.len())
            .map(|at| self.is_task(number(at)) && is_reached(number(at)))
            .collect();
        for part in self.reached_parts_of_runtimes() {
            for edge in from(&self.edges, part) {
                if self.is_task(edge.to) {
                    alive[edge.to as usize] |= !edge.way.is_inside;
                }
            }
        }
        let mut to_do: Vec<u32> = (0..self.blocks.len())
            .filter(|&at| alive[at])
            .map(number)
            .collect();
        // A runtime that is older than the watch isn't known. What is left of freed tasks looks alike, but isn't linked to others.
        let unknown = self.entries.iter().filter(|entry| self.is_task(entry.to));
        to_do.extend(
            unknown
                .filter(|entry| !entry.way.is_inside)
                .map(|entry| entry.to),
        );
        let of_older = self
            .edges
            .iter()
            .filter(|edge| self.blocks[edge.from as usize].is_older() && self.is_task(edge.to));
        to_do.extend(
            of_older
                .filter(|edge| !edge.way.is_inside)
                .map(|edge| edge.to),
        );
        let mut seen = alive.clone();
        while let Some(at) = to_do.pop() {
            for edge in from(&self.edges, at) {
                let to = edge.to as usize;
                if self.is_task(edge.to) && !edge.way.is_inside && edge.to != at {
                    alive[to] = true;
                    if !seen[to] {
                        seen[to] = true;
                        to_do.push(edge.to);
                    }
                }
            }
        }
        alive
    }

    /// The parts of runtimes that something holds, and the parts that these lead to: a runtime's handle has its list of tasks in a
    /// block of its own.
    fn reached_parts_of_runtimes(&self) -> Vec<u32> {
        let is_part = |at: u32| self.parts[at as usize] == Part::Runtime;
        let mut parts: Vec<u32> = (0..self.blocks.len())
            .map(number)
            .filter(|&at| is_part(at) && !self.is_left(at))
            .collect();
        let mut seen: HashSet<u32> = parts.iter().copied().collect();
        let mut next = 0;
        while let Some(&part) = parts.get(next) {
            next += 1;
            let led_to = from(&self.edges, part).iter().map(|edge| edge.to);
            parts.extend(led_to.filter(|&to| is_part(to) && seen.insert(to)));
        }
        parts
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
    /// Returns the blocks that were reached.
    fn spread(&mut self, mut level: Vec<Step>, runtimes: Runtimes) -> Vec<u32> {
        let mut all = Vec::new();
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
                all.push(step.block);
                let crosses = runtimes == Runtimes::Crossed;
                let followed = from(&self.edges, step.block)
                    .iter()
                    .filter(|edge| crosses || self.is_holding(edge));
                next.extend(followed.map(|edge| Step {
                    block: edge.to,
                    parent: step.block,
                    reached: step.reached,
                }));
            }
            level = next;
        }
        all
    }
}
