//! Scopes: exact counts of what one thread, and the threads that it spawns, allocate and free.

use super::sites::{self, SITES};
use super::stack::Stack;
use super::{exact, own_memory, owners, slot};
use crate::heap::{Detail, HeapReading, SiteReading, SourceError};
use crate::profile::{Profile, ProfileError, Symbols};
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU64};
use std::sync::{MutexGuard, OnceLock};
use std::task::{Context, Poll};

/// Counts exactly what this thread allocates from here on, with the threads and tasks that come of it.
///
/// Live memory is what was allocated *within* the scope and not freed yet, by whichever thread. So several memory tests of
/// one process run in parallel, and none sees another's blocks.
///
/// | allocated by | counted |
/// |---|---|
/// | the thread that made the scope | yes |
/// | a thread that it spawns with `std::thread`, and whatever that one spawns | yes, where [`follows_threads`] says so |
/// | a task on a runtime that was made within the scope | yes: its workers are such threads |
/// | a task on another runtime, a pool of threads that was there before, a thread made by C code | with [`ScopeHandle`] |
///
/// What no scope can see, such as a static pool that works for everyone, is a matter for a process of its own:
/// [`tests!`](crate::tests) with [`Scope::of_process`].
///
/// A scope inside a scope counts for both. While any scope exists, and ever after, the process' allocations cost some
/// nanoseconds more: scopes are for tests.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
/// use detectors::{Scope, heap::Detail};
///
/// let scope = Scope::new(Detail::Counts)?;
/// let kept: Vec<u8> = Vec::with_capacity(1_000);
/// std::thread::spawn(|| drop(vec![0_u8; 500])).join().expect("it doesn't panic");
/// assert_eq!(scope.read().bytes, 1_000);
/// drop(kept);
/// assert_eq!(scope.read().blocks, 0);
/// assert!(scope.read().total_bytes >= 1_500);
/// # Ok::<(), detectors::heap::SourceError>(())
/// ```
///
/// # Panics
///
/// When scopes of one thread are dropped in another order than the reverse of the one in which they were made.
#[derive(Debug)]
pub struct Scope {
    tag: Tag,
    entered: Option<Entered>,
    detail: Detail,
    of_process: bool,
}

/// A scope for other threads and for tasks: what they do while they are in it counts.
#[derive(Debug, Clone, Copy)]
pub struct ScopeHandle(Tag);

/// A thread is in a scope until this is dropped.
#[derive(Debug)]
pub struct Entered {
    tag: Tag,
    before: u64,
    /// It changes what this thread does, so it stays here; others may look, as at a lock's guard.
    _of_this_thread: PhantomData<MutexGuard<'static, ()>>,
}

impl Scope {
    /// A scope for this thread, which is in it until the scope is dropped.
    ///
    /// # Errors
    ///
    /// When [`ProfilingAllocator`](crate::ProfilingAllocator) isn't the global allocator, or when there are more than 4,095
    /// scopes at a time.
    pub fn new(detail: Detail) -> Result<Self, SourceError> {
        let mut scope = Self::open(detail, false)?;
        scope.entered = Some(scope.handle().enter());
        Ok(scope)
    }

    /// A scope for every thread of the process that is in none of its own; scopes that are made later count for it too.
    ///
    /// # Errors
    ///
    /// As for [`new`](Scope::new), and when the process has such a scope already.
    pub fn of_process(detail: Detail) -> Result<Self, SourceError> {
        let scope = Self::open(detail, true)?;
        if OF_PROCESS
            .compare_exchange(0, scope.tag.0, AcqRel, Relaxed)
            .is_err()
        {
            return Err(SourceError {
                reason:
                    "the whole process is being counted already, and can be only once at a time"
                        .to_owned(),
                next: "end the other count first, or count this thread alone with Scope::new"
                    .to_owned(),
            });
        }
        Ok(scope)
    }

    fn open(detail: Detail, of_process: bool) -> Result<Self, SourceError> {
        // The first allocation of a thread tells the instrument that it is in use at all. No scope around this one counts it.
        super::uncounted(|| drop(std::hint::black_box(Box::new(0_u64))));
        if !super::is_in_use() {
            return Err(SourceError {
                reason: "the program's allocator isn't a ProfilingAllocator, so no scope can count"
                    .to_owned(),
                next: "declare it: #[global_allocator] static ALLOCATOR: detectors::ProfilingAllocator = \
                       detectors::ProfilingAllocator::system();"
                    .to_owned(),
            });
        }
        exact::switch_on();
        let parent = if of_process { None } else { current() };
        let tag = Core::open(detail == Detail::Stacks, parent).ok_or_else(|| SourceError {
            reason: format!("there are {CORES_MAX} scopes already"),
            next: "drop scopes that are done".to_owned(),
        })?;
        Ok(Scope {
            tag,
            entered: None,
            detail,
            of_process,
        })
    }

