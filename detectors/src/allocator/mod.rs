//! An allocator that knows: what is live, exactly; by whom, in a test's scope; and from where, by samples.
//!
//! [`ProfilingAllocator`] wraps the allocator that a program uses anyway. It has four instruments:
//!
//! | instrument | says | costs | for |
//! |---|---|---|---|
//! | counting, [`stats`] | live, total and peak of the process | some instructions for each block | always on |
//! | sampling, [`profile`] | a heap profile by stack, in pprof's four types, estimated | the same, and a stack for each half mebibyte | services |
//! | labels, [`Label`] | what each label's work allocated, exact, and what of that is live, estimated | nothing for a block; some twenty nanoseconds for each poll | services |
//! | scopes, [`Scope`] | live, total and peak of a thread and what it spawns, and with [`Detail::Stacks`](crate::heap::Detail::Stacks) by stack, exact | some tens of nanoseconds for each block | tests |
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
//!
//! let before = detectors::allocator::stats();
//! let kept = vec![0_u8; 4_096];
//! let after = detectors::allocator::stats();
//! assert_eq!(after.live_bytes - before.live_bytes, 4_096);
//! # drop(kept);
//! ```
//!
//! # How a block passes through
//!
//! ```text
//! alloc ---> its bytes are counted down ---> a sample or a report due, or every block noted?  no ---> inner allocator
//!                                                yes: report to the process, draw the next sample, note whose it is
//! free  ---> its bytes are counted down ---> a report due, or a block that may be sampled or noted?  no ---> inner allocator
//!                                                yes: forget it; give it back with the layout that it came with
//! ```
//!
//! The fast path writes two words of the thread's own cache line and reads one that hardly ever changes.
//!
//! # What it may wait for
//!
//! No instrument has a lock of its own, on the path of a block: tables are filled by atomic operations, and what an instrument
//! allocates for itself isn't recorded. So none waits for itself, or in a forked child for a thread that is no more. What it calls
//! may take a lock of somebody else's; whether that is free again in a forked child is its owner's matter, and glibc sees to its
//! malloc's:
//!
//! | when | calls | which may wait for |
//! |---|---|---|
//! | on the fast path | nothing | |
//! | a thread's first block | what gives its counters back at its end (std's `thread_local!`) | glibc: its malloc and the loader's lock, which `dlopen` holds while it loads a library. The making of a thread waits for that as well |
//! | a thread's first stack, by frame pointer | the C library, for the bounds of the stack | on Linux' main thread its malloc and the locks of its files; elsewhere its record of this very thread |
//! | its later stacks, by frame pointer | nothing | |
//! | a stack by unwinder: in a program without frame pointers, on a system where they aren't followed, on a stack that isn't the thread's own | the unwinder | glibc from 2.35 with libgcc from 12: nothing. Older ones: the loader, while it lists libraries or changes the list. 32-bit Windows: whoever takes a stack or looks up a name by the crate `backtrace`. Elsewhere: what the system's unwinder waits for |
//! | new room in a table | `std::alloc::System`, or a mapping from the kernel | the system allocator's locks |
//! | a refused request, with [`Reporting`] | what writes the report | its end: other threads that need memory wait for it |
//!
//! Taking a profile is another matter: it looks up names, under the lock of `backtrace`.
//!
//! # Where it can mislead you
//!
//! - Tables have a fixed room. What found none is told by [`Stats::lost`], never passed over: stacks beyond 49,152, samples
//!   beyond their place's neighbourhood, blocks at addresses that no table covers.
//! - A sampled profile is an estimate: about one part in the square root of the samples behind a figure. A site with three samples
//!   is a hint.
//! - A block that grows is a free and an allocation to the totals and to samples, as in Go. In a scope it stays one block and
//!   keeps the site that first allocated it, as in dhat.
//! - A request of up to 32 KiB that the inner allocator *refuses* stays in [`stats`] as live. Rust's own answer to such a refusal
//!   is to abort; a program that goes on by `try_reserve` is off by what was refused. Scopes are exact there too.
//! - Stacks by frame pointer end at code without them: a callback through C may show its inner half only.
//! - Resident memory is another figure. Read it before you take a profile: taking one needs some megabytes for a moment.

