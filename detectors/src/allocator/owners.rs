//! Which scope and site a block was allocated in, and its size: two words for each eight bytes of the address space that is
//! in use.
//!
//! A block has its address for itself while it lives, so two stores note it and one load finds it, without a lock and
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

/// What is noted of the block that begins here.
struct Noted {
    /// 0 for none.
    owner: AtomicU64,
    size: AtomicUsize,
}

type Words = [Noted; WORDS];

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

/// Notes whose block it is, and its size. `owner` is not 0. `false` when there is no room.
pub(super) fn note(address: usize, size: usize, owner: u64) -> bool {
    let noted = address.is_multiple_of(GRAIN_BYTES) && {
        match piece(address, true) {
            Some(words) => {
                let noted = &words[word(address)];
                noted.size.store(size, Relaxed);
                noted.owner.store(owner, Relaxed);
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
        Some(words) if address.is_multiple_of(GRAIN_BYTES) => {
            words[word(address)].owner.load(Relaxed)
        }
        _ => 0,
    }
}

/// Whose block it was that is about to go; 0 when nobody noted it.
pub(super) fn take(address: usize) -> u64 {
    match piece(address, false) {
        Some(words) if address.is_multiple_of(GRAIN_BYTES) => {
            let word = &words[word(address)].owner;
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

/// The same, with the size that it was noted with.
#[cfg(sees_foreign)]
pub(super) fn take_whole(address: usize) -> (u64, usize) {
    match piece(address, false) {
        Some(words) if address.is_multiple_of(GRAIN_BYTES) => {
            let noted = &words[word(address)];
            let (owner, size) = (noted.owner.load(Relaxed), noted.size.load(Relaxed));
            if owner != 0 {
                noted.owner.store(0, Relaxed);
            }
            (owner, size)
        }
        _ => (0, 0),
    }
}

/// The nearest address below `address` and not below `lowest`, in steps of `step`, at which a block is noted.
#[cfg(sees_foreign)]
pub(super) fn nearest_below(address: usize, lowest: usize, step: usize) -> Option<usize> {
    let mut at = address.checked_sub(step)?;
    while at >= lowest {
        let first = at >> PIECE_BITS << PIECE_BITS;
        if let Some(words) = piece(at, false) {
            loop {
                if words[word(at)].owner.load(Relaxed) != 0 {
                    return Some(at);
                }
                if at - first < step || at - step < lowest {
                    break;
                }
                at -= step;
            }
        }
        at = first.checked_sub(step)?;
    }
    None
}

/// The nearest address from `address` on and below `end`, in steps of `step`, at which a block is noted.
#[cfg(sees_foreign)]
pub(super) fn nearest_from(address: usize, end: usize, step: usize) -> Option<usize> {
    let mut at = address;
    while at < end {
        // The first step beyond this piece.
        let beyond = (((at >> PIECE_BITS) + 1) << PIECE_BITS).next_multiple_of(step);
        if let Some(words) = piece(at, false) {
            let mut steps = (at..beyond.min(end)).step_by(step);
            let is_noted = |at: &usize| words[word(*at)].owner.load(Relaxed) != 0;
            if let Some(at) = steps.find(is_noted) {
                return Some(at);
            }
        }
        at = beyond;
    }
    None
}

/// Tells each noted block: its address, its size, its owner. Others may come and go meanwhile.
pub(super) fn each(mut visit: impl FnMut(usize, usize, u64)) {
    for piece in &TABLE {
        let which = piece.which.load(Acquire);
        // SAFETY: what a piece points at is never freed, and zeroed memory is a valid array of atomics.
        let words = unsafe { piece.words.load(Acquire).as_ref() };
        let (Some(words), Some(upper)) = (words, which.checked_sub(1)) else {
            continue;
        };
        for (at, noted) in words.iter().enumerate() {
            let owner = noted.owner.load(Relaxed);
            if owner != 0 {
                let address = (upper << PIECE_BITS) + at * GRAIN_BYTES;
                visit(address, noted.size.load(Relaxed), owner);
            }
        }
    }
}

/// Adds these bits to the owner of each noted block. A block that goes or comes meanwhile stays without them.
pub(super) fn mark_each(bits: u64) {
    for piece in &TABLE {
        // SAFETY: as in `each`.
        let words = unsafe { piece.words.load(Acquire).as_ref() };
        for noted in words.into_iter().flatten() {
            let owner = noted.owner.load(Relaxed);
            if owner != 0 {
                let _ = noted
                    .owner
                    .compare_exchange(owner, owner | bits, Relaxed, Relaxed);
            }
        }
    }
}

/// Where the words themselves lie.
pub(super) fn tables() -> impl Iterator<Item = std::ops::Range<usize>> {
    TABLE.iter().filter_map(|piece| {
        let words = piece.words.load(Acquire).addr();
        (words != 0).then(|| words..words + size_of::<Words>())
    })
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