    /// What is live now of what was allocated within the scope, and what was allocated in all. Doesn't allocate.
    pub fn read(&self) -> HeapReading {
        self.tag.core().read(self.tag)
    }

    /// What is live at each site now, as [`each_site`](Scope::each_site) tells it.
    pub fn sites(&self) -> Vec<SiteReading> {
        let mut readings = Vec::new();
        self.each_site(&mut |reading| readings.push(reading));
        readings
    }

    /// Tells what is live at each site now, for sites that allocated within the scope; nothing without [`Detail::Stacks`].
    /// What `visit` allocates and frees belongs to no scope.
    pub fn each_site(&self, visit: &mut dyn FnMut(SiteReading)) {
        slot::inside(|| {
            self.tag.core().each_site(self.tag, |site, counts| {
                if site != sites::NONE {
                    visit(SiteReading {
                        site,
                        blocks: counts.live_blocks().cast_unsigned(),
                        bytes: counts.live_bytes().cast_unsigned(),
                    });
                }
            });
        });
    }

    /// The profile of what was allocated within the scope: exact, by stack, in pprof's four types.
    ///
    /// # Errors
    ///
    /// When the scope counts without stacks, or when nothing was allocated.
    pub fn profile(&self) -> Result<Profile, ProfileError> {
        // What making the profile allocates is no part of what the scope counts.
        let _uncounted = slot::Inside::enter();
        let mut samples = Vec::new();
        self.tag.core().each_site(self.tag, |site, counts| {
            if let Some(site) = SITES.get(site) {
                samples.push(crate::profile::Measured {
                    stack: site.frames().to_vec(),
                    values: [
                        counts.alloc_blocks.cast_signed(),
                        counts.alloc_bytes.cast_signed(),
                        counts.live_blocks(),
                        counts.live_bytes(),
                    ],
                });
            }
        });
        Profile::from_measured("the scope's profile", &samples, 1, Symbols::ThisProcess)
    }

    /// The stack of a site that [`each_site`](Scope::each_site) told of: return addresses, the innermost first.
    pub fn stack_of(site: usize) -> &'static [usize] {
        SITES.get(site).map_or(&[], sites::Site::frames)
    }

    /// How much is recorded.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// The scope for other threads and for tasks.
    pub fn handle(&self) -> ScopeHandle {
        ScopeHandle(self.tag)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        drop(self.entered.take());
        if self.of_process {
            // One that was refused leaves the other's in place.
            let _ = OF_PROCESS.compare_exchange(self.tag.0, 0, AcqRel, Relaxed);
        }
        self.tag.core().close();
    }
}

impl ScopeHandle {
    /// Puts this thread into the scope until the returned value is dropped.
    pub fn enter(self) -> Entered {
        Entered {
            tag: self.0,
            before: slot::enter_scope(self.0.0).unwrap_or(0),
            _of_this_thread: PhantomData,
        }
    }

    /// The future, in the scope whenever it runs, on whichever thread: for tasks on a runtime that others use too.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
    /// # use detectors::{Scope, heap::Detail};
    /// # let shared = tokio::runtime::Runtime::new().expect("a runtime");
    /// let scope = Scope::new(Detail::Counts)?;
    /// let task = shared.spawn(scope.handle().follow(async { vec![0_u8; 700] }));
    /// let kept = shared.block_on(task).expect("it doesn't panic");
    /// assert!(scope.read().bytes >= 700);
    /// # drop(kept);
    /// # Ok::<(), detectors::heap::SourceError>(())
    /// ```
    pub fn follow<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        Followed {
            scope: self,
            future: Some(future),
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let left = slot::enter_scope(self.before);
        assert!(
            left.is_none_or(|left| left == self.tag.0) || std::thread::panicking(),
            "detectors: scopes of one thread end in the reverse order of their beginnings; drop the inner one first"
        );
    }
}

/// A future that runs in a scope, and whose end does too.
struct Followed<F> {
    scope: ScopeHandle,
    /// `None` once it is dropped.
    future: Option<F>,
}

