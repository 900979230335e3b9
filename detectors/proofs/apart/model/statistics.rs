//! Are the estimates right on average, for every size?
//!
//! # The rule
//!
//! Each figure is the mean error over 100 runs, in standard errors of that mean. Without bias it is about normally
//! distributed: of 21 figures one is expected beyond 2, and a rule that allows none would fail two times out of three. So:
//!
//! - at most 4 of 21 lie beyond 2: more have a chance of 0.4 %;
//! - none lies beyond 4: a chance of 0.3 %;
//! - their sum divided by the square root of 21 is within 3, a chance of 0.3 %: a small bias that all share shows there.
//!
//! A size of which less than one block is expected to be missed in all runs has no spread to speak of, so its mean error must
//! be below 0.1 %.
//!
//! The seeds are 0 to 99 and were not chosen; the run is the same every time. `DETECTORS_RUNS=1000` makes more of them, and
//! its figures are then sharper by the square root of ten.

use detectors::ProfilingAllocator;
use detectors::allocator::{estimates, reseed_sampling, set_sampling_interval};
use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;

static SUBJECT: ProfilingAllocator = ProfilingAllocator::system();

/// How many, unless the environment says.
const RUNS: u64 = 100;
/// What each size class allocates in a run.
const BYTES: usize = 1 << 20;
const RATES: [usize; 2] = [512 << 10, 64 << 10];

/// Blocks that are live at once, with their layouts.
type Blocks = Vec<(*mut u8, Layout)>;

/// A site of its own for each size.
#[inline(never)]
fn of_size<const SIZE: usize>(blocks: &mut Blocks) {
    for _ in 0..(BYTES / SIZE).max(1) {
        push(blocks, SIZE);
    }
}

/// One site for all of them, large ones among small ones.
#[inline(never)]
fn of_all_sizes(blocks: &mut Blocks) {
    for at in 0..BYTES / 16 {
        for (size, _) in CLASSES {
            if at % (size / 16) == 0 {
                push(blocks, size);
            }
        }
    }
}

/// A size, and the site that allocates it.
type Class = (usize, fn(&mut Blocks));

const CLASSES: [Class; 10] = [
    (1 << 4, of_size::<{ 1 << 4 }>),
    (1 << 6, of_size::<{ 1 << 6 }>),
    (1 << 8, of_size::<{ 1 << 8 }>),
    (1 << 10, of_size::<{ 1 << 10 }>),
    (1 << 12, of_size::<{ 1 << 12 }>),
    (1 << 14, of_size::<{ 1 << 14 }>),
    (1 << 16, of_size::<{ 1 << 16 }>),
    (1 << 18, of_size::<{ 1 << 18 }>),
    (1 << 20, of_size::<{ 1 << 20 }>),
    (1 << 22, of_size::<{ 1 << 22 }>),
];

#[expect(clippy::inline_always, reason = "the caller is to be the site")]
#[inline(always)]
fn push(blocks: &mut Blocks, size: usize) {
    let layout = Layout::from_size_align(size, 8).expect("it is small enough");
    // SAFETY: not zero bytes.
    let block = unsafe { SUBJECT.alloc(layout) };
    assert!(!block.is_null());
    blocks.push((black_box(block), layout));
}

/// Objects and bytes: what they were, and what sampling made of them.
#[derive(Debug, Default)]
struct Errors {
    objects: Vec<f64>,
    bytes: Vec<f64>,
}

impl Errors {
    /// One run of `allocate`.
    fn add(&mut self, blocks: &mut Blocks, allocate: fn(&mut Blocks)) {
        let before = sum();
        allocate(blocks);
        let all_live = sum();
        let estimate = |of: usize| all_live[of] - before[of];
        // Nothing was freed meanwhile.
        assert_eq!((estimate(0), estimate(1)), (estimate(2), estimate(3)));
        let (objects, bytes) = (
            blocks.len() as f64,
            blocks
                .iter()
                .map(|(_, layout)| layout.size())
                .sum::<usize>() as f64,
        );
        self.objects.push(estimate(0) / objects - 1.0);
        self.bytes.push(estimate(1) / bytes - 1.0);
        for (block, layout) in blocks.drain(..) {
            // SAFETY: allocated above with this layout.
            unsafe { SUBJECT.dealloc(block, layout) };
        }
        assert_eq!(sum()[2..], before[2..], "all of it is gone");
    }
}

fn sum() -> [f64; 4] {
    let mut sum = [0.0; 4];
    for estimate in estimates() {
        for (sum, value) in sum.iter_mut().zip(estimate.values) {
            *sum += value;
        }
    }
    sum
}

/// The mean, and in standard errors.
fn mean(errors: &[f64]) -> (f64, f64) {
    let count = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / count;
    let variance = errors.iter().map(|at| (at - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, mean / (variance / count).sqrt())
}

pub(crate) fn estimates_are_unbiased() {
    let runs = std::env::var("DETECTORS_RUNS").map_or(RUNS, |runs| {
        runs.parse().expect("DETECTORS_RUNS is a number of runs")
    });
    let mut blocks = Blocks::with_capacity(BYTES / 8);
    let mut figures = Vec::new();
    println!("rate      size       objects: mean error, in standard errors    bytes: the same");
    for rate in RATES {
        set_sampling_interval(Some(rate));
        let mut mixed = Errors::default();
        let mut by_class: [Errors; CLASSES.len()] = std::array::from_fn(|_| Errors::default());
        for run in 0..runs {
            reseed_sampling(run);
            for ((_, allocate), errors) in CLASSES.iter().zip(&mut by_class) {
                errors.add(&mut blocks, *allocate);
            }
            mixed.add(&mut blocks, of_all_sizes);
        }
        let named = CLASSES.iter().map(|(size, _)| size.to_string());
        for (name, errors) in named.zip(&by_class).chain([("mixed".to_owned(), &mixed)]) {
            let (objects, bytes) = (mean(&errors.objects), mean(&errors.bytes));
            println!(
                "{rate:<9} {name:<10} {:>+8.2} %  {:>+6.2}                        {:>+8.2} %  {:>+6.2}",
                objects.0 * 100.0,
                objects.1,
                bytes.0 * 100.0,
                bytes.1
            );
            let size = name.parse::<usize>().ok();
            let misses = size.map(|size| {
                let blocks = runs as f64 * (BYTES / size).max(1) as f64;
                blocks * (-(size as f64) / rate as f64).exp()
            });
            if misses.is_some_and(|misses| misses < 1.0) {
                assert!(objects.0.abs() < 1e-3 && bytes.0.abs() < 1e-3, "{name}");
                continue;
            }
            figures.push(objects.1);
            // Where all blocks are of one size, bytes are objects by another factor, and no figure of their own.
            if name == "mixed" {
                figures.push(bytes.1);
            }
        }
    }
    assert_eq!(figures.len(), 21);
    let beyond = |limit: f64| figures.iter().filter(|at| at.abs() > limit).count();
    let together = figures.iter().sum::<f64>() / (figures.len() as f64).sqrt();
    println!(
        "{} of {} figures lie within 2 standard errors; together {together:+.2}",
        figures.len() - beyond(2.0),
        figures.len()
    );
    assert!(beyond(2.0) <= 4, "{figures:?}");
    assert_eq!(beyond(4.0), 0, "{figures:?}");
    assert!(together.abs() <= 3.0, "{figures:?}");
}
