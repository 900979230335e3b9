//! What each thread has allocated and freed: counters that only their own thread writes, and anyone may read.
//!
//! ```text
//! UNREGISTERED --first allocation or free--> a slot of its own --thread's end--> GONE
//!   (one dummy for all: always due)          (given back, counts stay)            (one dummy for all: always due)
//! ```
//!
//! A slot's memory is never freed: its counts are part of the sum whether or not a thread still writes them, a forked
//! child finds those of its parent's other threads, and a new thread goes on where an ended one stopped.

mod chunks;
mod counts;
mod fast;
mod under;

pub(super) use chunks::mark_every_block;
pub(super) use counts::{Counts, peak, peak_since_last_asked, sum};
pub(super) use fast::{Step, count_alloc, count_free};
pub(super) use under::{Under, each_under, enter_labels, labels};

use super::sampling::{self, PAGE_BYTES};
use super::{scope, this_thread};
use chunks::Chunk;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence,
};

/// After this many bytes a thread tells the process' totals of its own. The peak is known to within this much for each
/// thread; every block that is larger is seen at once.
pub(super) const QUANTUM_BYTES: i64 = 32 << 10;

/// A thread's counters. The first five fields are what each allocation and each free touches: one cache line.
#[repr(C, align(128))]
pub(super) struct Slot {
    /// Bytes that may still be allocated until something is due.
    alloc_left: AtomicI64,
    alloc_blocks: AtomicU64,
    /// Bytes that may still be freed until something is due.
    free_left: AtomicI64,
    free_blocks: AtomicU64,
    /// A block whose address has none of these bits is marked. The only field that other threads write.
    unmarked_bits: AtomicUsize,

    /// Odd while the fields below are being moved on.
    version: AtomicU32,
    /// The thread is at work for the instrument itself: nothing it does is recorded.
    inside: AtomicBool,
    /// What `alloc_left` began with.
    alloc_armed: AtomicI64,
    /// Bytes allocated before it was last armed.
    alloc_before: AtomicU64,
    free_armed: AtomicI64,
    free_before: AtomicU64,
    /// What this thread last told the process that it holds.
    told: AtomicI64,
    /// Bytes until the next sample is due, and the interval by which that was drawn.
    until_sample: AtomicI64,
    interval: AtomicUsize,
    random: AtomicU64,
    /// The scope that the thread is in, as [`scope::Tag`] packs it.
    scope: AtomicU64,
    /// The set of labels that the thread is under, and what it had allocated when it came there.
    labels: AtomicU8,
    bytes_before_labels: AtomicU64,
    blocks_before_labels: AtomicU64,
    stack_low: AtomicUsize,
    stack_high: AtomicUsize,
}

impl Slot {
    const fn new(left: i64) -> Self {
        Slot {
            alloc_left: AtomicI64::new(left),
            alloc_blocks: AtomicU64::new(0),
            free_left: AtomicI64::new(left),
            free_blocks: AtomicU64::new(0),
            unmarked_bits: AtomicUsize::new(PAGE_BYTES - 1),
            version: AtomicU32::new(0),
            inside: AtomicBool::new(false),
            alloc_armed: AtomicI64::new(0),
            alloc_before: AtomicU64::new(0),
            free_armed: AtomicI64::new(0),
            free_before: AtomicU64::new(0),
            told: AtomicI64::new(0),
            until_sample: AtomicI64::new(0),
            interval: AtomicUsize::new(0),
            random: AtomicU64::new(0),
            scope: AtomicU64::new(0),
            labels: AtomicU8::new(0),
            bytes_before_labels: AtomicU64::new(0),
            blocks_before_labels: AtomicU64::new(0),
            stack_low: AtomicUsize::new(0),
            stack_high: AtomicUsize::new(0),
        }
    }
}

/// What threads point at that have no slot yet.
pub(super) static UNREGISTERED: Slot = Slot::new(-1);
/// What threads point at that have given theirs back.
static GONE: Slot = Slot::new(-1);
/// The same, for those that are [`inside`] meanwhile.
static GONE_INSIDE: Slot = Slot::new(-1);

