//! What the pointers lead to, and what of it is in doubt.

use super::pointers::Pointers;
use super::{Alive, From, Holds, Lead, NONE, Walked};
use crate::readings::holders::graph::number;
use std::collections::{HashMap, HashSet, VecDeque};
use std::iter::successors;

/// How many blocks of a way are told.
const STEPS_MAX: usize = 4;

/// So far they are looked for: a list of tasks that wait for one notice is a way of as many blocks as there are tasks.
const WAY_MAX: usize = 64;

/// Of so many stuck tasks it is told what they hold; each is a walk of its own.
const WEIGHED_MAX: usize = 1_000;

const WAKER_BYTES: usize = 2 * size_of::<usize>();

/// What is known of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    Live,
    /// Waiting tasks that nothing live can wake hold it.
    OfTheRest,
    /// The same, or nothing holds it; and whether nothing live does is in doubt.
    InDoubt,
}

pub(super) struct Walk<'p> {
    pointers: &'p Pointers,
    tasks: &'p [Alive],
    counted: &'p dyn Fn(u32) -> Option<usize>,
    states: Vec<State>,
    /// For each live block: the one that leads to it; itself where a root does.
    parents: Vec<u32>,
    /// For each live block: where the way to it begins.
    begins: Vec<u32>,
    /// For each live block that a root leads to: which.
    leads: HashMap<u32, From>,
    /// For each task: how many of its wakers lie in what the rest holds.
    found: Vec<u64>,
    /// For each task: how many of its wakers lie in blocks at all, old ones too.
    in_blocks: Vec<u64>,
    /// The tasks of which a waker is out of sight.
    unseen: HashSet<u32>,
}

impl<'p> Walk<'p> {
    pub(super) fn of(
        pointers: &'p Pointers,
        tasks: &'p [Alive],
        counted: &'p dyn Fn(u32) -> Option<usize>,
    ) -> Self {
        let mut in_blocks = vec![0; tasks.len()];
        for (_, task) in &pointers.wakers {
            in_blocks[*task as usize] += 1;
        }
        Walk {
            in_blocks,
            pointers,
            tasks,
            counted,
            states: vec![State::Unknown; pointers.blocks.len()],
            parents: vec![NONE; pointers.blocks.len()],
            begins: vec![NONE; pointers.blocks.len()],
            leads: HashMap::new(),
            found: vec![0; tasks.len()],
            unseen: HashSet::new(),
        }
    }

    /// The block of a task that a waker may wake. One that has none any more is left from before.
    fn woken(&self, task: u32) -> Option<u32> {
        let block = self.pointers.block_of[task as usize];
        let is_old = self.tasks[task as usize].wakers == Some(0);
        (block != NONE && !is_old).then_some(block)
    }

    /// Marks blocks and what they lead to, the nearest first.
    fn spread(&mut self, starts: impl Iterator<Item = u32>, state: State, over: &[State]) {
        let mut to_do: VecDeque<(u32, u32)> = starts.map(|start| (start, start)).collect();
        while let Some((at, parent)) = to_do.pop_front() {
            if !over.contains(&self.states[at as usize]) {
                continue;
            }
            self.states[at as usize] = state;
            self.parents[at as usize] = parent;
            self.begins[at as usize] = if parent == at {
                at
            } else {
                self.begins[parent as usize]
            };
            to_do.extend(self.pointers.from(at).map(|to| (to, at)));
            let woken = self.pointers.wakers_in(at);
            to_do.extend(woken.filter_map(|task| Some((self.woken(task)?, at))));
        }
    }

