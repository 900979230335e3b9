//! Stacks, each kept once for each set of labels and numbered from 1 up, with what is counted there. Nothing is ever removed, so readers
//! need no lock.

use crate::allocator::own_memory;
use std::alloc::Layout;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};

/// The number of no site: blocks that are counted without their stack.
pub(crate) const NONE: usize = 0;

/// Numbers are below this.
pub(in crate::allocator) const NUMBERS: usize = 1 << 16;

/// More stacks than this, and a table of [`NUMBERS`] gets slow.
pub(in crate::allocator) const SITES_MAX: usize = NUMBERS / 4 * 3;

/// A few stacks lie together in one page of the table, some more in the next eight, and only many use the whole of it: the
/// kernel backs what is touched. Each part is tried for so many steps; what finds no room there goes on to the next.
const PARTS: [Part; 3] = [
    Part {
        start: 0,
        places: 512,
        steps: 4,
    },
    Part {
        start: 512,
        places: 4_096,
        steps: 8,
    },
    Part {
        start: 512 + 4_096,
        places: NUMBERS,
        steps: NUMBERS,
    },
];

const PLACES: usize = 512 + 4_096 + NUMBERS;

struct Part {
    start: usize,
    places: usize,
    steps: usize,
}

/// Where a stack of that hash may lie, in the order in which to look. A place that was ever full stays full, so the first
/// empty one ends the search.
fn places(hash: u64) -> impl Iterator<Item = usize> {
    let first = (hash >> 48) as usize;
    PARTS.iter().flat_map(move |part| {
        (0..part.steps).map(move |step| part.start + (first + step) % part.places)
    })
}

/// A stack, and what is counted there. The frames lie behind it.
pub(crate) struct Site<T> {
    hash: u64,
    number: u32,
    labels: u8,
    frames: &'static [usize],
    pub(crate) counted: T,
}

/// What was allocated at a stack and what was freed again, as sampling estimates it: objects in units of
/// [`crate::allocator::sampling::OBJECT`], and bytes.
#[derive(Default)]
pub(in crate::allocator) struct Estimates {
    pub(in crate::allocator) alloc_objects: AtomicU64,
    pub(in crate::allocator) alloc_bytes: AtomicU64,
    pub(in crate::allocator) free_objects: AtomicU64,
    pub(in crate::allocator) free_bytes: AtomicU64,
}

impl<T: Default> Site<T> {
    pub(crate) fn frames(&self) -> &[usize] {
        self.frames
    }

    /// The number of the set of labels under which it was allocated; 0 for none.
    pub(crate) fn labels(&self) -> u8 {
        self.labels
    }

    fn layout(length: usize) -> Option<Layout> {
        let frames = Layout::array::<usize>(length).ok()?;
        let (layout, offset) = Layout::new::<Self>().extend(frames).ok()?;
        debug_assert_eq!(
            offset,
            size_of::<Self>(),
            "frames lie right behind the site"
        );
        Some(layout)
    }

    fn make(hash: u64, number: u32, frames: &[usize], labels: u8) -> Option<NonNull<Self>> {
        let place = own_memory::bytes(Self::layout(frames.len())?)?.cast::<Self>();
        // SAFETY: fresh memory, large enough for the site and its frames behind it. What is put into a table stays for ever;
        // what isn't is given back before anybody asks for its frames.
        unsafe {
            let behind = place.add(1).cast::<usize>().as_ptr();
            behind.copy_from_nonoverlapping(frames.as_ptr(), frames.len());
            place.write(Site {
                hash,
                number,
                labels,
                frames: std::slice::from_raw_parts(behind, frames.len()),
                counted: T::default(),
            });
        }
        Some(place)
    }
}

pub(crate) struct Sites<T> {
    /// Open addressing, by the stack's hash.
    table: [AtomicPtr<Site<T>>; PLACES],
    by_number: [AtomicPtr<Site<T>>; NUMBERS],
    /// Numbers below this were given away.
    next: AtomicUsize,
    /// Stacks that found no room.
    lost: AtomicU64,
}

/// Where the program allocates.
pub(in crate::allocator) static SITES: Sites<Estimates> = Sites::new();

impl<T: Default> Sites<T> {
    pub(crate) const fn new() -> Self {
        Sites {
            table: [const { AtomicPtr::new(null_mut()) }; PLACES],
            by_number: [const { AtomicPtr::new(null_mut()) }; NUMBERS],
            next: AtomicUsize::new(1),
            lost: AtomicU64::new(0),
        }
    }

    /// The number of these frames' site. [`NONE`] without frames, and when there is no room for another one.
    pub(crate) fn number(&self, frames: &[usize]) -> usize {
        self.number_under(frames, 0)
    }