#![expect(
    clippy::inline_always,
    reason = "what runs for each block is one function, and a stack begins where the program's own code does"
)]
#![expect(
    clippy::large_stack_arrays,
    reason = "tables that are statics: none is ever made on a stack"
)]
#![expect(clippy::similar_names, reason = "a block has a site and a size")]

mod estimates;
mod exact;
mod followed;
#[cfg(sees_foreign)]
#[doc(hidden)]
#[allow(
    missing_docs,
    reason = "what `foreign_memory!` expands to; nothing to call"
)]
pub mod foreign;
#[cfg(not(sees_foreign))]
#[path = "without_foreign.rs"]
pub(crate) mod foreign;
#[cfg(feature = "foreign")]
mod foreign_memory;
mod high_water;
mod labels;
mod own_memory;
mod owners;
mod refusal;
#[cfg(all(feature = "debug", target_os = "linux"))]
mod sampled_blocks;
mod sampling;
mod scope;
mod slot;
pub(crate) mod stacks;
mod stats;
mod this_thread;

pub use estimates::profile;
#[cfg(feature = "debug")]
pub(crate) use estimates::profile_or_empty;
#[doc(hidden)]
pub use estimates::{Estimate, estimates};
pub use high_water::high_water_bytes;
pub use labels::{Label, Labelled, Labels, labelled};
pub(crate) use own_memory::{Reserve, mapped_and_in_c};
pub use refusal::Reporting;
pub(crate) use refusal::{report_by, tells_refusals};
#[cfg(all(feature = "debug", target_os = "linux"))]
pub(crate) use sampled_blocks::{SampledBlocks, sampled_blocks, stack_of};
pub use scope::{Entered, Scope, ScopeHandle, follows_threads};
pub(crate) use scope::{
    NotedBlock, each_block, own_tables, remember_those_that_are, unscoped_bytes,
};
#[cfg(finds_stuck_tasks)]
pub(crate) use scope::{each_noted_block, notes_every_block};
pub use stats::{Lost, Stats, stats};

use sampling::{SAMPLES, Sample};
use slot::Step;
pub(crate) use stacks::Stack;
use stacks::sites::SITES;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::Ordering::Relaxed;

/// Counts, samples and, in scopes, notes what the allocator inside it does.
///
/// It takes any [`GlobalAlloc`]: the system's, jemalloc, mimalloc. Declare it once, in the program or in a test's file:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
/// # fn main() {}
/// ```
///
/// A small block that is sampled, one in half a mebibyte, begins a page of its own: that is how its free is recognised.
/// Everything else has the address that the inner allocator chose.
#[derive(Debug, Default, Clone, Copy)]
pub struct ProfilingAllocator<A = System> {
    inner: A,
}

impl ProfilingAllocator<System> {
    /// Around the system's allocator, which Rust uses unless told otherwise.
    pub const fn system() -> Self {
        Self::new(System)
    }
}

impl<A> ProfilingAllocator<A> {
    /// Around any allocator.
    pub const fn new(inner: A) -> Self {
        ProfilingAllocator { inner }
    }
}