/// What threads without a slot count into, each step for all to see.
static SHARED: Counts<AtomicU64> = Counts {
    alloc_blocks: AtomicU64::new(0),
    alloc_bytes: AtomicU64::new(0),
    free_blocks: AtomicU64::new(0),
    free_bytes: AtomicU64::new(0),
};

/// What the threads told last, together; the highest that it ever was; and the highest since [`peak_since_last_asked`], which is
/// never above the other.
static TOLD: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);
static RECENT_PEAK: AtomicI64 = AtomicI64::new(0);

thread_local! {
    /// Gives the slot back when the thread ends.
    static GUARD: Guard = const { Guard };
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        let slot = this_thread::get();
        this_thread::set(&GONE);
        tell(slot);
        under::leave(slot);
        Chunk::give_back(slot);
        // The C library keeps the stack for the next thread, with all that is written there.
        #[cfg(finds_stuck_tasks)]
        if super::notes_every_block() {
            super::stacks::wipe_below();
        }
    }
}

/// Only the thread that owns the counter adds to it, so nobody's step is lost.
#[inline]
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

/// Goes on with an allocation that [`count_alloc`] found due; the interval by which it is sampled, or `None` when it isn't.
/// [`allocated`] or [`refused`] ends it: what is refused was never live, so it isn't counted before.
///
/// `freed` is the address of the block that is reallocated, if one is.
pub(super) fn alloc_due(size: usize, freed: Option<usize>) -> Option<usize> {
    let Some(slot) = own(freed) else {
        this_thread::get().alloc_left.store(-1, Relaxed);
        return None;
    };
    let size = size.cast_signed() as i64;
    let left = slot.alloc_left.load(Relaxed);
    // Not below zero: the slot was taken only now, and a dummy was counted down in its place.
    let left = if left < 0 { left + size } else { left };
    let used = slot.alloc_armed.load(Relaxed) - left;
    let until = slot.until_sample.load(Relaxed) - used;
    let until = until.saturating_sub(size);
    let (interval, wanted) = (slot.interval.load(Relaxed), sampling::interval());
    let is_due = interval != 0 && until < 0 && !slot.inside.load(Relaxed);
    if until < 0 || interval != wanted {
        draw(slot, wanted);
    } else {
        slot.until_sample.store(until, Relaxed);
    }
    move_on(slot, || {
        add(&slot.alloc_before, used.cast_unsigned());
        let armed = slot.until_sample.load(Relaxed).min(QUANTUM_BYTES);
        slot.alloc_armed.store(armed, Relaxed);
        slot.alloc_left.store(armed, Relaxed);
    });
    is_due.then_some(interval)
}

/// Counts an allocation that was due.
pub(super) fn allocated(size: usize) {
    let slot = this_thread::get();
    if is_dummy(slot) {
        SHARED.alloc_blocks.fetch_add(1, Relaxed);
        SHARED.alloc_bytes.fetch_add(size as u64, Relaxed);
        tell_shared(size.cast_signed() as i64);
        return;
    }
    add(&slot.alloc_blocks, 1);
    move_on(slot, || add(&slot.alloc_before, size as u64));
    tell(slot);
}

/// Ends an allocation that the inner allocator refused: takes it back, unless it was due and so isn't counted.
pub(super) fn refused(step: Step, size: usize) {
    let slot = this_thread::get();
    // To a dummy everything is due.
    if is_dummy(slot) {
        return;
    }
    if step != Step::Due {
        add(&slot.alloc_blocks, u64::MAX);
        move_on(slot, || {
            add(&slot.alloc_before, (size as u64).wrapping_neg());
        });
    }
    tell(slot);
}

/// Draws how far away the next sample is.
fn draw(slot: &Slot, interval: usize) {
    // xorshift64*: a few instructions, and good enough for distances (Vigna, 2016).
    let mut x = slot.random.load(Relaxed);
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    slot.random.store(x, Relaxed);
    let distance = sampling::distance(interval, x.wrapping_mul(0x2545_f491_4f6c_dd1d));
    slot.interval.store(interval, Relaxed);
    slot.until_sample.store(distance, Relaxed);
}

