//! What each thread has allocated and freed: counters that only their own thread writes, and anyone may read.
//!
//! ```text
//! UNREGISTERED --first allocation or free--> a slot of its own --thread's end--> GONE
//!   (one dummy for all: always due)          (given back, counts stay)            (one dummy for all: always due)
//! ```
//!
//! A slot's memory is never freed: its counts are part of the sum whether or not a thread still writes them, a forked
//! child finds those of its parent's other threads, and a new thread goes on where an ended one stopped.

use super::sampling::{self, PAGE_BYTES};
use super::{exact, scope, this_thread};
use std::ptr::null_mut;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence,
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
    /// Bytes until the next sample is due, and the rate by which that was drawn.
    until_sample: AtomicI64,
    rate: AtomicUsize,
    random: AtomicU64,
    /// The scope that the thread is in, as [`scope::Tag`] packs it.
    scope: AtomicU64,
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
            rate: AtomicUsize::new(0),
            random: AtomicU64::new(0),
            scope: AtomicU64::new(0),
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

/// What the threads told last, together; and the highest that it was.
static TOLD: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

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
        Chunk::give_back(slot);
    }
}

/// What the fast path found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is counted, and nothing else is to be done.
    Counted,
    /// The bytes are counted down, the block isn't: [`alloc_due`] or [`free_due`] goes on.
    Due,
    /// It is counted, and the block is marked: see [`super::exact`].
    Marked,
}

/// Counts an allocation. *Marked* means that every block is to be noted.
#[inline(always)]
pub(super) fn count_alloc(size: usize) -> Step {
    let slot = this_thread::get();
    #[cfg(fast_path_in_assembly)]
    return assembly::count_alloc(slot, size);
    #[cfg(not(fast_path_in_assembly))]
    portable::count_alloc(slot, size)
}

/// Counts a free of the block at `address`.
#[inline(always)]
pub(super) fn count_free(address: usize, size: usize) -> Step {
    let slot = this_thread::get();
    #[cfg(fast_path_in_assembly)]
    return assembly::count_free(slot, address, size);
    #[cfg(not(fast_path_in_assembly))]
    portable::count_free(slot, address, size)
}

/// The fast path in Rust, for every target.
#[cfg(any(test, not(fast_path_in_assembly)))]
mod portable {
    use super::{Slot, Step, add};
    use std::sync::atomic::AtomicI64;
    use std::sync::atomic::Ordering::Relaxed;

    #[inline(always)]
    pub(super) fn count_alloc(slot: &Slot, size: usize) -> Step {
        if is_used_up(&slot.alloc_left, size) {
            return Step::Due;
        }
        add(&slot.alloc_blocks, 1);
        if slot.unmarked_bits.load(Relaxed) == 0 {
            return Step::Marked;
        }
        Step::Counted
    }

    #[inline(always)]
    pub(super) fn count_free(slot: &Slot, address: usize, size: usize) -> Step {
        if is_used_up(&slot.free_left, size) {
            return Step::Due;
        }
        add(&slot.free_blocks, 1);
        if slot.unmarked_bits.load(Relaxed) & address == 0 {
            return Step::Marked;
        }
        Step::Counted
    }

    #[inline(always)]
    fn is_used_up(left: &AtomicI64, size: usize) -> bool {
        let now = left.load(Relaxed).wrapping_sub(size.cast_signed() as i64);
        left.store(now, Relaxed);
        now < 0
    }
}

/// The same in the fewest instructions: the compiler doesn't join an atomic load, a subtraction and an atomic store into the
/// one instruction that does all three and sets the flag. It is a third of what counting costs.
#[cfg(fast_path_in_assembly)]
mod assembly {
    use super::{Slot, Step};
    use std::arch::asm;
    use std::mem::offset_of;