impl<F: Future> Future for Followed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is never moved: it is only used through this pin, and dropped in place by `Drop`.
        let this = unsafe { self.get_unchecked_mut() };
        let _entered = this.scope.enter();
        let future = this
            .future
            .as_mut()
            .expect("a future that was dropped isn't polled");
        // SAFETY: as above.
        unsafe { Pin::new_unchecked(future) }.poll(context)
    }
}

impl<F> Drop for Followed<F> {
    fn drop(&mut self) {
        let _entered = self.scope.enter();
        // Dropped in place: assigning drops the old value where it is.
        self.future = None;
    }
}

/// Whether threads that are spawned with `std::thread` are counted in their spawner's scope.
///
/// A new thread says nothing of its spawner. But the first thing that the standard library's threads do is to free what
/// their spawner handed them, and that block's scope is known. This asks by experiment, once: another version of the standard
/// library may do otherwise. Where it says no, put threads into the scope with [`ScopeHandle::enter`].
pub fn follows_threads() -> bool {
    const BYTES: u32 = 10_007;
    static FOLLOWS: OnceLock<bool> = OnceLock::new();
    *FOLLOWS.get_or_init(|| {
        let Ok(scope) = Scope::new(Detail::Counts) else {
            return false;
        };
        let before = scope.read().total_bytes;
        let spawned = std::thread::Builder::new().spawn(|| {
            drop(std::hint::black_box(vec![1_u8; BYTES as usize]));
        });
        let joined = spawned.is_ok_and(|thread| thread.join().is_ok());
        joined && scope.read().total_bytes - before >= u64::from(BYTES)
    })
}

/// A scope and which of its lives: cores are used again, and what belonged to an earlier life must not count in a later one.
///
/// ```text
/// bit  63      62..56  55..40       39..24   23..0
///      set: a  0       generation   core     site (in an owner's word; 0 in a thread's tag)
///      scope
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u64);

const SITE_BITS: u32 = 24;
const VALID: u64 = 1 << 63;

impl Tag {
    fn new(core: usize, generation: u16) -> Self {
        Tag(VALID | u64::from(generation) << 40 | (core as u64) << SITE_BITS)
    }

    fn unpacked(word: u64) -> Option<Self> {
        (word & VALID != 0).then_some(Tag(word & !((1 << SITE_BITS) - 1)))
    }

    fn generation(self) -> u16 {
        u16::try_from(self.0 >> 40 & 0xffff).unwrap_or(0)
    }

    fn core(self) -> &'static Core {
        let core = u16::try_from(self.0 >> SITE_BITS & 0xffff).unwrap_or(0);
        // SAFETY: a tag is made from a core that is in the table, and no core is ever freed.
        unsafe { &*CORES[usize::from(core)].load(Acquire) }
    }

    fn is_open(self) -> bool {
        self.core().generation.load(Acquire) == self.generation()
    }

    /// The scope around this one, ended or not.
    fn parent(self) -> Option<Tag> {
        // SAFETY: what is in the table is never freed.
        let parents = unsafe { self.core().parents.load(Acquire).as_ref() }?;
        Tag::unpacked(parents[usize::from(self.generation())].load(Relaxed))
    }

    /// This scope, or the nearest around it that hasn't ended.
    fn nearest_open(self) -> Option<Tag> {
        let mut tag = self;
        while !tag.is_open() {
            tag = tag.parent()?;
        }
        Some(tag)
    }
}

/// The scope of the process, as a tag's word; 0 for none.
static OF_PROCESS: AtomicU64 = AtomicU64::new(0);

/// The scope that this thread's allocations belong to.
fn current() -> Option<Tag> {
    let of_thread = Tag::unpacked(slot::scope()).and_then(Tag::nearest_open);
    of_thread.or_else(|| Tag::unpacked(OF_PROCESS.load(Acquire)).filter(|tag| tag.is_open()))
}

/// The scope, as a word for a slot, that a new thread inherits from whoever allocated the block that it frees first.
pub(super) fn of_spawner(freed: usize) -> u64 {
    let owner = Tag::unpacked(owners::get(freed)).and_then(Tag::nearest_open);
    owner
        .filter(|tag| tag.0 != OF_PROCESS.load(Relaxed))
        .map_or(0, |tag| tag.0)
}

