//! The witness: what is live and resident, counted without any of a watch's rules.

use crate::Observer;
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use tokio::runtime::{Builder, Handle};

/// The system's allocator, with two counters.
#[derive(Debug)]
pub struct Counting;

static BLOCKS: AtomicI64 = AtomicI64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

// SAFETY: every call goes to `System` as it came; the counters are beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BLOCKS.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BLOCKS.fetch_sub(1, Relaxed);
        BYTES.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        BYTES.fetch_add(size as i64 - layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Prints what is live in each part of so many iterations: the least, since what grows raises that.
#[derive(Debug, Clone, Copy)]
pub struct Witness {
    pub iterations: u64,
}

const PARTS: u64 = 20;

impl Witness {
    fn watch(self, mut iterate: impl FnMut()) {
        println!("iterations      blocks       bytes    resident kB  threads  descriptors");
        for part in 1..=PARTS {
            let (mut blocks, mut bytes) = (i64::MAX, i64::MAX);
            for _ in 0..(self.iterations / PARTS).max(1) {
                iterate();
                blocks = blocks.min(BLOCKS.load(Relaxed));
                bytes = bytes.min(BYTES.load(Relaxed));
            }
            println!(
                "{:>10}  {blocks:>10}  {bytes:>10}  {:>13}  {:>7}  {:>11}",
                self.iterations * part / PARTS,
                resident_kb(),
                entries("/proc/self/task"),
                entries("/proc/self/fd"),
            );
        }
    }
}

impl Observer for Witness {
    type Says = ();

    fn of_calls<W: FnMut()>(self, setup: impl Fn() -> W) {
        self.watch(setup());
    }

    fn of_futures<S, W>(self, runtime: &Handle, setup: S)
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut(),
    {
        let mut iteration = runtime.block_on(setup());
        self.watch(|| runtime.block_on(iteration()));
    }

    fn of_futures_alone<S, W>(self, setup: S)
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut(),
    {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system has room for a runtime");
        let mut iteration = runtime.block_on(setup());
        self.watch(|| runtime.block_on(iteration()));
    }
}

/// The kernel's count of this process' resident memory.
fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

fn entries(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
