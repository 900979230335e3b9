//! Scopes: exact counts of what one thread, and the threads that it spawns, allocate and free.

mod counters;
mod tag;

#[cfg(sees_foreign)]
pub(super) use tag::{NotedBefore, lift_noted, noted_before, noted_from, record_at};
pub(crate) use tag::{NotedBlock, each_block, own_tables, remember_those_that_are};
#[cfg(finds_stuck_tasks)]
pub(crate) use tag::{each_noted_block, notes_every_block};
pub(super) use tag::{forget, lift, of_spawner, put_back, put_down, record};

use super::followed::{Followed, Place};
use super::stacks::sites::{self, SITES};
use super::{exact, slot};
use crate::model::reading::{Detail, HeapReading, ReadError, SiteReading};
use crate::profile::{Profile, ProfileError, Symbols};
use counters::{CORES_MAX, Core};
use std::marker::PhantomData;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::{MutexGuard, OnceLock};
use tag::{OF_PROCESS, Tag, current};

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
/// # Ok::<(), detectors::heap::ReadError>(())
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
    pub fn new(detail: Detail) -> Result<Self, ReadError> {
        let mut scope = Self::open(detail, false)?;
        scope.entered = Some(scope.handle().enter());
        Ok(scope)
    }

    /// A scope for every thread of the process that is in none of its own; scopes that are made later count for it too.
    ///
    /// # Errors
    ///
    /// As for [`new`](Scope::new), and when the process has such a scope already.
    pub fn of_process(detail: Detail) -> Result<Self, ReadError> {
        let scope = Self::open(detail, true)?;
        if OF_PROCESS
            .compare_exchange(0, scope.tag.word(), AcqRel, Relaxed)
            .is_err()
        {
            return Err(ReadError {
                reason:
                    "the whole process is being counted already, and can be only once at a time"
                        .to_owned(),
                next: "end the other count first, or count this thread alone with Scope::new"
                    .to_owned(),
            });
        }
        Ok(scope)
    }

    fn open(detail: Detail, of_process: bool) -> Result<Self, ReadError> {
        // The first allocation of a thread tells the instrument that it is in use at all. No scope around this one counts it.
        super::uncounted(|| drop(std::hint::black_box(Box::new(0_u64))));
        if !super::is_in_use() {
            return Err(ReadError {
                reason: "the program's allocator isn't a ProfilingAllocator, so no scope can count"
                    .to_owned(),
                next: "declare it: #[global_allocator] static ALLOCATOR: detectors::ProfilingAllocator = \
                       detectors::ProfilingAllocator::system();"
                    .to_owned(),
            });
        }
        exact::switch_on();
        let parent = if of_process { None } else { current() };
        let tag = Core::open(detail == Detail::Stacks, parent).ok_or_else(|| ReadError {
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
        // Within work that isn't counted, all is seen as well.
        let _uncounted = slot::InsideInstrument::enter();
        self.tag.core().each_site(self.tag, |site, counts| {
            if site != sites::NONE {
                visit(SiteReading {
                    site,
                    blocks: counts.live_blocks().cast_unsigned(),
                    bytes: counts.live_bytes().cast_unsigned(),
                });
            }
        });
    }

    /// The profile of what was allocated within the scope: exact, by stack, in pprof's four types.
    ///
    /// # Errors
    ///
    /// When the scope counts without stacks, or when nothing was allocated.
    pub fn profile(&self) -> Result<Profile, ProfileError> {
        // What making the profile allocates is no part of what the scope counts.
        let _uncounted = slot::InsideInstrument::enter();
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
                    labels: Vec::new(),
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
            let _ = OF_PROCESS.compare_exchange(self.tag.word(), 0, AcqRel, Relaxed);
        }
        self.tag.core().close();
    }
}

impl ScopeHandle {
    /// Puts this thread into the scope until the returned value is dropped.
    pub fn enter(self) -> Entered {
        Entered {
            tag: self.0,
            before: slot::enter_scope(self.0.word()).unwrap_or(0),
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
    /// # Ok::<(), detectors::heap::ReadError>(())
    /// ```
    pub fn follow<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        Followed::new(self, future)
    }
}

impl Place for ScopeHandle {
    type Entered = Entered;

    fn enter(self) -> Entered {
        ScopeHandle::enter(self)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let left = slot::enter_scope(self.before);
        assert!(
            left.is_none_or(|left| left == self.tag.word()) || std::thread::panicking(),
            "detectors: scopes of one thread end in the reverse order of their beginnings; drop the inner one first"
        );
    }
}

/// Live bytes of the process that no scope which is open now counts. Doesn't allocate.
pub(crate) fn unscoped_bytes() -> i64 {
    let live = super::stats().live_bytes.cast_signed();
    live - counters::live_in_scopes().cast_signed()
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