    #[inline(always)]
    pub(super) fn count_alloc(slot: &Slot, size: usize) -> Step {
        // SAFETY: reads and writes three fields of a slot, each aligned and in one instruction, as relaxed atomics do.
        unsafe {
            asm!(
                "sub qword ptr [{slot} + {left}], {size}",
                "js {due}",
                "inc qword ptr [{slot} + {blocks}]",
                "cmp qword ptr [{slot} + {bits}], 0",
                "je {marked}",
                slot = in(reg) slot,
                size = in(reg) size,
                left = const offset_of!(Slot, alloc_left),
                blocks = const offset_of!(Slot, alloc_blocks),
                bits = const offset_of!(Slot, unmarked_bits),
                due = label { return Step::Due },
                marked = label { return Step::Marked },
                options(nostack)
            );
        }
        Step::Counted
    }

    #[inline(always)]
    pub(super) fn count_free(slot: &Slot, address: usize, size: usize) -> Step {
        // SAFETY: as above.
        unsafe {
            asm!(
                "sub qword ptr [{slot} + {left}], {size}",
                "js {due}",
                "inc qword ptr [{slot} + {blocks}]",
                "test qword ptr [{slot} + {bits}], {address}",
                "je {marked}",
                slot = in(reg) slot,
                size = in(reg) size,
                address = in(reg) address,
                left = const offset_of!(Slot, free_left),
                blocks = const offset_of!(Slot, free_blocks),
                bits = const offset_of!(Slot, unmarked_bits),
                due = label { return Step::Due },
                marked = label { return Step::Marked },
                options(nostack)
            );
        }
        Step::Counted
    }
}

/// Only the thread that owns the counter adds to it, so nobody's step is lost.
#[inline]
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

