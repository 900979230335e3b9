//! The room of a vector or a deque that is older than the notes, told by the list's words and by which of its elements have pointers to
//! noted blocks.
//!
//! A vector is three words: capacity, pointer and length. A deque is four: where it begins stands before its length. Such words alone may
//! be anybody's. So the elements decide: what a list was given since the question are its last ones, up to its end and no further.

use super::Graph;
use crate::readings::holders::room;
use std::collections::{HashMap, HashSet};

const WORD: usize = size_of::<usize>();

/// From this size on glibc gives whole pages.
const OF_PAGES: usize = 128 << 10;

/// One of so many elements may have a pointer that was left there.
const LEFT: usize = 16;

/// Of the elements that came, one of so many has a pointer to a noted block at least.
const WITH_A_POINTER: usize = 2;

/// A pointer in a room to a noted block.
#[derive(Debug, Clone, Copy)]
struct Pointer {
    place: usize,
    to: u32,
    /// Whether a pointer in another block leads there, too.
    has_rival: bool,
}

/// What an older block is the room of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Vector,
    /// A deque from whose front something was taken. Another deque may be anything: a list, or a queue that nobody reads.
    Queue,
}

/// The words of a list as they stand beside a pointer to its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    capacity: usize,
    /// A vector's length, or where a deque begins.
    second: usize,
    /// A deque's length.
    third: usize,
}

impl Words {
    /// `size`: what the block has room for, as it wasn't noted. `offset`: where in it the pointer points. `beside`: the word so many words
    /// further on.
    pub(super) fn of(
        size: usize,
        offset: usize,
        beside: impl Fn(isize) -> Option<usize>,
    ) -> Option<Self> {
        let words = Words {
            capacity: beside(-1).filter(|capacity| *capacity > 0)?,
            second: beside(1)?,
            third: beside(2)?,
        };
        let fits = words.second <= words.capacity && words.element(size).is_some();
        (offset == 0 && fits).then_some(words)
    }

    /// How large an element is, if so many fill the room but for what the allocator rounds up.
    fn element(self, size: usize) -> Option<usize> {
        let element = size / self.capacity / WORD * WORD;
        let over = size - element * self.capacity;
        let over_at_most = 4 * WORD + if size < OF_PAGES { 0 } else { 4 << 10 };
        (element > 0 && over < over_at_most).then_some(element)
    }

    /// Whose room it is, if these are its pointers to noted blocks.
    fn list(self, size: usize, pointers: &[Pointer]) -> Option<List> {
        let element = self.element(size)?;
        let elements = pointers
            .iter()
            .map(|pointer| (pointer.place / element, pointer));
        let is_vector = Elements::of(elements.clone(), self.second)
            .is_some_and(|vector| vector.are_last() && vector.have_nothing_behind());
        let before = self.capacity - self.second;
        let turned = elements.map(|(at, pointer)| ((at + before) % self.capacity, pointer));
        let is_deque = self.third <= self.capacity
            && Elements::of(turned, self.third)
                .is_some_and(|deque| deque.are_last() && deque.have_only_what_is_kept_behind());
        let is_queue = room::was_taken_from(self.capacity, self.second, self.third);
        match (is_vector, is_deque) {
            (true, false) => Some(List::Vector),
            (false, true) if is_queue => Some(List::Queue),
            _ => None,
        }
    }
}

/// The elements of a list that have pointers to noted blocks, and what points there from behind the list's end.
struct Elements<'p> {
    length: usize,
    /// In order, each once.
    within: Vec<usize>,
    leads_to: HashSet<u32>,
    behind: Vec<&'p Pointer>,
}