    pub(super) fn spread_roots(&mut self) {
        let pointers = self.pointers;
        let running = (0..self.tasks.len()).filter(|task| self.tasks[*task].wakers.is_none());
        let running = running.map(number);
        let running = running.filter_map(|task| Some((From::Task(task.into()), self.woken(task)?)));
        let wakers = pointers.wakers_outside.iter();
        let wakers = wakers.filter_map(|(from, task)| Some((*from, self.woken(*task)?)));
        let roots = pointers.roots.iter().copied();
        let roots: Vec<(From, u32)> = roots.chain(wakers).chain(running).collect();
        // What is known best comes first: it is what is told.
        for kind in 0..=From::KINDS {
            let of_kind = roots.iter().filter(|(from, _)| from.kind() == kind);
            let of_kind: Vec<(From, u32)> = of_kind.copied().collect();
            for (from, block) in &of_kind {
                if self.states[*block as usize] == State::Unknown {
                    self.leads.entry(*block).or_insert(*from);
                }
            }
            let starts = of_kind.into_iter().map(|(_, block)| block);
            self.spread(starts, State::Live, &[State::Unknown]);
        }
    }

    /// The waiting tasks that nothing live leads to.
    fn rest(&self) -> Vec<(u32, u32)> {
        let blocks = self.pointers.block_of.iter().enumerate();
        let blocks = blocks.map(|(task, block)| (number(task), *block));
        let is_rest = |(task, block): &(u32, u32)| {
            *block != NONE
                && self.tasks[*task as usize].wakers.is_some()
                && self.states[*block as usize] != State::Live
        };
        blocks.filter(is_rest).collect()
    }

    pub(super) fn mark_what_the_rest_holds(&mut self) {
        let rest = self.rest();
        let mut to_do: Vec<u32> = rest.iter().map(|(_, block)| *block).collect();
        while let Some(at) = to_do.pop() {
            if self.states[at as usize] == State::Unknown {
                self.states[at as usize] = State::OfTheRest;
                to_do.extend(self.pointers.from(at));
            }
        }
        for (block, task) in &self.pointers.wakers {
            let is_of_rest = self.states[*block as usize] == State::OfTheRest;
            // A block of one waker alone: what points there may be an old pointer, to where something else lies today.
            let is_alone = self.pointers.blocks[*block as usize].size <= WAKER_BYTES;
            self.found[*task as usize] += u64::from(is_of_rest && !is_alone);
        }
    }

    /// Finds what may be held by something that is out of sight, and what that leads to.
    pub(super) fn doubt(&mut self) {
        let lacks_wakers = |(task, _): &&(u32, u32)| {
            let wakers = self.tasks[*task as usize].wakers.unwrap_or(0);
            self.found[*task as usize] < wakers
        };
        let rest = self.rest();
        let lacking: Vec<(u32, u32)> = rest.iter().filter(lacks_wakers).copied().collect();
        self.unseen = lacking.iter().map(|(task, _)| *task).collect();
        let blocks = (0..self.states.len()).map(number);
        let doubtful: Vec<u32> = blocks
            .filter(|&block| match self.states[block as usize] {
                State::Unknown => true,
                State::OfTheRest => self.is_held_out_of_sight(block),
                State::Live | State::InDoubt => false,
            })
            .chain(lacking.into_iter().map(|(_, block)| block))
            .collect();
        let over = [State::Unknown, State::OfTheRest];
        self.spread(doubtful.into_iter(), State::InDoubt, &over);
    }

    /// Whether a block with counts is held more often than pointers to it were seen.
    fn is_held_out_of_sight(&self, block: u32) -> bool {
        let seen = self.pointers.seen[block as usize] as usize;
        let is_counted = !self.pointers.is_task(block) && !self.pointers.rooms.contains(&block);
        is_counted && (self.counted)(block).is_some_and(|counted| counted > seen)
    }

    pub(super) fn told(&self) -> Vec<(Walked, Holds)> {
        let mut weighed = 0;
        let tasks = (0..self.tasks.len()).map(number);
        tasks
            .map(|task| {
                let walked = self.walked(task);
                let is_stuck = matches!(walked, Walked::NoWaker | Walked::OnlyByStuck);
                weighed += usize::from(is_stuck);
                let holds = if is_stuck && weighed <= WEIGHED_MAX {
                    self.holds(task)
                } else {
                    Holds::default()
                };
                (walked, holds)
            })
            .collect()
    }