// SAFETY: every block comes from the inner allocator with at least the asked size and alignment, and goes back to it with
// the layout that it was given there: `sampling` keeps that for the few whose layout differs. Nothing here unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ProfilingAllocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match slot::count_alloc(layout.size()) {
            // SAFETY: the caller's promise.
            Step::Counted => unsafe { self.inner.alloc(layout) },
            // SAFETY: the caller's promise.
            step => unsafe { Self::alloc_slowly(layout, step, false, self) },
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match slot::count_alloc(layout.size()) {
            // SAFETY: the caller's promise.
            Step::Counted => unsafe { self.inner.alloc_zeroed(layout) },
            // SAFETY: the caller's promise.
            step => unsafe { Self::alloc_slowly(layout, step, true, self) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let step = slot::count_free(block.addr(), layout.size());
        if step == Step::Due || step == Step::Marked && SAMPLES.may_hold(block.addr()) {
            // SAFETY: the caller's promise.
            return unsafe { Self::dealloc_slowly(block, layout, step, self) };
        }
        // SAFETY: the caller's promise; such a block has the layout that the caller gave.
        unsafe { self.inner.dealloc(block, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let alloc = slot::count_alloc(new_size);
        let free = slot::count_free(block.addr(), layout.size());
        if alloc == Step::Counted && free == Step::Counted {
            // SAFETY: the caller's promise; an unmarked block has the layout that the caller gave.
            return unsafe { self.inner.realloc(block, layout, new_size) };
        }
        // SAFETY: the caller's promise.
        unsafe { Self::realloc_slowly(block, layout, new_size, alloc, free, self) }
    }
}

/// The slow paths. They take the fast paths' arguments in the same order and `self` last, so that those move none of them.
impl<A: GlobalAlloc> ProfilingAllocator<A> {
    unsafe fn ask(&self, layout: Layout, zeroed: bool) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            if zeroed {
                self.inner.alloc_zeroed(layout)
            } else {
                self.inner.alloc(layout)
            }
        }
    }

    #[cold]
    #[inline(never)]
    unsafe fn alloc_slowly(layout: Layout, step: Step, zeroed: bool, this: &Self) -> *mut u8 {
        let _beneath = foreign::Beneath::enter();
        refusal::let_it_report();
        let size = layout.size();
        let sampled_at = match step {
            Step::Due => slot::alloc_due(size, None),
            _ => None,
        };
        // SAFETY: the caller's promise.
        let block = unsafe {
            match sampled_at {
                Some(interval) => this.alloc_sampled(layout, zeroed, interval),
                None => this.ask(layout, zeroed),
            }
        };
        if block.is_null() {
            slot::refused(step, size);
            return block;
        }
        if step == Step::Due {
            slot::allocated(size);
        }
        if exact::is_on() {
            if !zeroed {
                // SAFETY: the block has this size, and nobody else has it yet.
                unsafe { wipe(block, 0, size) };
            }
            slot::inside(|| scope::record(block.addr(), size));
        }
        block
    }

    #[inline(always)]
    unsafe fn alloc_sampled(&self, layout: Layout, zeroed: bool, interval: usize) -> *mut u8 {
        let size = layout.size();
        let sample = sample_here(interval);
        if !sampling::is_small(size) {
            // SAFETY: the caller's promise.
            let block = unsafe { self.ask(layout, zeroed) };
            if !block.is_null() {
                begin(sample, block, size);
            }
            return block;
        }
        if let Some(page_layout) = sampling::page_layout(layout) {
            // SAFETY: the same size, and an alignment that includes the asked one.
            let block = unsafe { self.ask(page_layout, zeroed) };
            if !block.is_null() {
                if begin(sample, block, size) {
                    return block;
                }
                // Without an entry its free would use the wrong layout.
                // SAFETY: asked for above, and given to nobody.
                unsafe { self.inner.dealloc(block, page_layout) };
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.ask(layout, zeroed) }
    }

    #[cold]
    #[inline(never)]
    unsafe fn dealloc_slowly(block: *mut u8, layout: Layout, step: Step, this: &Self) {
        let _beneath = foreign::Beneath::enter();
        let size = layout.size();
        if step == Step::Due {
            slot::free_due(block.addr(), size);
        }
        // Both before the inner allocator has it back: the next owner of the address is noted in the same place.
        // Inside as well: what is noted is forgotten once it is gone, whoever frees it.
        if exact::is_on() {
            scope::forget(block.addr(), size);
            // Freed memory that is full of old pointers makes what they point at look held.
            // SAFETY: the block has this size, and nobody reads it any more.
            unsafe { wipe(block, 0, size) };
        }
        let may_be_sampled = may_be_sampled(block, size);
        let layout = match may_be_sampled.then(|| SAMPLES.take(block.addr())).flatten() {
            Some(sample) => {
                end(sample, size);
                inner_layout(layout)
            }
            None => layout,
        };
        // SAFETY: the caller's promise, with the layout that the inner allocator knows.
        unsafe { this.inner.dealloc(block, layout) };
    }

    #[cold]
    #[inline(never)]
    unsafe fn realloc_slowly(
        block: *mut u8,
        layout: Layout,
        new_size: usize,
        alloc: Step,
        free: Step,
        this: &Self,
    ) -> *mut u8 {
        let _beneath = foreign::Beneath::enter();
        let old_size = layout.size();
        // `alloc_due` first: it takes the request out of the countdown again. `free_due` tells how much the thread holds, and the new
        // block, which may still be refused, mustn't be in that figure.
        let sampled_at = match alloc {
            Step::Due => slot::alloc_due(new_size, Some(block.addr())),
            _ => None,
        };
        if free == Step::Due {
            slot::free_due(block.addr(), old_size);
        }
        let owner = if exact::is_on() {
            scope::lift(block.addr())
        } else {
            0
        };
        let may_be_sampled = may_be_sampled(block, old_size);
        let sample = may_be_sampled.then(|| SAMPLES.lift(block.addr())).flatten();
        let old_layout = if sample.is_some() {
            inner_layout(layout)
        } else {
            layout
        };

        let has_page = old_layout != layout;
        let wants_page = sampled_at.is_some() && sampling::is_small(new_size);
        // SAFETY: the caller's promise, with the layout that the inner allocator knows.
        let moved = unsafe {
            if has_page || wants_page {
                this.move_block(block, layout, old_layout, new_size, sampled_at)
            } else {
                let moved = this.inner.realloc(block, layout, new_size);
                if let (false, Some(interval)) = (moved.is_null(), sampled_at) {
                    begin(sample_here(interval), moved, new_size);
                }
                moved
            }
        };

        if moved.is_null() {
            // The old block stays as it was.
            if let Some(sample) = sample {
                sample.put_back();
            }
            scope::put_back(block.addr(), old_size, owner);
            slot::refused(alloc, new_size);
            slot::uncount_free(old_size);
            return moved;
        }
        if alloc == Step::Due {
            slot::allocated(new_size);
        }
        if let Some(sample) = sample {
            end(sample.take(), old_size);
        }
        if exact::is_on() {
            // SAFETY: the block has the new size, and what is behind the old one was promised to nobody yet.
            unsafe { wipe(moved, old_size, new_size) };
            if !scope::put_down(moved.addr(), owner, old_size, new_size) {
                slot::inside(|| scope::record(moved.addr(), new_size));
            }
        }
        moved
    }

    /// What `realloc` does, where the old or the new block has a page of its own.
    #[inline(always)]
    unsafe fn move_block(
        &self,
        block: *mut u8,
        layout: Layout,
        inner_layout: Layout,
        new_size: usize,
        sampled_at: Option<usize>,
    ) -> *mut u8 {
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return std::ptr::null_mut();
        };
        // SAFETY: `new_size` isn't zero, which the caller of `realloc` promises.
        let moved = unsafe {
            match sampled_at {
                Some(interval) => self.alloc_sampled(new_layout, false, interval),
                None => self.inner.alloc(new_layout),
            }
        };
        if !moved.is_null() {
            // SAFETY: two different blocks, each at least as large as what is copied; then the old one goes back with the
            // layout that it came with.
            unsafe {
                moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
                self.inner.dealloc(block, inner_layout);
            }
        }
        moved
    }
}

