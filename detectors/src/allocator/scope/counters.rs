//! A scope's counters, by site, in cores that one scope after another uses.

use super::tag::Tag;
use crate::allocator::stacks::sites::{self, SITES};
use crate::allocator::{own_memory, slot};
use crate::model::reading::HeapReading;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU64};

pub(super) const CORES_MAX: usize = 4_095;
const CELLS: usize = 512;

/// Cores by number, made when needed.
pub(super) static CORES: [AtomicPtr<Core>; CORES_MAX] =
    [const { AtomicPtr::new(null_mut()) }; CORES_MAX];

/// A scope's counters. They are used again by another scope after its end, with the next generation.
pub(super) struct Core {
    number: usize,
    taken: AtomicBool,
    /// Which life this is; a closed core has one that no tag has yet.
    pub(super) generation: AtomicU16,
    pub(super) stacks: AtomicBool,
    /// The scope around each life, as a tag's word; null while no life had one. A block may outlive its scope, and its free
    /// still counts in those around, whatever has become of the core: so none is overwritten.
    pub(super) parents: AtomicPtr<Parents>,
    live_bytes: Cell,
    peak_bytes: Cell,
    /// Cells by site, in pieces that are made when needed.
    cells: [AtomicPtr<[SiteCells; CELLS]>; sites::NUMBERS / CELLS],
}

/// Half a mebibyte, of which the kernel backs a page for each 512 lives.
pub(super) type Parents = [AtomicU64; 1 << 16];

/// Live bytes of all scopes that are open, those within others once.
pub(super) fn live_in_scopes() -> u64 {
    // SAFETY: what is in the table is never freed.
    let cores = CORES
        .iter()
        .map_while(|core| unsafe { core.load(Acquire).as_ref() });
    let open = cores.filter(|core| core.taken.load(Acquire));
    open.map(|core| {
        let generation = core.generation.load(Acquire);
        // SAFETY: a valid array of atomics, which is never freed.
        let parents = unsafe { core.parents.load(Acquire).as_ref() };
        let is_within =
            parents.is_some_and(|parents| parents[usize::from(generation)].load(Relaxed) != 0);
        if is_within {
            0
        } else {
            core.live_bytes.get(generation)
        }
    })
    .sum()
}

struct SiteCells {
    alloc_blocks: Cell,
    alloc_bytes: Cell,
    free_blocks: Cell,
    free_bytes: Cell,
}

impl Core {
    /// A core's next life, or a new core.
    pub(super) fn open(stacks: bool, parent: Option<Tag>) -> Option<Tag> {
        let core = (0..CORES_MAX).find_map(Self::take)?;
        core.stacks.store(stacks, Relaxed);
        let generation = core.generation.load(Relaxed);
        if let Some(parent) = parent
            && !core.lies_within(generation, parent)
        {
            core.close();
            return None;
        }
        Some(Tag::new(core.number, generation))
    }

    /// `false` when there is no memory to keep it. Only the life that is about to begin calls it.
    fn lies_within(&self, generation: u16, parent: Tag) -> bool {
        let mut parents = self.parents.load(Acquire);
        if parents.is_null() {
            let layout = std::alloc::Layout::new::<Parents>();
            let Some(fresh) = own_memory::zeroed(layout) else {
                return false;
            };
            parents = fresh.cast::<Parents>().as_ptr();
            self.parents.store(parents, Release);
        }
        // SAFETY: zeroed memory is a valid array of atomics, and is never freed.
        unsafe { &(*parents)[usize::from(generation)] }.store(parent.word(), Relaxed);
        true
    }

