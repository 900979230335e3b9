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

/// When it reads: after so many iterations. Growth is judged between the last two, by whoever reads the line.
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
    let mut readings = [Reading::default(); READ_AFTER.len()];
    let mut done = 0;
    for (after, reading) in READ_AFTER.into_iter().zip(&mut readings) {
        while done < after {
            iteration();
            done += 1;
        }
        *reading = Reading::now(after);
    }
    let lines: Vec<String> = readings.iter().map(Reading::json).collect();
    println!(
        "{{\"by\": \"witness\", \"readings\": [{}]}}",
        lines.join(", ")
    );
}

/// Numbers alone, so that a reading leaves nothing on the heap that it counts.
#[derive(Clone, Copy, Default)]
struct Reading {
    after: u32,
    blocks: i64,
    bytes: i64,
    resident: u64,
    descriptors: usize,
    threads: usize,
    mappings: usize,
}

impl Reading {
    fn now(after: u32) -> Self {
        Reading {
            after,
            blocks: BLOCKS.load(Relaxed),
            bytes: BYTES.load(Relaxed),
            resident: resident(),
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            mappings: fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count()),
        }
    }

    fn json(&self) -> String {
        let Reading {
            after,
            blocks,
            bytes,
            resident,
            descriptors,
            threads,
            mappings,
        } = self;
        format!(
            "{{\"after\": {after}, \"blocks\": {blocks}, \"bytes\": {bytes}, \"resident\": {resident}, \
             \"descriptors\": {descriptors}, \"threads\": {threads}, \"mappings\": {mappings}}}"
        )
    }
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