/// Begins this thread's chances anew from a seed, so that a test can repeat them.
pub(super) fn reseed(seed: u64) {
    if let Some(slot) = own(None) {
        slot.random.store(sampling::mixed(seed), Relaxed);
        draw_anew(slot);
    }
}

/// Lets this thread follow the sampling interval at once, and not only when its next quantum is due.
pub(super) fn follow_interval() {
    if let Some(slot) = own(None) {
        draw_anew(slot);
    }
}

/// Draws how far away the next sample is from here on. A Poisson process has no memory: what was drawn before may be dropped.
fn draw_anew(slot: &Slot) {
    draw(slot, sampling::interval());
    move_on(slot, || {
        let used = slot.alloc_armed.load(Relaxed) - slot.alloc_left.load(Relaxed);
        add(&slot.alloc_before, used.cast_unsigned());
        let armed = slot.until_sample.load(Relaxed).min(QUANTUM_BYTES);
        slot.alloc_armed.store(armed, Relaxed);
        slot.alloc_left.store(armed, Relaxed);
    });
}

/// Finishes a free that [`count_free`] found due.
pub(super) fn free_due(address: usize, size: usize) {
    let Some(slot) = own(Some(address)) else {
        this_thread::get().free_left.store(-1, Relaxed);
        SHARED.free_blocks.fetch_add(1, Relaxed);
        SHARED.free_bytes.fetch_add(size as u64, Relaxed);
        tell_shared(-(size.cast_signed() as i64));
        return;
    };
    // As in [`alloc_due`].
    if slot.free_left.load(Relaxed) >= 0 {
        slot.free_left.store(-(size.cast_signed() as i64), Relaxed);
    }
    add(&slot.free_blocks, 1);
    let used = slot.free_armed.load(Relaxed) - slot.free_left.load(Relaxed);
    move_on(slot, || {
        add(&slot.free_before, used.cast_unsigned());
        slot.free_armed.store(QUANTUM_BYTES, Relaxed);
        slot.free_left.store(QUANTUM_BYTES, Relaxed);
    });
    tell(slot);
}

/// Takes a free back: what was to be reallocated stays.
pub(super) fn uncount_free(size: usize) {
    let slot = this_thread::get();
    if is_dummy(slot) {
        SHARED.free_blocks.fetch_sub(1, Relaxed);
        SHARED.free_bytes.fetch_sub(size as u64, Relaxed);
        tell_shared(size.cast_signed() as i64);
        return;
    }
    add(&slot.free_blocks, u64::MAX);
    move_on(slot, || {
        add(&slot.free_before, (size as u64).wrapping_neg());
    });
    tell(slot);
}

/// Changes several fields of the own slot so that a reader sees all of the change or none.
fn move_on(slot: &Slot, change: impl FnOnce()) {
    let version = slot.version.load(Relaxed);
    slot.version.store(version.wrapping_add(1), Relaxed);
    fence(Release);
    change();
    slot.version.store(version.wrapping_add(2), Release);
}

/// Tells the process what this thread holds, for the peak.
fn tell(slot: &Slot) {
    let holds = slot.counts().live_bytes();
    let more = holds - slot.told.load(Relaxed);
    slot.told.store(holds, Relaxed);
    tell_shared(more);
}

fn tell_shared(more: i64) {
    let together = TOLD.fetch_add(more, Relaxed) + more;
    // One comparison for both marks.
    if together > RECENT_PEAK.load(Relaxed) {
        rose_to(together);
    }
}

#[cold]
#[inline(never)]
fn rose_to(peak: i64) {
    PEAK.fetch_max(peak, Relaxed);
    RECENT_PEAK.fetch_max(peak, Relaxed);
}

fn is_dummy(slot: &'static Slot) -> bool {
    std::ptr::eq(slot, &raw const UNREGISTERED) || is_gone(slot)
}

fn is_gone(slot: &'static Slot) -> bool {
    std::ptr::eq(slot, &raw const GONE) || std::ptr::eq(slot, &raw const GONE_INSIDE)
}

