//! Which allocations are sampled, what each stands for, and the table of sampled blocks that are live.
//!
//! Samples fall on the stream of allocated bytes as a Poisson process: the distance to the next one is drawn from an
//! exponential distribution whose mean is the interval. A block of `size` bytes is hit with the probability
//! `1 - exp(-size / interval)`, so each hit stands for the inverse of that many blocks *of its own size*. A profile that
//! scales by a stack's average size instead is wrong where one stack allocates many sizes.
//!
//! A free must know its block. A small sampled block gets a page of its own, and only frees of addresses that begin a page
//! look into the table. A large block needs no mark: frees of its size take the slow path anyway, and its place is its
//! allocator's choice, so that growing it can stay a matter of page tables.

use super::slot::{self, QUANTUM_BYTES};
use std::alloc::Layout;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};

/// Go's default: a sample for each half mebibyte.
pub(super) const DEFAULT_INTERVAL: usize = 512 << 10;

/// Where small sampled blocks begin.
pub(super) const PAGE_BYTES: usize = 4_096;

/// One object, in the units in which estimates are kept.
pub(super) const OBJECT: u64 = 1 << 16;

/// 0 while nothing is sampled.
static INTERVAL: AtomicUsize = AtomicUsize::new(DEFAULT_INTERVAL);

pub(super) fn interval() -> usize {
    INTERVAL.load(Relaxed)
}

pub(super) fn set_interval(interval: usize) {
    INTERVAL.store(interval, Relaxed);
    slot::follow_interval();
}

/// Whether a block of that size is given a page when it is sampled.
pub(super) fn is_small(size: usize) -> bool {
    size.cast_signed() as i64 <= QUANTUM_BYTES
}

/// Bytes until the next sample, from a random number; out of reach when nothing is sampled.
pub(super) fn distance(interval: usize, random: u64) -> i64 {
    if interval == 0 {
        return i64::MAX;
    }
    // 53 bits, the precision of an f64: from 0 (never 1, whose logarithm below would have no bound) up.
    let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let distance = (-(1.0 - uniform).ln() * interval as f64) as i64;
    distance
}

/// What one sample of a block of that size stands for: objects in units of [`OBJECT`], and bytes.
pub(super) fn weight(size: usize, interval: usize) -> (u64, u64) {
    let hit = -(-(size.max(1) as f64) / interval.max(1) as f64).exp_m1();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturates"
    )]
    let rounded = |value: f64| value.round() as u64;
    (rounded(OBJECT as f64 / hit), rounded(size as f64 / hit))
}

/// A seed that differs from thread to thread and from run to run.
pub(super) fn fresh_seed() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(0);
    let number = THREADS.fetch_add(1, Relaxed);
    // Where the system has put the program and this stack differs from run to run.
    let here =
        (&raw const number).addr() as u64 ^ ((&raw const THREADS).addr() as u64).rotate_left(32);
    mixed(here.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// The seed with all its bits spread, and never 0 (splitmix64's finish).
pub(super) fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)).max(1)
}

/// A sampled block that is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// The site's number.
    pub(super) site: u32,
    /// The interval by which it was sampled: with the block's size it gives back the weight.
    interval: u32,
}

impl Sample {
    pub(super) fn new(site: usize, interval: usize) -> Self {
        Sample {
            site: u32::try_from(site).unwrap_or(0),
            interval: u32::try_from(interval).unwrap_or(u32::MAX),
        }
    }

    /// The interval by which it was sampled, in bytes.
    #[cfg(all(feature = "debug", target_os = "linux"))]
    pub(super) fn interval(self) -> usize {
        self.interval as usize
    }

    /// What this sample of a block of that size stands for.
    pub(super) fn weight(self, size: usize) -> (u64, u64) {
        weight(size, self.interval as usize)
    }

    fn packed(self) -> u64 {
        u64::from(self.interval) << 32 | u64::from(self.site)
    }

    fn unpacked(packed: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let half = |bits: u64| bits as u32;
        Sample {
            site: half(packed),
            interval: half(packed >> 32),
        }
    }
}

const EMPTY: usize = 0;
/// An entry that was taken: a search goes on past it, and an insertion may use it.
const TAKEN: usize = 1;
/// An entry whose block is being moved: it is kept for the case that the block stays.
const LIFTED: usize = 2;

/// How far from its first place an entry may lie. It bounds the cost of a free that finds nothing.
const STEPS_MAX: usize = 32;

/// A mebibyte of the heap has its 256 pages' entries together in one page of the table, so that a small heap touches little of
/// it: 30 MB with one page each for most samples were 5 % more resident.
const NEIGHBOURS_BITS: u32 = 8;

struct Entry {
    address: AtomicUsize,
    sample: AtomicU64,
}

