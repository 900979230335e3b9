//! What is done when there is no block to give: the one moment at which a process that is about to end can say why.
//!
//! ```text
//! idle ---the first thread that is refused a block---> reporting ---the report is written---> idle
//!                                                      (other threads that need memory wait)
//! ```

use super::slot::{self, Slot};
use super::this_thread;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32};
use std::thread;
use std::time::{Duration, Instant};

/// The allocator inside it, which says when it has no block to give: what
/// [`report_when_full`](crate::memory::report_when_full) needs.
///
/// ```
/// use detectors::ProfilingAllocator;
/// use detectors::allocator::Reporting;
///
/// #[global_allocator]
/// static ALLOCATOR: ProfilingAllocator<Reporting> = ProfilingAllocator::new(Reporting::system());
/// # fn main() {}
/// ```
///
/// `Reporting` is a type of its own, and not a part of every [`ProfilingAllocator`](crate::ProfilingAllocator), since it costs each allocation
/// some five instructions: half a per cent where much is allocated.
#[derive(Debug, Default, Clone, Copy)]
pub struct Reporting<A = System> {
    inner: A,
}

impl Reporting<System> {
    /// Around the system's allocator.
    pub const fn system() -> Self {
        Self::new(System)
    }
}

impl<A> Reporting<A> {
    /// Around any allocator.
    pub const fn new(inner: A) -> Self {
        Reporting { inner }
    }
}

// SAFETY: each call is passed on as it is, and each answer too.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Reporting<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        or_refused(unsafe { self.inner.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        or_refused(unsafe { self.inner.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(block, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        or_refused(moved, new_size)
    }
}

/// What writes the report of a request of so many bytes.
type Report = fn(usize);

static REPORT: OnceLock<Report> = OnceLock::new();

/// The slot of the thread that reports; null while none does.
static REPORTER: AtomicPtr<Slot> = AtomicPtr::new(null_mut());

/// A program that can do without the block goes on, and may be refused many more. One that ends may be refused some on its way.
const REPORTS_MAX: usize = 3;
const BETWEEN: Duration = Duration::from_secs(10);

/// From now on, this is called when a block is refused. A second one changes nothing.
pub(crate) fn report_by(report: Report) {
    REPORT.get_or_init(|| report);
}

/// Whether the program's allocator says when it refuses.
pub(crate) fn tells_refusals() -> bool {
    // No address is a multiple of so large an alignment, so this request is refused, and a reporting allocator reports it at once. A
    // request of this size leaves no trace in the counts.
    const SIZE: usize = 64 << 10;
    let Ok(layout) = Layout::from_size_align(SIZE, 1 << (usize::BITS - 2)) else {
        return false;
    };
    let before = REFUSALS.load(Relaxed);
    ASKING.store(true, Relaxed);
    // SAFETY: the layout isn't of size zero. Should there be such a block, it goes back as it came.
    unsafe {
        // The compiler would leave out one that nobody looks at.
        let block = std::hint::black_box(std::alloc::alloc(layout));
        if !block.is_null() {
            std::alloc::dealloc(block, layout);
        }
    }
    ASKING.store(false, Relaxed);
    REFUSALS.load(Relaxed) > before
}

/// Whether a refusal is asked for, which is no news.
static ASKING: AtomicBool = AtomicBool::new(false);

/// Blocks that were refused.
static REFUSALS: AtomicU32 = AtomicU32::new(0);

#[inline(always)]
fn or_refused(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        refused(size);
    }
    block
}

/// Reports that so many bytes were refused, or waits until another thread has.
#[cold]
#[inline(never)]
fn refused(size: usize) {
    REFUSALS.fetch_add(1, Relaxed);
    let Some(report) = REPORT.get().filter(|_| !ASKING.load(Relaxed)) else {
        return;
    };
    let free = null_mut();
    if REPORTER
        .compare_exchange(free, this(), AcqRel, Acquire)
        .is_err()
    {
        return let_it_report();
    }
    if let Some(at) = next_report() {
        let _inside = slot::InsideInstrument::enter();
        report(size);
        let _ = at.set(Instant::now()); // empty, as long as this thread is the one that reports
    }
    REPORTER.store(free, Release);
}

/// Where the next report's end is to be noted, if there may be one.
fn next_report() -> Option<&'static OnceLock<Instant>> {
    static ENDS: [OnceLock<Instant>; REPORTS_MAX] = [const { OnceLock::new() }; REPORTS_MAX];
    let next = ENDS.iter().position(|end| end.get().is_none())?;
    let last = next.checked_sub(1).and_then(|last| ENDS[last].get());
    last.is_none_or(|last| last.elapsed() >= BETWEEN)
        .then_some(&ENDS[next])
}

/// Waits while another thread reports: it needs what little memory there is, and the process is likely to end after it.
#[inline]
pub(super) fn let_it_report() {
    if !REPORTER.load(Acquire).is_null() {
        wait();
    }
}

#[cold]
#[inline(never)]
fn wait() {
    // Not for ever: should the report wait for something that this thread holds, the end may come without it.
    const PATIENCE: u32 = 1_000;
    const PAUSE: Duration = Duration::from_millis(10);
    for _ in 0..PATIENCE {
        let reporter = REPORTER.load(Acquire);
        // The report itself may need more than there is.
        if reporter.is_null() || reporter == this() {
            return;
        }
        thread::sleep(PAUSE);
    }
}

fn this() -> *mut Slot {
    (&raw const *this_thread::get()).cast_mut()
}