/// So large a block is wiped at most.
const WIPED_BYTES_MAX: usize = 16 << 10;

/// Overwrites what a block's former owners left in it, where the program hasn't written yet. Their pointers would look like the new
/// owner's to whoever reads the program's memory: a channel's room for messages would hold what was freed there.
///
/// A larger block is left alone: it may have pages that the program never touches, and these stay out of resident memory.
///
/// # Safety
///
/// The caller may write to the block's bytes from `start` to `end`.
#[cold]
#[inline(never)]
unsafe fn wipe(block: *mut u8, start: usize, end: usize) {
    if start < end && end <= WIPED_BYTES_MAX {
        // SAFETY: the caller's promise.
        unsafe { block.add(start).write_bytes(0, end - start) };
    }
}

/// A sample of the caller's stack.
#[inline(always)]
fn sample_here(interval: usize) -> Sample {
    let site = slot::inside(|| SITES.number_under(Stack::here().frames(), slot::labels()));
    Sample::new(site.unwrap_or(stacks::sites::NONE), interval)
}

/// Whether a block is one that may have a sample.
fn may_be_sampled(block: *mut u8, size: usize) -> bool {
    !sampling::is_small(size) || block.addr().is_multiple_of(sampling::PAGE_BYTES)
}

/// The layout by which the inner allocator knows a sampled block.
fn inner_layout(layout: Layout) -> Layout {
    if sampling::is_small(layout.size()) {
        sampling::page_layout(layout).unwrap_or(layout)
    } else {
        layout
    }
}