impl<'p> Elements<'p> {
    /// `None` where no element has such a pointer.
    fn of(elements: impl Iterator<Item = (usize, &'p Pointer)>, length: usize) -> Option<Self> {
        let (own, behind): (Vec<_>, Vec<_>) = elements.partition(|(at, _)| *at < length);
        let mut within: Vec<usize> = own.iter().map(|(at, _)| *at).collect();
        within.sort_unstable();
        within.dedup();
        (!within.is_empty()).then(|| Elements {
            length,
            within,
            leads_to: own.into_iter().map(|(_, pointer)| pointer.to).collect(),
            behind: behind.into_iter().map(|(_, pointer)| pointer).collect(),
        })
    }

    /// Whether they are the last of all.
    fn are_last(&self) -> bool {
        let (first, last) = (self.within[0], self.within[self.within.len() - 1]);
        let came = self.length - first;
        let are_many = WITH_A_POINTER * self.within.len() >= came;
        are_many && LEFT * (self.length - 1 - last) <= came
    }

    fn have_nothing_behind(&self) -> bool {
        LEFT * self.behind.len() <= self.within.len()
    }

    /// What was taken from a deque leaves its pointer there, to memory that was given to a newer element meanwhile: of this deque, or of
    /// another block that keeps it.
    fn have_only_what_is_kept_behind(&self) -> bool {
        let is_kept = |pointer: &Pointer| pointer.has_rival || self.leads_to.contains(&pointer.to);
        let others = self.behind.iter().filter(|pointer| !is_kept(pointer));
        LEFT * others.count() <= self.within.len()
    }
}

impl Graph {
    /// Finds the lists' rooms among older blocks. `beside`: what stands beside the pointers to them.
    pub(super) fn know_older_lists(&mut self, beside: &[(u32, Words)]) {
        let rooms: HashSet<u32> = beside.iter().map(|(block, _)| *block).collect();
        let mut pointers: HashMap<u32, Vec<Pointer>> = HashMap::new();
        for edge in &self.edges {
            let is_noted = !self.blocks[edge.to as usize].is_older();
            if is_noted && rooms.contains(&edge.from) {
                pointers.entry(edge.from).or_default().push(Pointer {
                    place: edge.offset as usize,
                    to: edge.to,
                    has_rival: self.has_rival(edge),
                });
            }
        }
        for (block, words) in beside {
            let Some(pointers) = pointers.get(block) else {
                continue;
            };
            let at = *block as usize;
            let list = words.list(self.blocks[at].size, pointers);
            self.older_vectors[at] |= list == Some(List::Vector);
            self.older_queues[at] |= list == Some(List::Queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{List, Pointer, Words};

    const SIZE: usize = 1_024 * 24 + 8;

    fn words(capacity: usize, second: usize, third: usize) -> Option<Words> {
        Words::of(SIZE, 0, |further| match further {
            -1 => Some(capacity),
            1 => Some(second),
            2 => Some(third),
            _ => None,
        })
    }

    /// With pointers in the second word of these elements, each to another block.
    #[track_caller]
    fn told(second: usize, third: usize, elements: impl Iterator<Item = usize>) -> Option<List> {
        list(second, third, elements.zip(0..).map(pointer))
    }

    fn pointer((at, to): (usize, u32)) -> Pointer {
        Pointer {
            place: at * 24 + 8,
            to,
            has_rival: false,
        }
    }

    #[track_caller]
    fn list(second: usize, third: usize, pointers: impl Iterator<Item = Pointer>) -> Option<List> {
        let words = words(1_024, second, third).expect("it may be a list");
        words.list(SIZE, &pointers.collect::<Vec<_>>())
    }

    #[test]
    fn a_vectors_last_elements_are_the_new_ones() {
        assert_eq!(told(800, 3, 600..800), Some(List::Vector));
        assert_eq!(told(800, 3, (600..800).step_by(2)), Some(List::Vector));
        assert_eq!(told(800, 3, (600..800).step_by(3)), None, "too few");
        assert_eq!(told(800, 3, 600..700), None, "not the last");
        assert_eq!(told(800, 3, 600..900), None, "and what follows");
        assert_eq!(told(800, 3, 0..0), None, "none came");
        assert_eq!(told(1, 3, 0..1), Some(List::Vector));
    }

    #[test]
    fn a_deque_is_a_queue_if_something_was_taken_from_it() {
        assert_eq!(told(300, 400, 500..700), Some(List::Queue));
        assert_eq!(
            told(300, 900, (0..176).chain(500..1_024)),
            Some(List::Queue)
        );
        assert_eq!(told(0, 700, 500..700), None, "nothing was");
        assert_eq!(told(300, 400, 300..500), None, "not the last");
        assert_eq!(told(300, 1_024, 100..300), None, "or a vector of 300");
    }

    #[test]
    fn what_was_taken_from_a_deque_leaves_pointers_to_what_came() {
        let elements = || (300..700).zip(0..400).map(pointer);
        let left = (0..300).zip(50..350).map(pointer);
        assert_eq!(list(300, 400, left.chain(elements())), Some(List::Queue));
        let of_others = || (0..300).zip(1_000..).map(pointer);
        assert_eq!(list(300, 400, of_others().chain(elements())), None);
        let kept = of_others().map(|pointer| Pointer {
            has_rival: true,
            ..pointer
        });
        assert_eq!(list(300, 400, kept.chain(elements())), Some(List::Queue));
    }

    #[test]
    fn what_fills_no_room_is_none() {
        assert_eq!(words(0, 0, 0), None);
        assert_eq!(words(1_000, 800, 3), None, "elements of no size");
        assert_eq!(words(1_024, 1_025, 3), None, "more than there is room");
        assert_eq!(
            Words::of(SIZE, 24, |_| Some(1_024)),
            None,
            "into the middle"
        );
    }

    #[test]
    fn a_vector_is_laid_out_as_it_is_read() {
        let mut vector: Vec<u64> = Vec::with_capacity(64);
        vector.extend(0..10);
        let room = vector.as_ptr().addr();
        // SAFETY: three words, each of them initialized.
        let words: [usize; 3] = unsafe { std::mem::transmute_copy(&vector) };
        assert_eq!(words, [64, room, 10]);
    }
}