/// This thread's slot; `None` for a thread that has given its own back, or can't have one.
///
/// `freed` is the address of the block that the thread is about to free, if that is what it does.
fn own(freed: Option<usize>) -> Option<&'static Slot> {
    let slot = this_thread::get();
    if !is_dummy(slot) {
        return Some(slot);
    }
    if is_gone(slot) {
        return None;
    }
    UNREGISTERED.alloc_left.store(-1, Relaxed);
    UNREGISTERED.free_left.store(-1, Relaxed);
    // Refused once the thread's own variables are being destroyed: nobody would give the slot back.
    let taken = GUARD.try_with(|_| ()).ok().and_then(|()| Chunk::take());
    let Some(slot) = taken else {
        this_thread::set(&GONE);
        return None;
    };
    slot.inside.store(false, Relaxed);
    slot.stack_high.store(0, Relaxed);
    slot.scope
        .store(freed.map_or(0, scope::of_spawner), Relaxed);
    if slot.random.load(Relaxed) == 0 {
        slot.random.store(sampling::fresh_seed(), Relaxed);
    }
    draw(slot, sampling::interval());
    move_on(slot, || {
        // Its last thread's counts stay; this one's begin with nothing left, so that its first step is due.
        let close = |before: &AtomicU64, armed: &AtomicI64, left: &AtomicI64| {
            let used = armed.load(Relaxed) - left.load(Relaxed);
            add(before, used.cast_unsigned());
            armed.store(0, Relaxed);
            left.store(0, Relaxed);
        };
        close(&slot.alloc_before, &slot.alloc_armed, &slot.alloc_left);
        close(&slot.free_before, &slot.free_armed, &slot.free_left);
    });
    this_thread::set(slot);
    Some(slot)
}

/// The scope that this thread is in, as a packed tag; 0 for none.
pub(super) fn scope() -> u64 {
    this_thread::get().scope.load(Relaxed)
}

/// Puts this thread into another scope, and gives the one that it was in. `None` when the thread can't have a slot.
pub(super) fn enter_scope(tag: u64) -> Option<u64> {
    let slot = own(None)?;
    let before = slot.scope.load(Relaxed);
    slot.scope.store(tag, Relaxed);
    Some(before)
}

/// Does the instrument's own work: `None` when this thread is at it already.
pub(super) fn inside<T>(work: impl FnOnce() -> T) -> Option<T> {
    let _inside = InsideInstrument::enter()?;
    Some(work())
}

/// This thread does the instrument's own work, or what is to be treated like it, until this is dropped.
pub(super) struct InsideInstrument(());

impl InsideInstrument {
    /// `None` when it is at it already.
    pub(super) fn enter() -> Option<Self> {
        let mut slot = this_thread::get();
        if is_dummy(slot) {
            match own(None) {
                Some(own) => slot = own,
                // The dummies are everyone's, so which of the two it points at is this thread's flag.
                None if std::ptr::eq(this_thread::get(), &raw const GONE_INSIDE) => return None,
                None => {
                    this_thread::set(&GONE_INSIDE);
                    return Some(InsideInstrument(()));
                }
            }
        }
        if slot.inside.load(Relaxed) {
            return None;
        }
        slot.inside.store(true, Relaxed);
        Some(InsideInstrument(()))
    }
}

impl Drop for InsideInstrument {
    fn drop(&mut self) {
        let slot = this_thread::get();
        if is_gone(slot) {
            this_thread::set(&GONE);
        } else {
            slot.inside.store(false, Relaxed);
        }
    }
}

/// The bounds of this thread's stack, lowest address first, asked of the system once for each thread.
#[cfg(walks_frame_pointers)]
pub(super) fn stack_bounds(ask: impl FnOnce() -> Option<(usize, usize)>) -> Option<(usize, usize)> {
    let slot = this_thread::get();
    if is_dummy(slot) {
        return None;
    }
    if slot.stack_high.load(Relaxed) == 0 {
        let (low, high) = ask()?;
        slot.stack_low.store(low, Relaxed);
        slot.stack_high.store(high, Relaxed);
    }
    Some((slot.stack_low.load(Relaxed), slot.stack_high.load(Relaxed)))
}