    fn walked(&self, task: u32) -> Walked {
        let block = self.pointers.block_of[task as usize];
        match (self.tasks[task as usize].wakers, block) {
            (None, _) => Walked::Runs,
            (Some(0), _) => Walked::NoWaker,
            (Some(_), NONE) => Walked::OutOfSight,
            _ if self.unseen.contains(&task) => Walked::OutOfSight,
            (Some(_), block) => match self.states[block as usize] {
                State::Live if self.has_old_wakers(task) => Walked::Lives(Lead {
                    sites: Vec::new(),
                    from: From::Unclear,
                }),
                State::Live => Walked::Lives(self.lead(block)),
                State::OfTheRest => Walked::OnlyByStuck,
                State::InDoubt | State::Unknown => Walked::HeldOutOfSight,
            },
        }
    }

    /// Whether blocks have more of what looks like its wakers than there are.
    fn has_old_wakers(&self, task: u32) -> bool {
        let seen = self.in_blocks[task as usize];
        self.tasks[task as usize]
            .wakers
            .is_some_and(|wakers| seen > wakers)
    }

    fn lead(&self, block: u32) -> Lead {
        let leads_to = |at: &u32| {
            let parent = self.parents[*at as usize];
            (parent != *at).then_some(parent)
        };
        let way = successors(Some(block), leads_to).skip(1).take(WAY_MAX);
        let sites = way
            .filter(|at| !self.pointers.is_task(*at))
            .map(|at| self.pointers.blocks[at as usize].site)
            .take(STEPS_MAX)
            .collect();
        let at = self.begins[block as usize];
        let from = self.leads.get(&at).copied();
        let through = self.pointers.task_of[at as usize];
        let from = match from {
            Some(From::Elsewhere) | None if through != NONE && at != block => {
                From::Task(through.into())
            }
            from => from.unwrap_or(From::Elsewhere),
        };
        Lead { sites, from }
    }