/// Live sampled blocks by address. `N` is a power of two.
pub(super) struct Samples<const N: usize> {
    entries: [Entry; N],
    /// How many samples lie in pages of this hash, so that a free of a block that begins a page by chance costs next to
    /// nothing. 255 stands for *perhaps many*, and stays.
    pages: [AtomicU8; PAGES],
    /// Samples that found no room: their blocks count as allocated, and not as live.
    lost: AtomicU64,
}

const PAGES: usize = 1 << 16;

/// 1 MiB when full, of which the kernel backs what was touched; at the default interval room for 20 GB of live heap.
pub(super) static SAMPLES: Samples<{ 1 << 16 }> = Samples::new();

impl<const N: usize> Samples<N> {
    pub(super) const fn new() -> Self {
        assert!(N.is_power_of_two() && N > STEPS_MAX);
        Samples {
            entries: [const {
                Entry {
                    address: AtomicUsize::new(EMPTY),
                    sample: AtomicU64::new(0),
                }
            }; N],
            pages: [const { AtomicU8::new(0) }; PAGES],
            lost: AtomicU64::new(0),
        }
    }

    /// Whether [`take`](Samples::take) may find something; always, once every block is noted.
    #[inline]
    pub(super) fn may_hold(&self, address: usize) -> bool {
        self.pages[address / PAGE_BYTES % PAGES].load(Relaxed) != 0
    }

    /// From here on every block is looked for.
    pub(super) fn hold_all(&self) {
        for page in &self.pages {
            page.store(u8::MAX, Relaxed);
        }
    }

    fn count_page(&self, address: usize, step: impl Fn(u8) -> u8) {
        let page = &self.pages[address / PAGE_BYTES % PAGES];
        // Refused for 255 alone, which stays.
        let _ = page.fetch_update(Relaxed, Relaxed, |count| {
            (count != u8::MAX).then(|| step(count))
        });
    }

    fn places(address: usize) -> impl Iterator<Item = usize> {
        let page = address / PAGE_BYTES;
        let group = (page >> NEIGHBOURS_BITS).wrapping_mul(super::SPREAD);
        let group = group.rotate_left(24) << NEIGHBOURS_BITS;
        let first = group | (page % (1 << NEIGHBOURS_BITS));
        (0..STEPS_MAX).map(move |step| first.wrapping_add(step) % N)
    }

    /// Keeps a block's sample until it is taken; `false` when there is no room near its place.
    ///
    /// A live block has its address for itself: nobody else inserts or takes it at the same time.
    pub(super) fn insert(&self, address: usize, sample: Sample) -> bool {
        for place in Self::places(address) {
            let entry = &self.entries[place];
            let now = entry.address.load(Relaxed);
            if (now == EMPTY || now == TAKEN)
                && entry
                    .address
                    .compare_exchange(now, address, Relaxed, Relaxed)
                    .is_ok()
            {
                // Whoever frees the block learnt its address from this thread, by whatever ordered the two.
                entry.sample.store(sample.packed(), Release);
                self.count_page(address, |count| count + 1);
                return true;
            }
        }
        self.lost.fetch_add(1, Relaxed);
        false
    }

    /// Takes the sample of a block that is about to go; `None` when it has none.
    pub(super) fn take(&self, address: usize) -> Option<Sample> {
        let entry = self.entry(address)?;
        let sample = Sample::unpacked(entry.sample.load(Acquire));
        self.leave(entry, address);
        Some(sample)
    }

    /// The sample of a block that may move; `None` when it has none. Nobody finds it until it is decided whether the block does,
    /// since another one may have its address before that; and its place is nobody else's, so that it can always be put back.
    pub(super) fn lift(&self, address: usize) -> Option<Lifted<'_, N>> {
        let entry = self.entry(address)?;
        let sample = Sample::unpacked(entry.sample.load(Acquire));
        entry.address.store(LIFTED, Relaxed);
        Some(Lifted {
            samples: self,
            entry,
            address,
            sample,
        })
    }

    fn entry(&self, address: usize) -> Option<&Entry> {
        for place in Self::places(address) {
            let entry = &self.entries[place];
            let now = entry.address.load(Relaxed);
            if now == address {
                return Some(entry);
            }
            if now == EMPTY {
                return None;
            }
        }
        None
    }

    fn leave(&self, entry: &Entry, address: usize) {
        entry.address.store(TAKEN, Release);
        self.count_page(address, |count| count - 1);
    }

    /// Each block that is in the table now, with its sample.
    #[cfg(all(feature = "debug", target_os = "linux"))]
    pub(super) fn each(&self, mut visit: impl FnMut(usize, Sample)) {
        for entry in &self.entries {
            let address = entry.address.load(Acquire);
            let sample = Sample::unpacked(entry.sample.load(Acquire));
            // Whoever is at work on it meanwhile is not done before or after both.
            let is_known = address > LIFTED && entry.address.load(Acquire) == address;
            if is_known {
                visit(address, sample);
            }
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

/// A sample that was [lifted](Samples::lift): one of the two that end it follows.
#[must_use]
pub(super) struct Lifted<'s, const N: usize> {
    samples: &'s Samples<N>,
    entry: &'s Entry,
    address: usize,
    sample: Sample,
}

impl<const N: usize> Lifted<'_, N> {
    /// The block stayed where it was.
    pub(super) fn put_back(self) {
        self.entry.address.store(self.address, Relaxed);
    }

    /// The block has gone.
    pub(super) fn take(self) -> Sample {
        self.samples.leave(self.entry, self.address);
        self.sample
    }
}

