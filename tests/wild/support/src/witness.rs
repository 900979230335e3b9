//! The witness: what is live, resident and open, counted without any of our rules. And the bare program, for instruments that
//! look from outside.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// The system's allocator, with two counters.
#[derive(Debug)]
pub struct Counting;

static BLOCKS: AtomicI64 = AtomicI64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

fn came(layout: Layout) {
    BLOCKS.fetch_add(1, Relaxed);
    BYTES.fetch_add(layout.size() as i64, Relaxed);
}

// SAFETY: every call goes to `System` as it came; the counters are beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        came(layout);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        came(layout);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
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

/// When it reads: after so many iterations. Growth is judged between the last two, by whoever reads the lines.
const READ_AFTER: [u32; 5] = [0, 100, 200, 400, 800];

/// Runs the workload. `VARIANT run N` is the bare program: N iterations, and nothing said.
pub fn run<W: FnMut()>(setup: impl Fn() -> W) {
    let bare = std::env::args().nth(2).as_deref() == Some("run");
    let iterations = std::env::args().nth(3).and_then(|text| text.parse().ok());
    let mut iteration = setup();
    if bare {
        for _ in 0..iterations.unwrap_or(100) {
            iteration();
        }
        return;
    }
    let mut done = 0;
    let mut lines = Vec::with_capacity(READ_AFTER.len());
    for after in READ_AFTER {
        while done < after {
            iteration();
            done += 1;
        }
        lines.push(read(after));
    }
    println!(
        "{{\"by\": \"witness\", \"readings\": [{}]}}",
        lines.join(", ")
    );
}

fn read(after: u32) -> String {
    let (blocks, bytes) = (BLOCKS.load(Relaxed), BYTES.load(Relaxed));
    format!(
        "{{\"after\": {after}, \"blocks\": {blocks}, \"bytes\": {bytes}, \"resident\": {}, \"descriptors\": {}, \"threads\": {}, \"mappings\": {}}}",
        resident(),
        entries("/proc/self/fd"),
        entries("/proc/self/task"),
        fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count()),
    )
}

/// The kernel's count of this process' resident bytes.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("Rss:"))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

fn entries(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