/// Finishes an allocation that [`count_alloc`] found due; the rate by which it is sampled, or `None` when it isn't.
pub(super) fn alloc_due(size: usize) -> Option<usize> {
    let Some((slot, is_fresh)) = own(None) else {
        this_thread::get().alloc_left.store(-1, Relaxed);
        SHARED.alloc_blocks.fetch_add(1, Relaxed);
        SHARED.alloc_bytes.fetch_add(size as u64, Relaxed);
        tell_shared(size.cast_signed() as i64);
        return None;
    };
    if is_fresh {
        slot.alloc_left.store(-(size.cast_signed() as i64), Relaxed);
    }
    add(&slot.alloc_blocks, 1);
    let used = slot.alloc_armed.load(Relaxed) - slot.alloc_left.load(Relaxed);
    let until = slot.until_sample.load(Relaxed).saturating_sub(used);
    let (rate, wanted) = (slot.rate.load(Relaxed), sampling::rate());
    let is_due = rate != 0 && until < 0 && !slot.inside.load(Relaxed);
    if until < 0 || rate != wanted {
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
    tell(slot);
    is_due.then_some(rate)
}

/// Draws how far away the next sample is.
fn draw(slot: &Slot, rate: usize) {
    // xorshift64*: a few instructions, and good enough for distances (Vigna, 2016).
    let mut x = slot.random.load(Relaxed);
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    slot.random.store(x, Relaxed);
    let distance = sampling::distance(rate, x.wrapping_mul(0x2545_f491_4f6c_dd1d));
    slot.rate.store(rate, Relaxed);
    slot.until_sample.store(distance, Relaxed);
}

/// Begins this thread's chances anew from a seed, so that a test can repeat them.
pub(super) fn reseed(seed: u64) {
    if let Some((slot, _)) = own(None) {
        slot.random.store(sampling::mixed(seed), Relaxed);
        draw(slot, sampling::rate());
        move_on(slot, || {
            let used = slot.alloc_armed.load(Relaxed) - slot.alloc_left.load(Relaxed);
            add(&slot.alloc_before, used.cast_unsigned());
            let armed = slot.until_sample.load(Relaxed).min(QUANTUM_BYTES);
            slot.alloc_armed.store(armed, Relaxed);
            slot.alloc_left.store(armed, Relaxed);
        });
    }
}

/// Finishes a free that [`count_free`] found due.
pub(super) fn free_due(address: usize, size: usize) {
    let Some((slot, is_fresh)) = own(Some(address)) else {
        this_thread::get().free_left.store(-1, Relaxed);
        SHARED.free_blocks.fetch_add(1, Relaxed);
        SHARED.free_bytes.fetch_add(size as u64, Relaxed);
        tell_shared(-(size.cast_signed() as i64));
        return;
    };
    if is_fresh {
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

/// Takes an allocation back that the inner allocator refused.
pub(super) fn uncount_alloc(size: usize) {
    let slot = this_thread::get();
    if is_dummy(slot) {
        SHARED.alloc_blocks.fetch_sub(1, Relaxed);
        SHARED.alloc_bytes.fetch_sub(size as u64, Relaxed);
        tell_shared(-(size.cast_signed() as i64));
        return;
    }
    add(&slot.alloc_blocks, u64::MAX);
    move_on(slot, || {
        add(&slot.alloc_before, (size as u64).wrapping_neg());
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
    if together > PEAK.load(Relaxed) {
        PEAK.fetch_max(together, Relaxed);
    }
}

/// Blocks and bytes, allocated and freed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts<T = u64> {
    pub(super) alloc_blocks: T,
    pub(super) alloc_bytes: T,
    pub(super) free_blocks: T,
    pub(super) free_bytes: T,
}

impl Counts {
    pub(super) fn live_bytes(&self) -> i64 {
        self.alloc_bytes.wrapping_sub(self.free_bytes).cast_signed()
    }

    pub(super) fn live_blocks(&self) -> i64 {
        self.alloc_blocks
            .wrapping_sub(self.free_blocks)
            .cast_signed()
    }

    fn plus(self, other: Counts) -> Counts {
        Counts {
            alloc_blocks: self.alloc_blocks.wrapping_add(other.alloc_blocks),
            alloc_bytes: self.alloc_bytes.wrapping_add(other.alloc_bytes),
            free_blocks: self.free_blocks.wrapping_add(other.free_blocks),
            free_bytes: self.free_bytes.wrapping_add(other.free_bytes),
        }
    }
}

impl Slot {
    fn counts(&self) -> Counts {
        let left = |armed: &AtomicI64, left: &AtomicI64| {
            (armed.load(Relaxed) - left.load(Relaxed)).cast_unsigned()
        };
        Counts {
            alloc_blocks: self.alloc_blocks.load(Relaxed),
            alloc_bytes: self
                .alloc_before
                .load(Relaxed)
                .wrapping_add(left(&self.alloc_armed, &self.alloc_left)),
            free_blocks: self.free_blocks.load(Relaxed),
            free_bytes: self
                .free_before
                .load(Relaxed)
                .wrapping_add(left(&self.free_armed, &self.free_left)),
        }
    }

    /// The counts of a slot that another thread may be writing.
    fn counts_of_another(&self) -> Counts {
        /// A writer is done in a few instructions. One that a fork cut off in the middle never is: what is there then is off
        /// by at most one quantum.
        const LOOKS_MAX: u32 = 10_000;
        for _ in 0..LOOKS_MAX {
            let version = self.version.load(Acquire);
            if version.is_multiple_of(2) {
                let counts = self.counts();
                fence(Acquire);
                if self.version.load(Relaxed) == version {
                    return counts;
                }
            }
            std::hint::spin_loop();
        }
        self.counts()
    }
}

/// The sum over all threads, and how many there were at most at a time.
pub(super) fn sum() -> (Counts, usize) {
    let mut sum = Counts {
        alloc_blocks: SHARED.alloc_blocks.load(Relaxed),
        alloc_bytes: SHARED.alloc_bytes.load(Relaxed),
        free_blocks: SHARED.free_blocks.load(Relaxed),
        free_bytes: SHARED.free_bytes.load(Relaxed),
    };
    let mut threads = 0;
    let mut chunk: &Chunk = &FIRST;
    loop {
        let used = chunk.used_max.load(Acquire);
        threads += used;
        for slot in &chunk.slots[..used] {
            sum = sum.plus(slot.counts_of_another());
        }
        match chunk.next() {
            Some(next) => chunk = next,
            None => return (sum, threads),
        }
    }
}

/// The highest that the threads told, given what is live now.
pub(super) fn peak(live_bytes: i64) -> u64 {
    let peak = PEAK.fetch_max(live_bytes, Relaxed).max(live_bytes);
    u64::try_from(peak).unwrap_or(0)
}

/// From here on, each thread's fast path finds every block marked.
pub(super) fn mark_every_block() {
    fence(SeqCst);
    let mut chunk: &Chunk = &FIRST;
    loop {
        chunk.mark_every_block();
        match chunk.next() {
            Some(next) => chunk = next,
            None => return,
        }
    }
}

const SLOTS: usize = 64;

/// Slots, and which of them are free.
struct Chunk {
    /// A bit for each slot that a thread has.
    taken: AtomicU64,
    /// Slots above this were never taken.
    used_max: AtomicUsize,
    next: AtomicPtr<Chunk>,
    slots: [Slot; SLOTS],
}

/// The first threads need no allocation to be counted.
static FIRST: Chunk = Chunk::new();

impl Chunk {
    const fn new() -> Self {
        Chunk {
            taken: AtomicU64::new(0),
            used_max: AtomicUsize::new(0),
            next: AtomicPtr::new(null_mut()),
            slots: [const { Slot::new(0) }; SLOTS],
        }
    }

    fn next(&self) -> Option<&'static Chunk> {
        // SAFETY: a chunk that is linked is never freed.
        unsafe { self.next.load(Acquire).as_ref() }
    }

    /// A slot that no thread has; `None` when there is no memory for more.
    fn take() -> Option<&'static Slot> {
        let mut chunk: &'static Chunk = &FIRST;
        loop {
            if let Some(slot) = chunk.take_here() {
                return Some(slot);
            }
            chunk = match chunk.next() {
                Some(next) => next,
                None => chunk.grow()?,
            };
        }
    }

    fn take_here(&'static self) -> Option<&'static Slot> {
        let mut taken = self.taken.load(Relaxed);
        while taken != u64::MAX {
            let index = taken.trailing_ones();
            match self
                .taken
                .compare_exchange_weak(taken, taken | 1 << index, AcqRel, Relaxed)
            {
                Ok(_) => {
                    self.used_max.fetch_max(index as usize + 1, Release);
                    return Some(&self.slots[index as usize]);
                }
                Err(now) => taken = now,
            }
        }
        None
    }

    fn grow(&'static self) -> Option<&'static Chunk> {
        let fresh = super::own_memory::make(Chunk::new())?;
        let linked = self
            .next
            .compare_exchange(null_mut(), fresh.as_ptr(), AcqRel, Acquire);
        if linked.is_err() {
            // SAFETY: made above, and not linked.
            unsafe { super::own_memory::free(fresh) };
            return self.next();
        }
        // SAFETY: made above, linked, and so never freed.
        let fresh: &'static Chunk = unsafe { fresh.as_ref() };
        // `mark_every_block` either finds this chunk, or has switched on before this looks.
        fence(SeqCst);
        if exact::is_on() {
            fresh.mark_every_block();
        }
        Some(fresh)
    }

    fn mark_every_block(&self) {
        for slot in &self.slots {
            slot.unmarked_bits.store(0, Relaxed);
        }
    }

    fn give_back(slot: &'static Slot) {
        if is_dummy(slot) {
            return;
        }
        let mut chunk: &'static Chunk = &FIRST;
        loop {
            let offset = (&raw const *slot)
                .addr()
                .wrapping_sub(chunk.slots.as_ptr().addr());
            let index = offset / size_of::<Slot>();
            if index < SLOTS {
                chunk.taken.fetch_and(!(1 << index), Release);
                return;
            }
            match chunk.next() {
                Some(next) => chunk = next,
                None => return,
            }
        }
    }
}

fn is_dummy(slot: &'static Slot) -> bool {
    std::ptr::eq(slot, &raw const UNREGISTERED) || is_gone(slot)
}

fn is_gone(slot: &'static Slot) -> bool {
    std::ptr::eq(slot, &raw const GONE) || std::ptr::eq(slot, &raw const GONE_INSIDE)
}

/// This thread's slot, and whether it was taken only now; `None` for a thread that has given its own back, or can't
/// have one.
///
/// `freed` is the address of the block that the thread is about to free, if that is what it does.
fn own(freed: Option<usize>) -> Option<(&'static Slot, bool)> {
    let slot = this_thread::get();
    if !is_dummy(slot) {
        return Some((slot, false));
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
    draw(slot, sampling::rate());
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
    Some((slot, true))
}

/// The scope that this thread is in, as a packed tag; 0 for none.
pub(super) fn scope() -> u64 {
    this_thread::get().scope.load(Relaxed)
}

/// Puts this thread into another scope, and gives the one that it was in. `None` when the thread can't have a slot.
pub(super) fn enter_scope(tag: u64) -> Option<u64> {
    let (slot, _) = own(None)?;
    let before = slot.scope.load(Relaxed);
    slot.scope.store(tag, Relaxed);
    Some(before)
}

/// Does the instrument's own work: `None` when this thread is at it already.
pub(super) fn inside<T>(work: impl FnOnce() -> T) -> Option<T> {
    let _inside = Inside::enter()?;
    Some(work())
}

/// This thread does the instrument's own work, or what is to be treated like it, until this is dropped.
pub(super) struct Inside(());

impl Inside {
    /// `None` when it is at it already.
    pub(super) fn enter() -> Option<Self> {
        let mut slot = this_thread::get();
        if is_dummy(slot) {
            match own(None) {
                Some((own, _)) => slot = own,
                // The dummies are everyone's, so which of the two it points at is this thread's flag.
                None if std::ptr::eq(this_thread::get(), &raw const GONE_INSIDE) => return None,
                None => {
                    this_thread::set(&GONE_INSIDE);
                    return Some(Inside(()));
                }
            }
        }
        if slot.inside.load(Relaxed) {
            return None;
        }
        slot.inside.store(true, Relaxed);
        Some(Inside(()))
    }
}

impl Drop for Inside {
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

#[cfg(all(test, fast_path_in_assembly))]
mod tests {
    use super::{Slot, Step, assembly, portable};
    use crate::allocator::sampling::mixed;
    use std::sync::atomic::Ordering::Relaxed;

    /// Everything that the fast path touches.
    fn touched(slot: &Slot) -> (i64, u64, i64, u64) {
        (
            slot.alloc_left.load(Relaxed),
            slot.alloc_blocks.load(Relaxed),
            slot.free_left.load(Relaxed),
            slot.free_blocks.load(Relaxed),
        )
    }

    #[test]
    fn both_fast_paths_do_the_same() {
        let (one, other) = (Slot::new(200_000), Slot::new(200_000));
        let mut steps = [0; 3];
        for seed in 0..5_000 {
            let random = mixed(seed);
            let size = usize::try_from(random % 200).expect("it is small");
            let address = usize::try_from(random >> 20).expect("64 bits") & !0xff0;
            if seed == 3_000 {
                one.unmarked_bits.store(0, Relaxed);
                other.unmarked_bits.store(0, Relaxed);
            }
            let (a, b) = if random.is_multiple_of(2) {
                (
                    assembly::count_alloc(&one, size),
                    portable::count_alloc(&other, size),
                )
            } else {
                (
                    assembly::count_free(&one, address, size),
                    portable::count_free(&other, address, size),
                )
            };
            assert_eq!(a, b, "size {size}, address {address:#x}");
            assert_eq!(touched(&one), touched(&other));
            steps[match a {
                Step::Counted => 0,
                Step::Due => 1,
                Step::Marked => 2,
            }] += 1;
        }
        assert!(steps.iter().all(|&times| times > 100), "{steps:?}");
    }
}