    /// The same, under a set of labels: another site for each.
    pub(crate) fn number_under(&self, frames: &[usize], labels: u8) -> usize {
        if frames.is_empty() {
            return NONE;
        }
        let hash = hash(frames, labels);
        let mut fresh: Option<NonNull<Site<T>>> = None;
        let mut number = NONE;
        for at in places(hash) {
            let entry = &self.table[at];
            let mut there = entry.load(Acquire);
            if there.is_null() {
                fresh = fresh.or_else(|| self.make(hash, frames, labels));
                let Some(made) = fresh else {
                    self.lost.fetch_add(1, Relaxed);
                    return NONE;
                };
                match entry.compare_exchange(null_mut(), made.as_ptr(), AcqRel, Acquire) {
                    Ok(_) => {
                        // SAFETY: what is in the table is never freed.
                        return self.known(unsafe { made.as_ref() });
                    }
                    Err(other) => there = other,
                }
            }
            // SAFETY: as above.
            let site = unsafe { &*there };
            if site.hash == hash && site.labels == labels && site.frames() == frames {
                number = self.known(site);
                break;
            }
        }
        if let (Some(made), Some(layout)) = (fresh, Site::<T>::layout(frames.len())) {
            // SAFETY: `make` gave it with this layout, and it was not put into the table. Its number stays unused.
            unsafe { own_memory::free_bytes(made.cast(), layout) };
        }
        number
    }

    fn make(&self, hash: u64, frames: &[usize], labels: u8) -> Option<NonNull<Site<T>>> {
        if self.next.load(Relaxed) > SITES_MAX {
            return None;
        }
        // Threads that race past the check take numbers that are still in the table.
        let number = self.next.fetch_add(1, Relaxed);
        if number >= NUMBERS {
            return None;
        }
        Site::make(hash, u32::try_from(number).ok()?, frames, labels)
    }

    /// The number of a site in the table, by which it can be found from now on.
    fn known(&self, site: &Site<T>) -> usize {
        let number = site.number as usize;
        let place = &self.by_number[number];
        if place.load(Relaxed).is_null() {
            place.store((&raw const *site).cast_mut(), Release);
        }
        number
    }

    /// The site of that number; `None` for [`NONE`].
    pub(crate) fn get(&self, number: usize) -> Option<&Site<T>> {
        // SAFETY: what is found here is in the table, and so never freed.
        unsafe { self.by_number.get(number)?.load(Acquire).as_ref() }
    }

    /// Every site with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Site<T>)> {
        (1..self.end()).filter_map(|number| Some((number, self.get(number)?)))
    }

    /// Every site's number is below this.
    pub(in crate::allocator) fn end(&self) -> usize {
        self.next.load(Relaxed).min(NUMBERS)
    }

    /// How often a stack found no room.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

/// A multiply and a fold for each frame: addresses differ in their middle bits, and the product carries them up.
fn hash(frames: &[usize], labels: u8) -> u64 {
    let mut hash = frames.len() as u64 | u64::from(labels) << 32;
    for &frame in frames {
        let product = u128::from(hash ^ frame as u64) * 0x9e37_79b9_7f4a_7c15;
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let folded = (product >> 64) as u64 ^ product as u64;
        hash = folded;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::{NONE, Sites};

    /// More than the first two parts take. Miri looks at the whole table with each call, so there they are few.
    const STACKS: usize = if cfg!(miri) { 10 } else { 6_000 };

    #[test]
    fn equal_stacks_have_one_number_and_others_have_others() {
        // Tables are large: they don't fit on a test thread's stack.
        static TABLE: Sites<()> = Sites::new();
        let first = TABLE.number(&[1, 2, 3]);
        assert_eq!(TABLE.number(&[1, 2, 3]), first);
        assert_ne!(TABLE.number(&[1, 2]), first);
        assert_ne!(TABLE.number(&[3, 2, 1]), first);
        assert_eq!(
            TABLE.get(first).map(super::Site::frames),
            Some([1, 2, 3].as_slice())
        );
        let labelled = TABLE.number_under(&[1, 2, 3], 7);
        assert_ne!(labelled, first);
        assert_eq!(TABLE.number_under(&[1, 2, 3], 7), labelled);
        assert_ne!(TABLE.number_under(&[1, 2, 3], 8), labelled);
        assert_eq!(TABLE.get(labelled).map(super::Site::labels), Some(7));
        assert_eq!(TABLE.number(&[]), NONE);
        assert!(TABLE.get(NONE).is_none());
    }

    #[test]
    fn threads_agree_on_numbers() {
        static TABLE: Sites<()> = Sites::new();
        let numbers = || -> Vec<usize> {
            (0..STACKS)
                .map(|at| TABLE.number(&[at * 64 + 4_096, at]))
                .collect()
        };
        let all: Vec<Vec<usize>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(numbers)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no thread panics"))
                .collect()
        });
        assert!(all.iter().all(|numbers| *numbers == all[0]));
        assert_eq!(TABLE.iter().count(), STACKS);
    }
}
