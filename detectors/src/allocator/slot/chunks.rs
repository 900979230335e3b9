//! Where slots lie: in chunks of sixty-four, of which the first is part of the program. None is ever freed.

use super::{Slot, is_dummy};
use crate::allocator::{exact, own_memory};
use std::ptr::null_mut;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, fence};

/// From here on, each thread's fast path finds every block marked.
pub(in crate::allocator) fn mark_every_block() {
    fence(SeqCst);
    for chunk in all() {
        chunk.mark_every_block();
    }
}

/// The slots that threads have or had, chunk by chunk.
pub(super) fn used() -> impl Iterator<Item = &'static [Slot]> {
    all().map(|chunk| &chunk.slots[..chunk.used_max.load(Acquire)])
}

fn all() -> impl Iterator<Item = &'static Chunk> {
    std::iter::successors(Some(&FIRST), |chunk| chunk.next())
}

const SLOTS: usize = 64;

/// Slots, and which of them are free.
pub(super) struct Chunk {
    /// A bit for each slot that a thread has.
    taken: AtomicU64,
    /// Slots above this were never taken.
    used_max: AtomicUsize,
    next: AtomicPtr<Chunk>,
    slots: [Slot; SLOTS],
}

/// The first threads need no allocation to be counted.
static FIRST: Chunk = Chunk::new();

impl Chunk {
    const fn new() -> Self {
        Chunk {
            taken: AtomicU64::new(0),
            used_max: AtomicUsize::new(0),
            next: AtomicPtr::new(null_mut()),
            slots: [const { Slot::new(0) }; SLOTS],
        }
    }

    fn next(&self) -> Option<&'static Chunk> {
        // SAFETY: a chunk that is linked is never freed.
        unsafe { self.next.load(Acquire).as_ref() }
    }

    /// A slot that no thread has; `None` when there is no memory for more.
    pub(super) fn take() -> Option<&'static Slot> {
        let mut chunk: &'static Chunk = &FIRST;
        loop {
            if let Some(slot) = chunk.take_here() {
                return Some(slot);
            }
            chunk = match chunk.next() {
                Some(next) => next,
                None => chunk.grow()?,
            };
        }
    }

    fn take_here(&'static self) -> Option<&'static Slot> {
        let mut taken = self.taken.load(Relaxed);
        while taken != u64::MAX {
            let index = taken.trailing_ones();
            match self
                .taken
                .compare_exchange_weak(taken, taken | 1 << index, AcqRel, Relaxed)
            {
                Ok(_) => {
                    self.used_max.fetch_max(index as usize + 1, Release);
                    return Some(&self.slots[index as usize]);
                }
                Err(now) => taken = now,
            }
        }
        None
    }

    fn grow(&'static self) -> Option<&'static Chunk> {
        let fresh = own_memory::make(Chunk::new())?;
        let linked = self
            .next
            .compare_exchange(null_mut(), fresh.as_ptr(), AcqRel, Acquire);
        if linked.is_err() {
            // SAFETY: made above, and not linked.
            unsafe { own_memory::free(fresh) };
            return self.next();
        }
        // SAFETY: made above, linked, and so never freed.
        let fresh: &'static Chunk = unsafe { fresh.as_ref() };
        // `mark_every_block` either finds this chunk, or has switched on before this looks.
        fence(SeqCst);
        if exact::is_on() {
            fresh.mark_every_block();
        }
        Some(fresh)
    }

    fn mark_every_block(&self) {
        for slot in &self.slots {
            slot.unmarked_bits.store(0, Relaxed);
        }
    }

    pub(super) fn give_back(slot: &'static Slot) {
        if is_dummy(slot) {
            return;
        }
        let mut chunk: &'static Chunk = &FIRST;
        loop {
            let offset = (&raw const *slot)
                .addr()
                .wrapping_sub(chunk.slots.as_ptr().addr());
            let index = offset / size_of::<Slot>();
            if index < SLOTS {
                chunk.taken.fetch_and(!(1 << index), Release);
                return;
            }
            match chunk.next() {
                Some(next) => chunk = next,
                None => return,
            }
        }
    }
}