/// A sampled block lives. `false` when there is no room to know it by: then it counts as allocated and gone.
fn begin(sample: Sample, block: *mut u8, size: usize) -> bool {
    if let Some(site) = SITES.get(sample.site as usize) {
        let (objects, bytes) = sample.weight(size);
        site.counted.alloc_objects.fetch_add(objects, Relaxed);
        site.counted.alloc_bytes.fetch_add(bytes, Relaxed);
    }
    let has_room = SAMPLES.insert(block.addr(), sample);
    if !has_room {
        end(sample, size);
    }
    has_room
}

/// A sampled block is gone.
fn end(sample: Sample, size: usize) {
    if let Some(site) = SITES.get(sample.site as usize) {
        let (objects, bytes) = sample.weight(size);
        site.counted.free_objects.fetch_add(objects, Relaxed);
        site.counted.free_bytes.fetch_add(bytes, Relaxed);
    }
}

/// Spreads addresses, which differ in few of their bits, over all bits: the golden ratio's fraction (Knuth's multiplicative
/// hash).
#[expect(
    clippy::cast_possible_truncation,
    reason = "a 32-bit target takes the lower half, which spreads as well"
)]
const SPREAD: usize = 0x9e37_79b9_7f4a_7c15_u64 as usize;

/// Whether [`ProfilingAllocator`] is this program's allocator, as far as it has allocated anything.
pub fn is_in_use() -> bool {
    slot::sum().0.alloc_blocks > 0
}

/// Bytes between two samples on average; `None` while nothing is sampled. 512 KiB unless told otherwise, as in Go.
pub fn sampling_interval() -> Option<usize> {
    Some(sampling::interval()).filter(|interval| *interval > 0)
}

/// Changes how often allocations are sampled, or with `None` stops it. The calling thread follows at once, each other one within
/// 32 KiB of its own allocations. Samples that were taken at another interval keep their weight, so a profile stays right.
///
/// Twice as often is half the variance and twice the cost. At 1 every block is sampled, and each has a page of its own: for
/// that, take a [`Scope`].
///
/// # Panics
///
/// At 0, and above 4 GiB.
pub fn set_sampling_interval(bytes: Option<usize>) {
    assert!(
        bytes.is_none_or(|bytes| bytes > 0 && u32::try_from(bytes).is_ok()),
        "detectors: a sampling interval is from 1 byte to 4 GiB; to stop, say None"
    );
    sampling::set_interval(bytes.unwrap_or(0));
}

/// Runs `work`, of which no scope counts and no profile samples what this thread allocates in it. [`stats`] does.
///
/// For what belongs to an instrument and not to the program: another profiler's tables, a test's own notes. It may be nested.
/// A block that a scope counts already stays the scope's: it is seen to grow, to shrink and to go, in here too. A block that
/// was allocated in here counts nowhere, unless it grows or shrinks outside: then as a new one.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
/// use detectors::{Scope, allocator::uncounted, heap::Detail};
///
/// let scope = Scope::new(Detail::Counts)?;
/// let notes = uncounted(|| vec![0_u8; 1_000]);
/// assert_eq!(scope.read().total_blocks, 0);
/// # drop(notes);
/// # Ok::<(), detectors::heap::ReadError>(())
/// ```
pub fn uncounted<T>(work: impl FnOnce() -> T) -> T {
    let _inside = slot::InsideInstrument::enter();
    work()
}

/// The caller's stack as return addresses, the innermost first, for an instrument that isn't this one.
pub(crate) fn stack_here() -> Box<[usize]> {
    Stack::here().frames().into()
}

/// How stacks are taken in this build, in words for a report.
pub fn how_stacks_are_taken() -> String {
    stacks::how()
}

/// Begins the calling thread's sampling from a seed, so that a test can repeat it.
#[doc(hidden)]
pub fn reseed_sampling(seed: u64) {
    sampling::reseed(seed);
}
