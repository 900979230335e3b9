//! Eight threads that allocate, grow, give each other blocks and free them, under a scope and sampling, read meanwhile.
//!
//! `DETECTORS_STRESS_OPERATIONS=30` does thirty times as much: minutes.

use crate::random::Random;
use detectors::allocator::{estimates, set_sampling_interval, stats};
use detectors::heap::{Detail, HeapReading};
use detectors::{ProfilingAllocator, Scope};
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Called directly, so that the channels between the threads count nowhere and every figure is known.
static SUBJECT: ProfilingAllocator = ProfilingAllocator::system();

const THREADS: usize = 8;
const OPERATIONS: usize = 200_000;

struct Block(*mut u8, Layout);

// SAFETY: a block is its owner's alone, whichever thread that is.
unsafe impl Send for Block {}

#[derive(Debug, Default, Clone, Copy)]
struct Done {
    blocks: u64,
    bytes: u64,
}

impl Done {
    fn add(&mut self, size: usize) {
        self.blocks += 1;
        self.bytes += size as u64;
    }
}

detectors::tests! {
    #[deadline(seconds = 3600)]
    fn eight_threads() {
        eight();
    }
}

fn alloc(size: usize, align: usize, done: &mut Done) -> Block {
    let layout = Layout::from_size_align(size, align).expect("it is small enough");
    done.add(size);
    // SAFETY: not zero bytes.
    let block = unsafe { SUBJECT.alloc(layout) };
    assert!(!block.is_null());
    // SAFETY: the block's own first and last byte.
    unsafe {
        block.write(0x5a);
        block.add(size - 1).write(0x5a);
    }
    Block(block, layout)
}

fn grow(Block(block, layout): Block, new_size: usize, done: &mut Done) -> Block {
    done.add(new_size);
    // SAFETY: it is live with this layout; the new size isn't zero.
    let block = unsafe { SUBJECT.realloc(block, layout, new_size) };
    assert!(!block.is_null());
    // SAFETY: its own bytes, of which the first was written.
    unsafe {
        assert_eq!(block.read(), 0x5a);
        block.add(new_size - 1).write(0x5a);
    }
    let layout = Layout::from_size_align(new_size, layout.align()).expect("it is small enough");
    Block(block, layout)
}

fn free(Block(block, layout): Block) {
    // SAFETY: it is live with this layout, and both bytes were written.
    unsafe {
        assert_eq!(
            (block.read(), block.add(layout.size() - 1).read()),
            (0x5a, 0x5a)
        );
        SUBJECT.dealloc(block, layout);
    }
}

/// Frees what it gets, or keeps it; ends with nothing.
fn work(seed: u64, operations: usize, give: &Sender<Block>, take: &Receiver<Block>) -> Done {
    let mut random = Random::new(seed);
    let mut done = Done::default();
    let mut kept: Vec<Block> = Vec::new();
    for _ in 0..operations {
        match random.below(8) {
            0..=2 if kept.len() < 500 => {
                let bits = if random.below(64) == 0 { 18 } else { 12 };
                kept.push(alloc(random.size(bits), random.align(), &mut done));
            }
            3 if !kept.is_empty() => {
                let at = random.below(kept.len());
                let block = kept.swap_remove(at);
                kept.push(grow(black_box(block), random.size(14), &mut done));
            }
            4 if !kept.is_empty() => {
                let at = random.below(kept.len());
                give.send(kept.swap_remove(at))
                    .expect("the other end lives");
            }
            5 => {
                for block in take.try_iter() {
                    if random.below(2) == 0 {
                        free(block);
                    } else {
                        kept.push(block);
                    }
                }
            }
            _ => {
                if !kept.is_empty() {
                    let at = random.below(kept.len());
                    free(kept.swap_remove(at));
                }
            }
        }
    }
    kept.into_iter().for_each(free);
    done
}

fn eight() {
    let times = std::env::var("DETECTORS_STRESS_OPERATIONS").map_or(1, |times| {
        times
            .parse::<usize>()
            .expect("DETECTORS_STRESS_OPERATIONS is a number of times")
    });
    // A scope refuses to count where nothing has been allocated yet.
    let mut done = Done::default();
    free(alloc(8, 8, &mut done));
    let scope = Scope::new(Detail::Stacks).expect("there is room for one");
    let before = stats();
    let handle = scope.handle();
    let at_work = AtomicUsize::new(THREADS);
    let mut done = Done::default();
    std::thread::scope(|threads| {
        let (gives, takes): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel::<Block>()).unzip();
        let workers: Vec<_> = takes
            .into_iter()
            .enumerate()
            .map(|(number, take)| {
                let give = gives[(number + 1) % THREADS].clone();
                let at_work = &at_work;
                threads.spawn(move || {
                    let _ended = Ended(at_work);
                    let entered = handle.enter();
                    let done = work(number as u64, OPERATIONS * times, &give, &take);
                    drop(entered);
                    (done, take)
                })
            })
            .collect();
        read_until(&at_work, &scope);
        for worker in workers {
            let (of_one, take) = worker.join().expect("no thread panics");
            done.blocks += of_one.blocks;
            done.bytes += of_one.bytes;
            take.try_iter().for_each(free);
        }
    });
    let mut reading = scope.read();
    reading.peak_bytes = 0;
    let mut expected = HeapReading::default();
    expected.total_blocks = done.blocks;
    expected.total_bytes = done.bytes;
    assert_eq!(reading, expected);
    assert!(
        scope
            .sites()
            .iter()
            .all(|site| (site.blocks, site.bytes) == (0, 0))
    );
    let after = stats();
    assert_eq!((after.live_blocks, after.live_bytes), (0, 0));
    assert_eq!(after.total_blocks - before.total_blocks, done.blocks);
    assert_eq!(after.total_bytes - before.total_bytes, done.bytes);
    let estimates = estimates();
    assert!(estimates.iter().any(|at| at.values[0] > 100.0));
    assert!(estimates.iter().all(|at| at.values[2..] == [0.0, 0.0]));
    println!(
        "{} blocks, {} bytes; {:?}",
        done.blocks, done.bytes, after.lost
    );
}

/// Tells that a worker is done, or has panicked.
struct Ended<'a>(&'a AtomicUsize);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Reads everything there is to read, and changes the rate.
fn read_until(at_work: &AtomicUsize, scope: &Scope) {
    let rates = [Some(4_096), Some(512), None, Some(64 << 10)];
    let mut round = 0;
    while at_work.load(Relaxed) > 0 {
        set_sampling_interval(rates[round / 64 % rates.len()]);
        round += 1;
        let reading = scope.read();
        assert!(reading.blocks <= reading.total_blocks, "{reading:?}");
        scope.each_site(&mut |site| {
            assert!(site.blocks.cast_signed() >= 0, "{site:?}");
        });
        black_box(stats());
        black_box(estimates());
        std::thread::yield_now();
    }
}