/// Notes a fresh block, in the scope that the thread is in.
#[inline(always)]
pub(super) fn record(address: usize, size: usize) {
    let Some(tag) = current() else { return };
    let site = if tag.wants_stacks() {
        SITES.number(Stack::here().frames())
    } else {
        sites::NONE
    };
    if owners::note(address, size, tag.0 | site as u64) {
        tag.each(|core, generation| core.add_alloc(generation, site, size));
    }
}

/// Forgets a block that is about to go.
pub(super) fn forget(address: usize, size: usize) {
    let owner = owners::take(address);
    if let Some(tag) = Tag::unpacked(owner) {
        let site = site_of(owner);
        tag.each(|core, generation| core.add_free(generation, site, size));
    }
}

/// A block on its way to another address: whose it is.
pub(super) fn lift(address: usize) -> u64 {
    owners::take(address)
}

/// The block stays where it was.
pub(super) fn put_back(address: usize, size: usize, owner: u64) {
    if owner != 0 {
        owners::note(address, size, owner);
    }
}

/// The block has another address and size now. It keeps its site. `false` when it belonged to no scope: then it is a fresh one.
pub(super) fn put_down(address: usize, owner: u64, old_size: usize, new_size: usize) -> bool {
    let Some(tag) = Tag::unpacked(owner) else {
        return false;
    };
    let site = site_of(owner);
    if owners::note(address, new_size, owner) {
        tag.each(|core, generation| core.add_realloc(generation, site, old_size, new_size));
    } else {
        tag.each(|core, generation| core.add_free(generation, site, old_size));
    }
    true
}

/// Tells each noted block: its address, its size, its site's number, and whether it belongs to that scope.
pub(crate) fn each_block(of: ScopeHandle, mut visit: impl FnMut(usize, usize, usize, bool)) {
    owners::each(|address, size, owner| {
        let is_of = Tag::unpacked(owner) == Some(of.0);
        visit(address, size, site_of(owner), is_of);
    });
}

/// Where this instrument keeps addresses of blocks, or what is as large as they are: nothing of it holds a block.
pub(crate) fn own_tables() -> impl Iterator<Item = std::ops::Range<usize>> {
    let samples = &raw const super::sampling::SAMPLES;
    let samples = samples.addr()..samples.addr() + size_of_val(&super::sampling::SAMPLES);
    owners::tables().chain([samples])
}

fn site_of(owner: u64) -> usize {
    (owner & ((1 << SITE_BITS) - 1)) as usize
}

impl Tag {
    /// This scope and those around it. One that has ended may lie within one that hasn't: cells drop what is none of theirs.
    fn each(self, mut change: impl FnMut(&Core, u16)) {
        let mut around = Some(self);
        while let Some(tag) = around {
            change(tag.core(), tag.generation());
            around = tag.parent();
        }
    }

    fn wants_stacks(self) -> bool {
        let mut tag = Some(self);
        while let Some(this) = tag {
            if this.is_open() && this.core().stacks.load(Relaxed) {
                return true;
            }
            tag = this.parent();
        }
        false
    }
}

const CORES_MAX: usize = 4_095;
const CELLS: usize = 512;

/// Cores by number, made when needed.
static CORES: [AtomicPtr<Core>; CORES_MAX] = [const { AtomicPtr::new(null_mut()) }; CORES_MAX];

/// A scope's counters. They are used again by another scope after its end, with the next generation.
struct Core {
    number: usize,
    taken: AtomicBool,
    /// Which life this is; a closed core has one that no tag has yet.
    generation: AtomicU16,
    stacks: AtomicBool,
    /// The scope around each life, as a tag's word; null while no life had one. A block may outlive its scope, and its free
    /// still counts in those around, whatever has become of the core: so none is overwritten.
    parents: AtomicPtr<Parents>,
    live_bytes: Cell,
    peak_bytes: Cell,
    /// Cells by site, in pieces that are made when needed.
    cells: [AtomicPtr<[SiteCells; CELLS]>; sites::NUMBERS / CELLS],
}

/// Half a mebibyte, of which the kernel backs a page for each 512 lives.
type Parents = [AtomicU64; 1 << 16];

struct SiteCells {
    alloc_blocks: Cell,
    alloc_bytes: Cell,
    free_blocks: Cell,
    free_bytes: Cell,
}