    /// What nothing live leads to, and this task does: its own block too.
    fn holds(&self, task: u32) -> Holds {
        let mut holds = Holds::default();
        let mut seen = HashSet::new();
        let own = self.pointers.block_of[task as usize];
        let mut to_do = vec![own];
        while let Some(at) = to_do.pop() {
            let is_others = at != own && self.states[at as usize] == State::Live;
            if at == NONE || is_others || !seen.insert(at) {
                continue;
            }
            holds.blocks += 1;
            holds.bytes += self.pointers.blocks[at as usize].size as u64;
            let led_to = self.pointers.from(at);
            to_do.extend(led_to.filter(|to| !self.pointers.is_task(*to)));
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    //! The rule by itself, on pointers that a test draws. That memory is read right is for the proofs.

    use super::{Alive, From, NONE, Pointers, Walk, Walked};
    use crate::readings::holders::graph::Block;

    /// Blocks of 64 bytes each; the first ones are tasks.
    fn drawn(
        tasks: &[Option<u64>],
        blocks: usize,
        roots: &[u32],
        edges: &[(u32, u32)],
        wakers: &[(u32, u32)],
    ) -> Vec<Walked> {
        let start = |at: usize| 0x1_0000 + 64 * at;
        let alive: Vec<Alive> = tasks
            .iter()
            .enumerate()
            .map(|(at, wakers)| Alive {
                start: start(at),
                size: 64,
                wakers: *wakers,
            })
            .collect();
        let block = |at| Block {
            start: start(at),
            size: 64,
            site: 0,
            is_of_scope: false,
            lasts: false,
        };
        let all = tasks.len() + blocks;
        let mut pointers = Pointers::among((0..all).map(block).collect(), &alive);
        assert!(!pointers.block_of.contains(&NONE));
        pointers.roots = roots.iter().map(|to| (From::Thread, *to)).collect();
        pointers.edges = edges.to_vec();
        pointers.edges.sort_unstable();
        pointers.wakers = wakers.to_vec();
        pointers.wakers.sort_unstable();
        // Each block that isn't a task's is shared, as often as it is pointed at.
        let counted = |_| Some(0);
        let mut walk = Walk::of(&pointers, &alive, &counted);
        walk.spread_roots();
        walk.mark_what_the_rest_holds();
        walk.doubt();
        walk.told().into_iter().map(|(walked, _)| walked).collect()
    }

    #[test]
    fn a_task_that_owns_what_it_waits_for_is_stuck_and_one_whose_sender_a_thread_has_is_not() {
        // Task 0 owns both ends of the channel in block 2. A thread points at block 3, with a waker of task 1.
        let told = drawn(
            &[Some(1), Some(1)],
            2,
            &[3],
            &[(0, 2), (1, 3)],
            &[(2, 0), (3, 1)],
        );
        assert_eq!(told[0], Walked::OnlyByStuck);
        assert!(matches!(told[1], Walked::Lives(_)), "{told:?}");
    }

    #[test]
    fn where_an_old_waker_is_left_nobody_is_named() {
        // A thread points at block 1, and a static at block 2. Task 0 has one waker: what looks like it lies in both.
        let told = |wakers: &[(u32, u32)]| drawn(&[Some(1)], 2, &[1, 2], &[], wakers).remove(0);
        let is_from = |told: Walked, expected: From| matches!(told, Walked::Lives(lead) if lead.from == expected);
        assert!(is_from(told(&[(1, 0)]), From::Thread));
        assert!(is_from(told(&[(1, 0), (2, 0)]), From::Unclear));
    }

    #[test]
    fn a_cycle_is_stuck_until_one_of_it_can_wake() {
        // Task n waits for the channel in block 3 + n, whose sender the next one has.
        let edges = [(0, 3), (1, 4), (2, 5), (0, 5), (1, 3), (2, 4)];
        let wakers = [(3, 0), (4, 1), (5, 2)];
        let told = drawn(&[Some(1); 3], 3, &[], &edges, &wakers);
        assert_eq!(told, [const { Walked::OnlyByStuck }; 3]);
        let told = drawn(&[Some(1); 3], 3, &[4], &edges, &wakers);
        assert!(
            told.iter().all(|told| matches!(told, Walked::Lives(_))),
            "{told:?}"
        );
        let runs = drawn(&[Some(1), Some(1), None], 3, &[], &edges, &wakers);
        assert_eq!(runs[2], Walked::Runs);
        assert!(matches!(runs[0], Walked::Lives(_)), "{runs:?}");
    }

    #[test]
    fn a_task_without_a_waker_is_stuck_with_those_that_wait_for_what_it_holds() {
        // Task 0 has the sender that task 1 waits for. In block 3, which a thread has, an old waker of task 0 is left.
        let (edges, wakers) = ([(0, 2), (1, 2)], [(2, 1), (3, 0)]);
        let told = drawn(&[Some(0), Some(1)], 2, &[3], &edges, &wakers);
        assert_eq!(told, [Walked::NoWaker, Walked::OnlyByStuck]);
        // Where somebody has a pointer to what task 0 holds within itself, that isn't lost for others.
        let told = drawn(&[Some(0), Some(1)], 2, &[0], &edges, &wakers);
        assert_eq!(told[0], Walked::NoWaker);
        assert!(matches!(told[1], Walked::Lives(_)), "{told:?}");
    }

    #[test]
    fn what_is_out_of_sight_is_not_decided_with_all_that_it_leads_to() {
        // A second waker of task 0 isn't found; it has the sender that task 1 waits for.
        let edges = [(0, 2), (0, 3), (1, 3)];
        let told = drawn(&[Some(2), Some(1)], 2, &[], &edges, &[(2, 0), (3, 1)]);
        assert_eq!(told, [Walked::OutOfSight, Walked::HeldOutOfSight]);
        // Nothing points at block 3, which points at the channel of task 0: it may be held in a form that isn't seen.
        let told = drawn(&[Some(1)], 2, &[], &[(0, 1), (2, 1)], &[(1, 0)]);
        assert_eq!(told, [Walked::HeldOutOfSight]);
    }
}
