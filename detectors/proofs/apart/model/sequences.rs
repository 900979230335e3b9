//! Random sequences against a list of what must be live.

use super::checking::Checking;
use crate::random::Random;
use detectors::allocator::{estimates, profile, reseed_sampling, set_sampling_interval, stats};
use detectors::heap::{Detail, HeapReading};
use detectors::{ProfilingAllocator, Scope};
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

static SUBJECT: ProfilingAllocator<Checking> = ProfilingAllocator::new(Checking);

/// Nothing; Go's default; and more and more of everything, up to each block.
const RATES: [Option<usize>; 5] = [None, Some(512 << 10), Some(4 << 10), Some(1 << 10), Some(1)];
const CASES: usize = 600;
const STEPS: usize = 40;

struct Live {
    block: *mut u8,
    layout: Layout,
    /// What its bytes are filled with.
    with: u8,
}

/// What must be live, and what the counts must be.
struct Model {
    live: Vec<Live>,
    counts: HeapReading,
    random: Random,
    refused: usize,
}

impl Model {
    fn new(seed: u64) -> Self {
        Model {
            live: Vec::new(),
            counts: HeapReading::default(),
            random: Random::new(seed),
            refused: 0,
        }
    }

    /// Mostly small, now and then up to 4 MiB.
    fn size(&mut self) -> usize {
        let bits = if self.random.below(64) == 0 { 22 } else { 17 };
        self.random.size(bits)
    }

    fn step(&mut self) {
        match self.random.below(8) {
            0..=2 => self.alloc(),
            3..=5 => self.realloc(),
            _ => self.free(),
        }
    }

    fn alloc(&mut self) {
        let layout =
            Layout::from_size_align(self.size(), self.random.align()).expect("it is small enough");
        let zeroed = self.random.below(3) == 0;
        // SAFETY: the size isn't zero.
        let block = unsafe {
            if zeroed {
                SUBJECT.alloc_zeroed(layout)
            } else {
                SUBJECT.alloc(layout)
            }
        };
        if block.is_null() {
            self.refused += 1;
            return;
        }
        if zeroed {
            is_filled(block, layout.size(), 0);
        }
        self.counts.blocks += 1;
        self.counts.bytes += layout.size() as u64;
        self.allocated(layout.size());
        self.keep(block, layout);
    }

    fn realloc(&mut self) {
        let Some(old) = self.remove() else { return };
        let old_size = old.layout.size();
        let new_size = match self.random.below(4) {
            0 => old_size,
            1 => old_size / 2 + 1,
            2 => old_size + self.random.below(200),
            _ => self.size(),
        };
        // SAFETY: it is live with this layout, and the new size isn't zero.
        let block = unsafe { SUBJECT.realloc(old.block, old.layout, new_size) };
        if block.is_null() {
            self.refused += 1;
            is_filled(old.block, old_size, old.with);
            self.live.push(old);
            return;
        }
        is_filled(block, old_size.min(new_size), old.with);
        self.counts.bytes = self.counts.bytes - old_size as u64 + new_size as u64;
        self.allocated(new_size);
        let layout =
            Layout::from_size_align(new_size, old.layout.align()).expect("it is small enough");
        self.keep(block, layout);
    }

    fn free(&mut self) {
        let Some(old) = self.remove() else { return };
        is_filled(old.block, old.layout.size(), old.with);
        self.counts.blocks -= 1;
        self.counts.bytes -= old.layout.size() as u64;
        // SAFETY: it is live with this layout.
        unsafe { SUBJECT.dealloc(old.block, old.layout) };
    }

    fn allocated(&mut self, size: usize) {
        self.counts.total_blocks += 1;
        self.counts.total_bytes += size as u64;
        self.counts.peak_bytes = self.counts.peak_bytes.max(self.counts.bytes);
    }

    fn keep(&mut self, block: *mut u8, layout: Layout) {
        assert!(
            block.addr().is_multiple_of(layout.align()),
            "{block:?} for {layout:?}"
        );
        let with = u8::try_from(1 + self.random.below(255)).expect("below 256");
        // SAFETY: the block is ours, and that long.
        unsafe { block.write_bytes(with, layout.size()) };
        self.live.push(Live {
            block,
            layout,
            with,
        });
    }

