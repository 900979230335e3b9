//! A queue's room that is older than the notes, told by noted room of the same queue: of the same size, with pointers to blocks of the
//! same sites at the same places.
//!
//! A channel gives the room that was emptied to what comes next, so the messages of a service that has run for a while wait in blocks
//! that are older than any note. A queue that grows has new ones beside them.

use super::{Graph, made_by};
use crate::readings::holders::queues::queue_among;
use crate::readings::holders::{Stacks, glibc};
use std::collections::{HashMap, HashSet};

/// So many pointers at least make blocks alike.
const POINTERS_MIN: usize = 4;

/// Of an older block's pointers, such a share stands where the noted ones have theirs: what was there before may have left some.
const MOST: f64 = 0.9;

/// A pointer in a block: where it stands, and the site of what it points at.
type Pointer = (u32, u32);

/// What room of one site and size looks like.
struct Room {
    site: u32,
    size: usize,
    pointers: HashSet<Pointer>,
}

impl Room {
    fn is_like(&self, size: usize, pointers: &HashSet<Pointer>) -> bool {
        let alike = self.pointers.intersection(pointers).count();
        self.size == size && alike as f64 >= MOST * pointers.len() as f64
    }
}

impl Graph {
    /// Gives each older block the site of the queue's room that it is like, if that is of one site.
    pub(super) fn know_older_rooms(&mut self, stacks_of: Stacks<'_>) {
        let older = self.pointers_of_older();
        let sizes: HashSet<usize> = older.keys().map(|at| self.blocks[*at].size).collect();
        let rooms = self.rooms_of(&sizes, stacks_of);
        for (at, pointers) in older {
            let size = self.blocks[at].size;
            let mut like = rooms.iter().filter(|room| room.is_like(size, &pointers));
            if let (Some(room), None) = (like.next(), like.next()) {
                self.blocks[at].site = room.site;
            }
        }
    }

    /// The older blocks that have pointers enough to noted ones.
    fn pointers_of_older(&self) -> HashMap<usize, HashSet<Pointer>> {
        let mut older: HashMap<usize, HashSet<Pointer>> = HashMap::new();
        for (from, pointer) in self.pointers_to_noted() {
            if self.blocks[from].is_older() && !self.older_tables[from] {
                older.entry(from).or_default().insert(pointer);
            }
        }
        older.retain(|_, pointers| pointers.len() >= POINTERS_MIN);
        older
    }

    /// The noted rooms of queues for which glibc gives a block of one of these sizes.
    fn rooms_of(&self, sizes: &HashSet<usize>, stacks_of: Stacks<'_>) -> Vec<Room> {
        let mut noted: HashMap<(u32, usize), HashSet<Pointer>> = HashMap::new();
        for (from, pointer) in self.pointers_to_noted() {
            let block = self.blocks[from];
            let size = glibc::given_for(block.size);
            if !block.is_older() && sizes.contains(&size) {
                noted.entry((block.site, size)).or_default().insert(pointer);
            }
        }
        let made = noted.keys().map(|(site, _)| *site).collect();
        let queues = made_by(&made, &|by| queue_among(by).is_some(), stacks_of);
        noted.retain(|(site, _), _| queues.contains(site));
        let room = |((site, size), pointers)| Room {
            site,
            size,
            pointers,
        };
        noted.into_iter().map(room).collect()
    }

    fn pointers_to_noted(&self) -> impl Iterator<Item = (usize, Pointer)> {
        self.edges.iter().filter_map(|edge| {
            let to = self.blocks[edge.to as usize];
            let is_one = !to.is_older() && edge.from != edge.to;
            is_one.then_some((edge.from as usize, (edge.offset, to.site)))
        })
    }
}
