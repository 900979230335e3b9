//! Which scope and site a block was allocated in: a word for each eight bytes of the address space that is in use.
//!
//! A block has its address for itself while it lives, so one store notes it and one load finds it, without a lock and
//! without a search. The words cover 16 MiB of addresses in one piece, and the kernel backs only the pages that are touched.

use super::own_memory;
use std::alloc::Layout;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};

/// Blocks at addresses between these are not noted. Every allocator that is in use returns multiples of 8.
const GRAIN_BYTES: usize = 8;
const PIECE_BITS: u32 = 24;
const WORDS: usize = (1 << PIECE_BITS) / GRAIN_BYTES;

/// 64 GiB of addresses.
const PIECES: usize = 4_096;

type Words = [AtomicU64; WORDS];

struct Piece {
    /// The addresses' upper bits plus one; 0 for none.
    which: AtomicUsize,
    words: AtomicPtr<Words>,
}

static TABLE: [Piece; PIECES] = [const {
    Piece {
        which: AtomicUsize::new(0),
        words: AtomicPtr::new(null_mut()),
    }
}; PIECES];

/// Blocks that could not be noted.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Notes whose block it is. `owner` is not 0. `false` when there is no room.
pub(super) fn note(address: usize, owner: u64) -> bool {
    let noted = address.is_multiple_of(GRAIN_BYTES) && {
        match piece(address, true) {
            Some(words) => {
                words[word(address)].store(owner, Relaxed);
                true
            }
            None => false,
        }
    };
    if !noted {
        LOST.fetch_add(1, Relaxed);
    }
    noted
}

/// Whose block it is; 0 when nobody noted it.
pub(super) fn get(address: usize) -> u64 {
    match piece(address, false) {
        Some(words) if address.is_multiple_of(GRAIN_BYTES) => words[word(address)].load(Relaxed),
        _ => 0,
    }
}

/// Whose block it was that is about to go; 0 when nobody noted it.
pub(super) fn take(address: usize) -> u64 {
    match piece(address, false) {
        Some(words) if address.is_multiple_of(GRAIN_BYTES) => {
            let word = &words[word(address)];
            let owner = word.load(Relaxed);
            // Not written when there is nothing to forget: that would make the kernel back a page for it.
            if owner != 0 {
                word.store(0, Relaxed);
            }
            owner
        }
        _ => 0,
    }
}

pub(super) fn lost() -> u64 {
    LOST.load(Relaxed)
}

fn word(address: usize) -> usize {
    address % (1 << PIECE_BITS) / GRAIN_BYTES
}

fn piece(address: usize, make: bool) -> Option<&'static Words> {
    let which = (address >> PIECE_BITS) + 1;
    let first = which.wrapping_mul(super::SPREAD).rotate_left(12) % PIECES;
    for step in 0..PIECES {
        let piece = &TABLE[(first + step) % PIECES];
        let mut now = piece.which.load(Acquire);
        if now == 0 {
            if !make {
                return None;
            }
            now = match piece.which.compare_exchange(0, which, AcqRel, Acquire) {
                Ok(_) => which,
                Err(other) => other,
            };
        }
        if now == which {
            return words(piece, make);
        }
    }
    None
}

fn words(piece: &'static Piece, make: bool) -> Option<&'static Words> {
    // SAFETY: what a piece points at is never freed, and zeroed memory is a valid array of atomics.
    if let Some(words) = unsafe { piece.words.load(Acquire).as_ref() } {
        return Some(words);
    }
    if !make {
        return None;
    }
    let layout = Layout::new::<Words>();
    let fresh = own_memory::zeroed(layout)?.cast::<Words>();
    match piece
        .words
        .compare_exchange(null_mut(), fresh.as_ptr(), AcqRel, Acquire)
    {
        // SAFETY: as above.
        Ok(_) => Some(unsafe { fresh.as_ref() }),
        Err(other) => {
            // SAFETY: made above with this layout, and known to nobody else. The other one is in use for good.
            unsafe {
                own_memory::free_bytes(fresh.cast(), layout);
                other.as_ref()
            }
        }
    }
}