impl Core {
    /// A core's next life, or a new core.
    fn open(stacks: bool, parent: Option<Tag>) -> Option<Tag> {
        let core = (0..CORES_MAX).find_map(Self::take)?;
        core.stacks.store(stacks, Relaxed);
        let generation = core.generation.load(Relaxed);
        if let Some(parent) = parent
            && !core.lies_within(generation, parent)
        {
            core.close();
            return None;
        }
        Some(Tag::new(core.number, generation))
    }

    /// `false` when there is no memory to keep it. Only the life that is about to begin calls it.
    fn lies_within(&self, generation: u16, parent: Tag) -> bool {
        let mut parents = self.parents.load(Acquire);
        if parents.is_null() {
            let layout = std::alloc::Layout::new::<Parents>();
            let Some(fresh) = own_memory::zeroed(layout) else {
                return false;
            };
            parents = fresh.cast::<Parents>().as_ptr();
            self.parents.store(parents, Release);
        }
        // SAFETY: zeroed memory is a valid array of atomics, and is never freed.
        unsafe { &(*parents)[usize::from(generation)] }.store(parent.0, Relaxed);
        true
    }

    fn take(number: usize) -> Option<&'static Core> {
        let place = &CORES[number];
        let mut there = place.load(Acquire);
        if there.is_null() {
            let layout = std::alloc::Layout::new::<Core>();
            // SAFETY: zeroed memory is a valid core: integers, and null pointers.
            let fresh = own_memory::zeroed(layout)?.cast::<Core>();
            // SAFETY: as above, and nobody else knows it yet.
            unsafe { (*fresh.as_ptr()).number = number };
            // SAFETY: as above.
            unsafe { (*fresh.as_ptr()).generation = AtomicU16::new(1) };
            there = match place.compare_exchange(null_mut(), fresh.as_ptr(), AcqRel, Acquire) {
                Ok(_) => fresh.as_ptr(),
                Err(other) => {
                    // SAFETY: made above with this layout, and known to nobody else.
                    unsafe { own_memory::free_bytes(fresh.cast(), layout) };
                    other
                }
            };
        }
        // SAFETY: a core in the table is never freed.
        let core = unsafe { &*there };
        // A core whose generations are used up is left alone.
        let is_free = core.generation.load(Relaxed) != u16::MAX
            && core
                .taken
                .compare_exchange(false, true, AcqRel, Relaxed)
                .is_ok();
        is_free.then_some(core)
    }

    fn close(&self) {
        self.generation.fetch_add(1, AcqRel);
        self.taken.store(false, Release);
    }

    fn add_alloc(&self, generation: u16, site: usize, size: usize) {
        let size = size as u64;
        let live = self.live_bytes.add(generation, size);
        self.peak_bytes.raise(generation, live);
        if let Some(cells) = self.cells(site, true) {
            cells.alloc_blocks.add(generation, 1);
            cells.alloc_bytes.add(generation, size);
        }
    }

    fn add_free(&self, generation: u16, site: usize, size: usize) {
        let size = size as u64;
        self.live_bytes.add(generation, size.wrapping_neg());
        if let Some(cells) = self.cells(site, true) {
            cells.free_blocks.add(generation, 1);
            cells.free_bytes.add(generation, size);
        }
    }

    fn add_realloc(&self, generation: u16, site: usize, old_size: usize, new_size: usize) {
        let (old, new) = (old_size as u64, new_size as u64);
        let live = self.live_bytes.add(generation, new.wrapping_sub(old));
        self.peak_bytes.raise(generation, live);
        if let Some(cells) = self.cells(site, true) {
            cells.alloc_blocks.add(generation, 1);
            cells.alloc_bytes.add(generation, new);
            cells.free_blocks.add(generation, 1);
            cells.free_bytes.add(generation, old);
        }
    }

    fn cells(&self, site: usize, make: bool) -> Option<&SiteCells> {
        let site = if self.stacks.load(Relaxed) {
            site
        } else {
            sites::NONE
        };
        let piece = &self.cells[site / CELLS];
        // SAFETY: what is in the table is never freed.
        if let Some(cells) = unsafe { piece.load(Acquire).as_ref() } {
            return Some(&cells[site % CELLS]);
        }
        if !make {
            return None;
        }
        let layout = std::alloc::Layout::new::<[SiteCells; CELLS]>();
        let fresh = own_memory::zeroed(layout)?.cast::<[SiteCells; CELLS]>();
        let there = match piece.compare_exchange(null_mut(), fresh.as_ptr(), AcqRel, Acquire) {
            Ok(_) => fresh.as_ptr(),
            Err(other) => {
                // SAFETY: made above with this layout, and known to nobody else.
                unsafe { own_memory::free_bytes(fresh.cast(), layout) };
                other
            }
        };
        // SAFETY: zeroed memory is a valid array of cells, and is never freed.
        Some(unsafe { &(*there)[site % CELLS] })
    }

    /// Each site that allocated in this life, with its counts.
    fn each_site(&self, tag: Tag, mut visit: impl FnMut(usize, slot::Counts)) {
        let generation = tag.generation();
        let end = if self.stacks.load(Relaxed) {
            SITES.end()
        } else {
            sites::NONE + 1
        };
        for piece in 0..end.div_ceil(CELLS) {
            // SAFETY: what is in the table is never freed.
            let Some(cells) = (unsafe { self.cells[piece].load(Acquire).as_ref() }) else {
                continue;
            };
            let first = piece * CELLS;
            for (site, cells) in (first..end).zip(cells) {
                // Frees first: what is allocated and freed between the two reads is then seen as live, and never as negative.
                let free_blocks = cells.free_blocks.get(generation);
                let free_bytes = cells.free_bytes.get(generation);
                let alloc_blocks = cells.alloc_blocks.get(generation);
                if alloc_blocks > 0 {
                    let counts = slot::Counts {
                        alloc_blocks,
                        alloc_bytes: cells.alloc_bytes.get(generation),
                        free_blocks,
                        free_bytes,
                    };
                    visit(site, counts);
                }
            }
        }
    }

    fn read(&self, tag: Tag) -> HeapReading {
        let mut reading = HeapReading {
            peak_bytes: self.peak_bytes.get(tag.generation()),
            ..HeapReading::default()
        };
        self.each_site(tag, |_, counts| {
            reading.blocks += counts.live_blocks().cast_unsigned();
            reading.bytes += counts.live_bytes().cast_unsigned();
            reading.total_blocks += counts.alloc_blocks;
            reading.total_bytes += counts.alloc_bytes;
        });
        reading
    }
}

