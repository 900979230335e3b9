//! Blocks that are older than the notes, told by noted ones that are alike: of the same size, with pointers to blocks of the same sites at
//! the same places.
//!
//! A channel gives the room that was emptied to what comes next, so the messages of a service that has run for a while wait in blocks
//! that are older than any note. A queue that grows has new ones beside them.

use super::Graph;
use crate::readings::holders::glibc;
use std::collections::{HashMap, HashSet};

/// So many pointers at least make blocks alike.
const POINTERS_MIN: usize = 4;

/// Of an older block's pointers, such a share stands where the noted ones have theirs: what was there before may have left some.
const MOST: f64 = 0.9;

/// A pointer in a block: where it stands, and the site of what it points at.
type Pointer = (u32, u32);

impl Graph {
    /// Gives each older block the site of the noted ones that it is like, if they are of one site.
    pub(super) fn know_older_by_likeness(&mut self) {
        let sizes: HashSet<usize> = self
            .blocks
            .iter()
            .zip(&self.older_tables)
            .filter(|(block, is_table)| block.is_older() && !**is_table)
            .map(|(block, _)| block.size)
            .collect();
        let mut noted: HashMap<(usize, u32), HashSet<Pointer>> = HashMap::new();
        let mut older: HashMap<u32, HashSet<Pointer>> = HashMap::new();
        for edge in &self.edges {
            let (from, to) = (
                self.blocks[edge.from as usize],
                self.blocks[edge.to as usize],
            );
            let pointer = (edge.offset, to.site);
            if to.is_older() || edge.from == edge.to {
                continue;
            }
            if from.is_older() {
                older.entry(edge.from).or_default().insert(pointer);
            } else if sizes.contains(&glibc::given_for(from.size)) {
                let key = (glibc::given_for(from.size), from.site);
                noted.entry(key).or_default().insert(pointer);
            }
        }
        for (block, pointers) in older {
            let size = self.blocks[block as usize].size;
            if pointers.len() < POINTERS_MIN || self.older_tables[block as usize] {
                continue;
            }
            let is_like = |at: &HashSet<Pointer>| {
                at.intersection(&pointers).count() as f64 >= MOST * pointers.len() as f64
            };
            let mut like = noted
                .iter()
                .filter(|((given, _), at)| *given == size && is_like(at));
            let first = like.next();
            if let Some(((_, site), _)) = first.filter(|_| like.next().is_none()) {
                self.blocks[block as usize].site = *site;
            }
        }
    }
}