    fn remove(&mut self) -> Option<Live> {
        if self.live.is_empty() {
            return None;
        }
        let at = self.random.below(self.live.len());
        Some(self.live.swap_remove(at))
    }
}

/// Looks at both ends, and at enough of the middle.
fn is_filled(block: *mut u8, size: usize, with: u8) {
    // SAFETY: the block is ours, that long, and was written to.
    let bytes = unsafe { std::slice::from_raw_parts(block, size) };
    let ends = bytes.iter().take(64).chain(bytes.iter().rev().take(64));
    let mut looked_at = ends.chain(bytes.iter().step_by(509));
    assert!(
        looked_at.all(|byte| *byte == with),
        "{size} bytes at {block:?} are {with}"
    );
}

/// Every step of every case, at every rate; some requests are refused.
pub(crate) fn in_a_scope() {
    // A scope refuses to count where nothing has been allocated yet.
    in_use();
    for (number, rate) in RATES.into_iter().enumerate() {
        let mut refused = 0;
        for case in 0..CASES {
            let seed = (number * CASES + case) as u64;
            set_sampling_interval(rate);
            reseed_sampling(seed);
            Checking::refuse_one_in(if case % 2 == 0 { 0 } else { 16 }, seed);
            let scope = Scope::new(Detail::Counts).expect("there is room for one");
            let before = stats();
            let mut model = Model::new(seed);
            for step in 0..STEPS {
                model.step();
                assert_eq!(
                    scope.read(),
                    model.counts,
                    "rate {rate:?}, case {case}, step {step}"
                );
                let now = stats();
                assert_eq!(
                    (now.live_blocks, now.live_bytes),
                    (model.counts.blocks, model.counts.bytes),
                    "rate {rate:?}, case {case}, step {step}"
                );
                assert_eq!(
                    (
                        now.total_blocks - before.total_blocks,
                        now.total_bytes - before.total_bytes
                    ),
                    (model.counts.total_blocks, model.counts.total_bytes),
                    "rate {rate:?}, case {case}, step {step}"
                );
            }
            refused += model.refused;
            while !model.live.is_empty() {
                model.free();
            }
            assert_eq!(scope.read(), model.counts, "rate {rate:?}, case {case}");
        }
        // Few where all is sampled: a small block that is refused with a page of its own is asked for without one.
        assert!(refused > 20, "{refused} requests were refused");
    }
    nothing_is_left();
}

/// Before there is any scope: the fast path.
pub(crate) fn in_the_process() {
    in_use();
    for (number, rate) in RATES.into_iter().enumerate() {
        for case in 0..CASES {
            let seed = (number * CASES + case) as u64;
            set_sampling_interval(rate);
            reseed_sampling(seed);
            let before = stats();
            let mut model = Model::new(seed);
            for step in 0..STEPS {
                model.step();
                let now = stats();
                assert_eq!(
                    (now.live_blocks, now.live_bytes),
                    (model.counts.blocks, model.counts.bytes),
                    "rate {rate:?}, case {case}, step {step}"
                );
                assert_eq!(
                    (
                        now.total_blocks - before.total_blocks,
                        now.total_bytes - before.total_bytes
                    ),
                    (model.counts.total_blocks, model.counts.total_bytes),
                    "rate {rate:?}, case {case}, step {step}"
                );
                assert!(now.peak_bytes + now.peak_within_bytes >= model.counts.peak_bytes);
            }
            while !model.live.is_empty() {
                model.free();
            }
        }
    }
    nothing_is_left();
}

fn in_use() {
    let layout = Layout::new::<u64>();
    // SAFETY: not zero bytes, and given back as it came.
    unsafe {
        let block = SUBJECT.alloc(layout);
        assert!(!block.is_null());
        SUBJECT.dealloc(black_box(block), layout);
    }
}

/// Every sample that was taken has gone again, from every site.
fn nothing_is_left() {
    assert_eq!(Checking::live(), 0);
    let estimates = estimates();
    assert!(estimates.iter().any(|at| at.values[0] > 1_000.0));
    for at in estimates {
        assert_eq!(at.values[2..], [0.0, 0.0], "{at:?}");
    }
    let profile = profile().expect("there were samples");
    for stack in profile.stacks() {
        assert_eq!(stack.values[2..], [0, 0], "{stack:?}");
    }
    let lost = stats().lost;
    assert_eq!((lost.samples, lost.stacks, lost.noted_blocks), (0, 0, 0));
}