/// The layout that a small sampled block has with the inner allocator; `None` when there is none, for a size near the
/// address space's end.
pub(super) fn page_layout(layout: Layout) -> Option<Layout> {
    Layout::from_size_align(layout.size(), layout.align().max(PAGE_BYTES)).ok()
}

/// Begins the calling thread's chances anew, so that a test can repeat them.
pub(super) fn reseed(seed: u64) {
    slot::reseed(seed);
}

#[cfg(test)]
mod tests {
    use super::{OBJECT, PAGE_BYTES, Sample, Samples, distance, mixed, weight};

    #[test]
    fn a_sample_stands_for_the_inverse_of_its_chance() {
        // A block as large as the interval is hit with 1 - 1/e.
        let (objects, bytes) = weight(4_096, 4_096);
        let expected = 1.0 / (1.0 - (-1.0_f64).exp());
        assert!((objects as f64 / OBJECT as f64 - expected).abs() < 1e-4);
        assert!((bytes as f64 / 4_096.0 - expected).abs() < 1e-3);
        // One that is never missed stands for itself.
        assert_eq!(weight(1 << 30, 1), (OBJECT, 1 << 30));
        assert_eq!(weight(1 << 30, 512 << 10), (OBJECT, 1 << 30));
    }

    #[test]
    fn distances_have_the_interval_as_their_mean() {
        // Miri takes a millisecond for each.
        let draws = if cfg!(miri) { 1_000_u64 } else { 100_000 };
        let sum: i64 = (0..draws).map(|at| distance(1_000, mixed(at))).sum();
        let mean = sum as f64 / draws as f64;
        // An exponential distance spreads as far as its mean.
        let standard_error = 1_000.0 / (draws as f64).sqrt();
        assert!((mean - 1_000.0).abs() < 4.0 * standard_error, "{mean}");
        assert_eq!(distance(0, 7), i64::MAX);
        assert!(distance(512 << 10, u64::MAX) > 0);
    }

    #[test]
    fn a_full_neighbourhood_refuses_and_a_taken_entry_is_used_again() {
        static SAMPLES: Samples<64> = Samples::new();
        let sample = Sample::new(7, 512);
        let mut kept = Vec::new();
        for page in 1..=200_usize {
            if SAMPLES.insert(page * PAGE_BYTES, sample) {
                kept.push(page * PAGE_BYTES);
            }
        }
        assert_eq!(SAMPLES.lost() + kept.len() as u64, 200);
        assert!(kept.len() > 32, "{}", kept.len());
        for address in &kept {
            assert_eq!(SAMPLES.take(*address), Some(sample));
            assert_eq!(SAMPLES.take(*address), None);
        }
        assert!(SAMPLES.insert(kept[0], sample));
        assert_eq!(SAMPLES.take(kept[0]), Some(sample));
    }

    #[test]
    fn a_lifted_entry_is_kept_and_not_found() {
        static SAMPLES: Samples<64> = Samples::new();
        let (first, other) = (Sample::new(7, 512), Sample::new(8, 512));
        for end in [true, false] {
            assert!(SAMPLES.insert(PAGE_BYTES, first));
            let lifted = SAMPLES.lift(PAGE_BYTES).expect("it was inserted");
            assert!(SAMPLES.lift(PAGE_BYTES).is_none());
            // Another block may be given the address before the move is over.
            assert!(SAMPLES.insert(PAGE_BYTES, other));
            assert_eq!(SAMPLES.take(PAGE_BYTES), Some(other));
            let filling = (2..200).map(|page| page * PAGE_BYTES);
            let kept: Vec<usize> = filling
                .filter(|page| SAMPLES.insert(*page, other))
                .collect();
            assert!(kept.len() < 64, "the table is full");
            if end {
                assert_eq!(lifted.take(), first);
                assert_eq!(SAMPLES.take(PAGE_BYTES), None);
            } else {
                lifted.put_back();
                assert_eq!(SAMPLES.take(PAGE_BYTES), Some(first));
            }
            for page in kept {
                assert_eq!(SAMPLES.take(page), Some(other));
            }
        }
    }
}
