//! What C code in this process asks for: its `malloc` and `mmap`, noted in scopes as Rust's blocks are.
//!
//! ```text
//! sqlite3.c, libz.so, libc.so --malloc--> the symbol in the test's program --> entry --> __libc_malloc
//! Vec, Box --> ProfilingAllocator --> System --malloc--^    (under a flag: noted already)
//! ```
//!
//! The program defines the C library's symbols, by [`foreign_memory!`](crate::foreign_memory), so that the loader takes them for every
//! library's calls. What Rust's allocator asks for comes the same way, under a flag of the thread. Without a scope each call costs a
//! load, and nothing is noted.

pub mod entry;
mod maps;

use super::scope::{self, NotedBefore};
use super::stacks::Stack;
use super::stacks::sites::{NUMBERS, SITES};
use super::{exact, slot};
use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

thread_local! {
    /// Whether this thread is within Rust's allocator, or within these instruments: what it asks of the C library is none of C's.
    static IS_BENEATH: Cell<bool> = const { Cell::new(false) };
}

/// This thread is within Rust's allocator, or within these instruments, until this is dropped.
pub(in crate::allocator) struct Beneath(bool);

impl Beneath {
    #[inline]
    pub(in crate::allocator) fn enter() -> Self {
        Beneath(IS_BENEATH.replace(true))
    }
}

impl Drop for Beneath {
    fn drop(&mut self) {
        IS_BENEATH.set(self.0);
    }
}

/// Whether a call on this thread is C's own, and is to be noted.
#[inline]
fn is_noted() -> bool {
    exact::is_on() && !IS_BENEATH.get()
}

/// By which family of calls a site's blocks came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Malloc,
    Mmap,
}

impl By {
    /// The leaf of a foreign site's stack.
    pub(crate) fn function(self) -> &'static str {
        match self {
            By::Malloc => "malloc",
            By::Mmap => "mmap",
        }
    }
}

/// A bit for each site's number.
struct Marks([AtomicU64; NUMBERS / 64]);

impl Marks {
    const fn new() -> Self {
        Marks([const { AtomicU64::new(0) }; NUMBERS / 64])
    }

    fn set(&self, site: usize) {
        self.0[site / 64].fetch_or(1 << (site % 64), Relaxed);
    }

    fn has(&self, site: usize) -> bool {
        let word = self.0.get(site / 64);
        word.is_some_and(|word| word.load(Relaxed) & 1 << (site % 64) != 0)
    }
}

static BY_MALLOC: Marks = Marks::new();
static BY_MMAP: Marks = Marks::new();

/// Live bytes that are noted here, in whichever scope. Rust's own count has none of them.
static NOTED_BYTES: AtomicI64 = AtomicI64::new(0);

/// Whether the program's symbols lead here at all.
static IS_CALLED: AtomicBool = AtomicBool::new(false);

pub(crate) fn noted_bytes() -> i64 {
    NOTED_BYTES.load(Relaxed)
}

pub(crate) fn is_called() -> bool {
    IS_CALLED.load(Relaxed)
}

/// By which calls the blocks of a site came; `None` where they are Rust's.
pub(crate) fn by(site: usize) -> Option<By> {
    if BY_MALLOC.has(site) {
        Some(By::Malloc)
    } else {
        BY_MMAP.has(site).then_some(By::Mmap)
    }
}

/// Notes a fresh block of C's. `entry` is the function of the program's by which it was asked for.
#[inline(never)]
fn record(address: usize, size: usize, by: By, entry: usize) {
    let _beneath = Beneath::enter();
    slot::inside(|| {
        let site = || {
            let site = SITES.number(Stack::above(entry).frames());
            match by {
                By::Malloc => BY_MALLOC.set(site),
                By::Mmap => BY_MMAP.set(site),
            }
            site
        };
        if scope::record_at(address, size, site) {
            NOTED_BYTES.fetch_add(signed(size), Relaxed);
        }
    });
}

/// Forgets a block of C's that is about to go, if it was noted.
#[inline(never)]
fn forget(address: usize) {
    if let Some(before) = scope::lift_noted(address) {
        gone(before);
    }
}

/// A block that was noted has gone.
fn gone(before: NotedBefore) {
    before.forget();
    NOTED_BYTES.fetch_sub(signed(before.size), Relaxed);
}

/// A block has another address and size: it keeps its site. One that wasn't noted is a fresh one.
fn moved(before: Option<NotedBefore>, to: usize, size: usize, by: By, entry: usize) {
    if let Some(before) = before {
        before.put_down(to, size);
        NOTED_BYTES.fetch_add(signed(size) - signed(before.size), Relaxed);
    } else {
        record(to, size, by, entry);
    }
}

fn signed(size: usize) -> i64 {
    size.cast_signed() as i64
}
