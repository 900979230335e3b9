//! What both the test and Valgrind look at: each keeps so many blocks of C's and of Rust's, and gives the others back.

use std::hint::black_box;

/// Blocks and bytes that stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stays {
    pub blocks: u64,
    pub bytes: u64,
}

#[inline(never)]
fn c_keeps(size: usize) {
    // SAFETY: a plain call; nobody has the block.
    black_box(unsafe { libc::malloc(size) });
}

#[inline(never)]
fn c_gives_back(size: usize) {
    // SAFETY: plain calls.
    unsafe { libc::free(black_box(libc::calloc(size, 2))) };
}

#[inline(never)]
fn c_grows_and_keeps(size: usize) {
    // SAFETY: plain calls; the block is moved, and nobody has it after.
    unsafe {
        let block = libc::malloc(size);
        black_box(libc::realloc(black_box(block), size * 3));
    }
}

#[inline(never)]
fn rust_keeps(size: usize) {
    std::mem::forget(black_box(vec![1_u8; size]));
}

/// The same calls each time, by both allocators.
pub fn work(rounds: usize) -> Stays {
    let mut stays = Stays {
        blocks: 0,
        bytes: 0,
    };
    for round in 1..=rounds {
        let size = 1 + round * 37 % 1_000;
        c_keeps(size);
        c_gives_back(size);
        c_grows_and_keeps(size);
        rust_keeps(size);
        drop(black_box(vec![1_u8; size]));
        stays.blocks += 3;
        stays.bytes += (size + size * 3 + size) as u64;
    }
    stays
}

/// Blocks that C and Rust ask for and give back, as a request does: what it costs to watch them.
pub fn pairs(rounds: usize) {
    for round in 1..=rounds {
        let size = 1 + round * 37 % 1_000;
        c_gives_back(size);
        drop(black_box(vec![1_u8; size]));
    }
}

/// Nanoseconds for each of so many rounds.
pub fn time_of_pairs(rounds: usize) -> f64 {
    let started = std::time::Instant::now();
    pairs(rounds);
    started.elapsed().as_secs_f64() * 1e9 / rounds as f64
}