/// A counter that knows whose life it counts: 16 bits of generation above 48 bits of value.
///
/// A step for an earlier life than the one that it holds is dropped, one for a later life begins from zero. So a block that
/// outlives its scope can't count in the next one that uses the core, however the two race.
#[derive(Debug, Default)]
pub(super) struct Cell(AtomicU64);

const VALUE_BITS: u32 = 48;
const VALUE: u64 = (1 << VALUE_BITS) - 1;

impl Cell {
    /// Adds, and gives the new value; 0 for a life that is over.
    pub(super) fn add(&self, generation: u16, amount: u64) -> u64 {
        self.change(generation, |value| value.wrapping_add(amount))
    }

    /// Raises it to `to` if it is lower.
    pub(super) fn raise(&self, generation: u16, to: u64) {
        if self.get(generation) < to {
            self.change(generation, |value| value.max(to));
        }
    }

    pub(super) fn get(&self, generation: u16) -> u64 {
        // Whoever sees a free in one cell sees the allocation before it in another.
        let word = self.0.load(Acquire);
        if word >> VALUE_BITS == u64::from(generation) {
            word & VALUE
        } else {
            0
        }
    }

    fn change(&self, generation: u16, step: impl Fn(u64) -> u64) -> u64 {
        let mine = u64::from(generation);
        let mut word = self.0.load(Relaxed);
        loop {
            let value = match (word >> VALUE_BITS).cmp(&mine) {
                std::cmp::Ordering::Equal => word & VALUE,
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Greater => return 0,
            };
            let value = step(value) & VALUE;
            match self
                .0
                .compare_exchange_weak(word, mine << VALUE_BITS | value, Release, Relaxed)
            {
                Ok(_) => return value,
                Err(now) => word = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cell;

    #[test]
    fn a_step_for_an_earlier_life_is_dropped() {
        let cell = Cell::default();
        assert_eq!(cell.add(1, 10), 10);
        assert_eq!(cell.add(1, 4_u64.wrapping_neg()), 6);
        assert_eq!(cell.get(2), 0);
        assert_eq!(cell.add(2, 3), 3);
        assert_eq!(cell.add(1, 6_u64.wrapping_neg()), 0);
        assert_eq!((cell.get(2), cell.get(1)), (3, 0));
        cell.raise(2, 9);
        cell.raise(2, 5);
        assert_eq!(cell.get(2), 9);
    }
}