    fn take(number: usize) -> Option<&'static Core> {
        let place = &CORES[number];
        let mut there = place.load(Acquire);
        if there.is_null() {
            let layout = std::alloc::Layout::new::<Core>();
            // SAFETY: zeroed memory is a valid core: integers, and null pointers.
            let fresh = own_memory::zeroed(layout)?.cast::<Core>();
            // SAFETY: as above, and nobody else knows it yet.
            unsafe { (*fresh.as_ptr()).number = number };
            // SAFETY: as above.
            unsafe { (*fresh.as_ptr()).generation = AtomicU16::new(1) };
            there = match place.compare_exchange(null_mut(), fresh.as_ptr(), AcqRel, Acquire) {
                Ok(_) => fresh.as_ptr(),
                Err(other) => {
                    // SAFETY: made above with this layout, and known to nobody else.
                    unsafe { own_memory::free_bytes(fresh.cast(), layout) };
                    other
                }
            };
        }
        // SAFETY: a core in the table is never freed.
        let core = unsafe { &*there };
        // A core whose generations are used up is left alone.
        let is_free = core.generation.load(Relaxed) != u16::MAX
            && core
                .taken
                .compare_exchange(false, true, AcqRel, Relaxed)
                .is_ok();
        is_free.then_some(core)
    }

    pub(super) fn close(&self) {
        self.generation.fetch_add(1, AcqRel);
        self.taken.store(false, Release);
    }

    pub(super) fn add_alloc(&self, generation: u16, site: usize, size: usize) {
        let size = size as u64;
        let live = self.live_bytes.add(generation, size);
        self.peak_bytes.raise(generation, live);
        if let Some(cells) = self.cells(site, true) {
            cells.alloc_blocks.add(generation, 1);
            cells.alloc_bytes.add(generation, size);
        }
    }

    pub(super) fn add_free(&self, generation: u16, site: usize, size: usize) {
        let size = size as u64;
        self.live_bytes.add(generation, size.wrapping_neg());
        if let Some(cells) = self.cells(site, true) {
            cells.free_blocks.add(generation, 1);
            cells.free_bytes.add(generation, size);
        }
    }

    pub(super) fn add_realloc(
        &self,
        generation: u16,
        site: usize,
        old_size: usize,
        new_size: usize,
    ) {
        let (old, new) = (old_size as u64, new_size as u64);
        let live = self.live_bytes.add(generation, new.wrapping_sub(old));
        self.peak_bytes.raise(generation, live);
        if let Some(cells) = self.cells(site, true) {
            cells.alloc_blocks.add(generation, 1);
            cells.alloc_bytes.add(generation, new);
            cells.free_blocks.add(generation, 1);
            cells.free_bytes.add(generation, old);
        }
    }

    fn cells(&self, site: usize, make: bool) -> Option<&SiteCells> {
        let site = if self.stacks.load(Relaxed) {
            site
        } else {
            sites::NONE
        };
        let piece = &self.cells[site / CELLS];
        // SAFETY: what is in the table is never freed.
        if let Some(cells) = unsafe { piece.load(Acquire).as_ref() } {
            return Some(&cells[site % CELLS]);
        }
        if !make {
            return None;
        }
        let layout = std::alloc::Layout::new::<[SiteCells; CELLS]>();
        let fresh = own_memory::zeroed(layout)?.cast::<[SiteCells; CELLS]>();
        let there = match piece.compare_exchange(null_mut(), fresh.as_ptr(), AcqRel, Acquire) {
            Ok(_) => fresh.as_ptr(),
            Err(other) => {
                // SAFETY: made above with this layout, and known to nobody else.
                unsafe { own_memory::free_bytes(fresh.cast(), layout) };
                other
            }
        };
        // SAFETY: zeroed memory is a valid array of cells, and is never freed.
        Some(unsafe { &(*there)[site % CELLS] })
    }

    /// Each site that allocated in this life, with its counts.
    pub(super) fn each_site(&self, tag: Tag, mut visit: impl FnMut(usize, slot::Counts)) {
        let generation = tag.generation();
        let end = if self.stacks.load(Relaxed) {
            SITES.end()
        } else {
            sites::NONE + 1
        };
        for piece in 0..end.div_ceil(CELLS) {
            // SAFETY: what is in the table is never freed.
            let Some(cells) = (unsafe { self.cells[piece].load(Acquire).as_ref() }) else {
                continue;
            };
            let first = piece * CELLS;
            for (site, cells) in (first..end).zip(cells) {
                // Frees first: what is allocated and freed between the two reads is then seen as live, and never as negative.
                let free_blocks = cells.free_blocks.get(generation);
                let free_bytes = cells.free_bytes.get(generation);
                let alloc_blocks = cells.alloc_blocks.get(generation);
                if alloc_blocks > 0 {
                    let counts = slot::Counts {
                        alloc_blocks,
                        alloc_bytes: cells.alloc_bytes.get(generation),
                        free_blocks,
                        free_bytes,
                    };
                    visit(site, counts);
                }
            }
        }
    }

    pub(super) fn read(&self, tag: Tag) -> HeapReading {
        let mut reading = HeapReading {
            peak_bytes: self.peak_bytes.get(tag.generation()),
            ..HeapReading::default()
        };
        self.each_site(tag, |_, counts| {
            reading.blocks += counts.live_blocks().cast_unsigned();
            reading.bytes += counts.live_bytes().cast_unsigned();
            reading.total_blocks += counts.alloc_blocks;
            reading.total_bytes += counts.alloc_bytes;
        });
        reading
    }
}

/// A counter that knows whose life it counts: 16 bits of generation above 48 bits of value.
///
/// A step for an earlier life than the one that it holds is dropped, one for a later life begins from zero. So a block that
/// outlives its scope can't count in the next one that uses the core, however the two race.
#[derive(Debug, Default)]
struct Cell(AtomicU64);

const VALUE_BITS: u32 = 48;
const VALUE: u64 = (1 << VALUE_BITS) - 1;

impl Cell {
    /// Adds, and gives the new value; 0 for a life that is over.
    fn add(&self, generation: u16, amount: u64) -> u64 {
        self.change(generation, |value| value.wrapping_add(amount))
    }

    /// Raises it to `to` if it is lower.
    fn raise(&self, generation: u16, to: u64) {
        if self.get(generation) < to {
            self.change(generation, |value| value.max(to));
        }
    }

    fn get(&self, generation: u16) -> u64 {
        // Whoever sees a free in one cell sees the allocation before it in another.
        let word = self.0.load(Acquire);
        if word >> VALUE_BITS == u64::from(generation) {
            word & VALUE
        } else {
            0
        }
    }

    fn change(&self, generation: u16, step: impl Fn(u64) -> u64) -> u64 {
        let mine = u64::from(generation);
        let mut word = self.0.load(Relaxed);
        loop {
            let value = match (word >> VALUE_BITS).cmp(&mine) {
                std::cmp::Ordering::Equal => word & VALUE,
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Greater => return 0,
            };
            let value = step(value) & VALUE;
            match self
                .0
                .compare_exchange_weak(word, mine << VALUE_BITS | value, Release, Relaxed)
            {
                Ok(_) => return value,
                Err(now) => word = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cell;

    #[test]
    fn a_step_for_an_earlier_life_is_dropped() {
        let cell = Cell::default();
        assert_eq!(cell.add(1, 10), 10);
        assert_eq!(cell.add(1, 4_u64.wrapping_neg()), 6);
        assert_eq!(cell.get(2), 0);
        assert_eq!(cell.add(2, 3), 3);
        assert_eq!(cell.add(1, 6_u64.wrapping_neg()), 0);
        assert_eq!((cell.get(2), cell.get(1)), (3, 0));
        cell.raise(2, 9);
        cell.raise(2, 5);
        assert_eq!(cell.get(2), 9);
    }
}
