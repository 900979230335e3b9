//! Runs a workload through warm-up and doubling windows, and says what grew.

mod counted;
mod driver;
mod elsewhere;
mod filling;
mod judgement;
mod pass;
mod resolution;
mod second_run;
mod timeline;
mod unseen;

use crate::model::kind::{Kind, NotRead};
use crate::model::verdict::Verdict;
use crate::model::words::amount;
use crate::model::workload::{Boxed, Kept, Workload};
use crate::profile::RememberNames;
use crate::readings::heap::{HeapSource, suitable_source};
use crate::verdicts::accepted::Known;
use crate::verdicts::artefacts;
use crate::verdicts::evidence::Evidence;
#[cfg(feature = "tokio")]
use crate::verdicts::runtime;
use driver::{Driver, SyncDriver};
use elsewhere::{Elsewhere, Noticing};
use pass::{Budget, Pass};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Watches a workload and finds what grows in it.
///
/// The workload is given as a *setup*: it makes a fresh state and returns the iteration that is repeated.
/// A watch first only counts. If something grew, it runs the workload twice more from a fresh state,
/// to half the length and to the whole, with a stack for each block: what a site holds more after the
/// longer run is what it leaks.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: dhat::Alloc = dhat::Alloc;
/// use detectors::{Verdict, Watch};
///
/// # fn main() {
/// let evidence = Watch::new("audit log").run(|| {
///     let mut log: Vec<Box<u64>> = Vec::with_capacity(10_000);
///     move || log.push(Box::new(7))
/// });
/// assert_eq!(evidence.verdict, Verdict::Leak);
/// # }
/// ```
///
/// A watch isn't [`Send`]: its heap source may count the thread that it was made on. The [`Evidence`] goes anywhere.
///
/// # Panics
///
/// A panic of the workload goes through unchanged. A dhat profiler of the program's own that is running already is
/// misuse, and dhat panics in words. Another watch's is waited for.
pub struct Watch {
    name: String,
    warm_up: u64,
    windows: u32,
    deadline: Duration,
    pressure_bytes: u64,
    retention_bytes: u64,
    always_profile: bool,
    source: Box<dyn HeapSource>,
    observer: Option<Observer>,
    known: Known,
}

type Observer = Box<dyn FnMut(&Progress)>;

/// How far a watch has come: what [`Watch::on_progress`] is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Iterations run in this pass.
    pub iteration: u64,
    /// Iterations that this pass runs at most.
    pub of_at_most: u64,
    /// Live blocks above the start.
    pub live_blocks: i64,
    /// Live bytes above the start.
    pub live_bytes: i64,
}

/// What a watch is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The first iterations, which may fill caches and are not judged.
    WarmingUp,
    /// The windows, counted from 1.
    Window(u32),
    /// Something grew: running again with a stack for each block. Rounds are counted from 1.
    Sites(u32),
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("name", &self.name)
            .field("warm_up", &self.warm_up)
            .field("windows", &self.windows)
            .field("deadline", &self.deadline)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// A watch with the measured defaults. It reads the heap through the program's own allocator: a
    /// [`ProfilingAllocator`](crate::ProfilingAllocator), or else dhat.
    ///
    /// The name goes into the evidence and the failure messages.
    pub fn new(name: impl Into<String>) -> Self {
        Watch {
            name: name.into(),
            warm_up: 50,
            windows: 5,
            deadline: Duration::from_mins(1),
            pressure_bytes: 32 << 20,
            retention_bytes: 64 << 20,
            always_profile: false,
            source: suitable_source(),
            observer: None,
            known: Known::default(),
        }
    }

    /// Iterations before the first window; 50 unless told otherwise, which outlasts lazily made statics, connection
    /// pools and the first growths of small collections. The first window is as long as the warm-up. One that isn't over by the
    /// deadline is `inconclusive`.
    ///
    /// # Panics
    ///
    /// Below 8: a window's quarters would be too short to have a floor.
    #[must_use]
    pub fn warm_up(mut self, iterations: u64) -> Self {
        assert!(
            iterations >= 8,
            "detectors: a warm-up of {iterations} iterations is too short to judge by; 8 are the least"
        );
        self.warm_up = iterations;
        self
    }

    /// How many windows, each twice as long as the one before; 5 unless told otherwise: with a warm-up of 50 they
    /// end at 1,600 iterations. Fewer windows accuse more easily; each window more doubles the time. When the last
    /// window leaves the answer open, such as by a rise that isn't a leak's, the watch runs one or two windows more.
    ///
    /// # Panics
    ///
    /// Below 3 or above 20: two rises are the least that can tell growth from warm-up.
    #[must_use]
    pub fn windows(mut self, windows: u32) -> Self {
        assert!(
            (3..=20).contains(&windows),
            "detectors: {windows} windows can't be judged; 3 are the least, 20 the most"
        );
        self.windows = windows;
        self
    }

    /// How long all passes may take together; a minute unless told otherwise. What isn't done by then is
    /// `inconclusive`. It is looked at between iterations: an iteration that never ends is for
    /// [`tests!`](crate::tests) to end.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// From how many bytes of peak on `pressure` may be said; 32 MiB unless told otherwise, since a service's usual
    /// buffers stay below it.
    #[must_use]
    pub fn pressure_from(mut self, bytes: u64) -> Self {
        self.pressure_bytes = bytes;
        self
    }

    /// From how many freed bytes that stay resident on `retention` may be said; 64 MiB unless told otherwise, which is more than
    /// an allocator keeps to serve the next request. They must also be four times what is live.
    ///
    /// Before it says so, the watch asks for the memory back, and sees what that gives: [`Retention::find`].
    ///
    /// [`Retention::find`]: crate::memory::Retention::find
    #[must_use]
    pub fn retention_from(mut self, bytes: u64) -> Self {
        self.retention_bytes = bytes;
        self
    }

    /// Takes the heap profile even when nothing grew.
    #[must_use]
    pub fn always_profile(mut self) -> Self {
        self.always_profile = true;
        self
    }

    /// Reads the heap through another instrument.
    #[must_use]
    pub fn heap_source(mut self, source: impl HeapSource + 'static) -> Self {
        self.source = Box::new(source);
        self
    }

    /// Leaves growth out that is known: what grows at a site of which `site` is part of the function, the file or `file:line` of an own
    /// frame. `reason` says why that is accepted, and is told with the verdict. What grows elsewhere fails as before.
    ///
    /// ```no_run
    /// # #[global_allocator]
    /// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
    /// use detectors::Watch;
    ///
    /// fn audit(log: &mut Vec<Box<u64>>) {
    ///     log.push(Box::new(7));
    /// }
    ///
    /// # fn main() {
    /// let evidence = Watch::new("a request")
    ///     .accept("audit", "bounded by the day's requests, see ticket 12")
    ///     .run(|| {
    ///         let mut log = Vec::new();
    ///         move || audit(&mut log)
    ///     });
    /// evidence.assert_steady();
    /// # }
    /// ```
    #[must_use]
    pub fn accept(mut self, site: impl Into<String>, reason: impl Into<String>) -> Self {
        self.known.add(site.into(), reason.into());
        self
    }

    /// Holds what grows against a file: what the file lists may grow as fast as it says and a quarter faster, and what it doesn't list
    /// fails. Run once with `DETECTORS_BASELINE=write` to have it written from what grows now, give each line its reason, and have
    /// the file reviewed as a snapshot is. A file that isn't there yet lists nothing; one that can't be read makes the verdict
    /// `inconclusive`.
    ///
    /// The path is relative to the folder of the test's package, where cargo runs it.
    #[must_use]
    pub fn baseline(mut self, file: impl Into<PathBuf>) -> Self {
        self.known.hold_against(file.into());
        self
    }

    /// Is told how far the watch has come: at each stage and about ten times a second.
    ///
    /// What it allocates and keeps is counted with the workload, so it keeps nothing.
    #[must_use]
    pub fn on_progress(mut self, observer: impl FnMut(&Progress) + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Runs a workload of plain calls.
    ///
    /// `setup` makes a fresh state and returns the iteration: `|| { let mut state = ..; move || state.step() }`.
    /// An iteration may return [`Kept`], the bytes that it means to keep.
    ///
    /// Within a runtime, as in `#[tokio::test(flavor = "multi_thread")]`, the runtime's other threads go on meanwhile.
    ///
    /// # Panics
    ///
    /// Within a current-thread runtime, as `#[tokio::test]` makes one, that has tasks: the watch holds its only thread, and none of
    /// them could run. Tasks of a `LocalSet` aren't seen there.
    pub fn run<W, K>(self, setup: impl Fn() -> W) -> Evidence
    where
        W: FnMut() -> K,
        K: Into<Kept>,
    {
        let driver = || {
            SyncDriver::new(|| {
                let mut iteration = setup();
                move || iteration().into()
            })
        };
        #[cfg(feature = "tokio")]
        return runtime::beside("Watch::run", || self.find(&mut driver()));
        #[cfg(not(feature = "tokio"))]
        self.find(&mut driver())
    }

    /// Runs an async workload on a current-thread runtime of its own, fresh for each pass.
    ///
    /// `setup` is async too: `async || { let client = ..; async move || { client.get().await } }`.
    ///
    /// # Panics
    ///
    /// When the system refuses the runtime its resources. And within a current-thread runtime, as `#[tokio::test]` makes one: call it
    /// in a plain `#[test]`. Within a runtime that has threads of its own it works.
    #[cfg(feature = "tokio")]
    pub fn run_async<S, W, K>(self, setup: S) -> Evidence
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
        K: Into<Kept>,
    {
        runtime::apart("Watch::run_async", || {
            self.find(&mut driver::AsyncDriver::on_own_runtime(setup))
        })
    }

    /// Runs an async workload on the service's own runtime, which has threads of its own.
    ///
    /// # Panics
    ///
    /// On a current-thread runtime, whose tasks run only within its own `block_on`: [`run_async`](Watch::run_async) makes one.
    /// And within a current-thread runtime, as `block_on` does. Within one that has threads of its own it works.
    #[cfg(feature = "tokio")]
    pub fn run_on<S, W, K>(self, runtime: &tokio::runtime::Handle, setup: S) -> Evidence
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
        K: Into<Kept>,
    {
        assert!(
            runtime.runtime_flavor() != tokio::runtime::RuntimeFlavor::CurrentThread,
            "Watch::run_on needs a runtime with threads of its own: a current-thread runtime runs its tasks only within its own \
             block_on. Watch::run_async makes such a runtime by itself."
        );
        runtime::apart("Watch::run_on", || {
            self.find(&mut driver::AsyncDriver::on(runtime, setup))
        })
    }

    /// Runs a workload in a box.
    pub fn run_workload(self, workload: &Workload) -> Evidence {
        match &workload.0 {
            #[cfg(not(feature = "tokio"))]
            Boxed::Sync(setup) => self.find(&mut SyncDriver::new(setup)),
            #[cfg(feature = "tokio")]
            Boxed::Sync(setup) => runtime::beside("Watch::run_workload", || {
                self.find(&mut SyncDriver::new(setup))
            }),
            #[cfg(feature = "tokio")]
            Boxed::Async(setup) => self.run_async(async || {
                let mut iteration = setup();
                async move || iteration().await
            }),
        }
    }

    fn find(mut self, driver: &mut dyn Driver) -> Evidence {
        if let Err(error) = self.known.read() {
            return self.unread(&error);
        }
        let _names = RememberNames::new();
        let elsewhere = Elsewhere::default();
        let mut driver = Noticing {
            driver,
            elsewhere: (!self.source.counts_process()).then_some(&elsewhere),
        };
        let budget = Budget::new(self.deadline);
        let counted = {
            let mut pass = Pass::new(&mut driver, &mut *self.source, &mut self.observer, &budget);
            pass.count(self.warm_up, self.windows)
        };
        let mut evidence = match counted {
            Ok(counted) => self.judge(&counted, &mut driver, &budget),
            Err(error) => self.unread(&error),
        };
        if let Some(gained) = elsewhere.gained() {
            tell_gained_elsewhere(&mut evidence, gained);
        }
        artefacts::keep(&evidence);
        evidence
    }
}

/// What threads gain that the watch doesn't count may be the workload's: no verdict over it is calm.
fn tell_gained_elsewhere(evidence: &mut Evidence, gained: f64) {
    let why = format!(
        "threads that are older than the watch, such as a runtime's or a server's, gain {} an iteration; this watch counts its own \
         thread and what that one spawns",
        amount(gained, "byte")
    );
    if matches!(evidence.verdict, Verdict::Steady | Verdict::WarmingUp) {
        evidence.verdict = Verdict::Inconclusive;
        evidence.because = format!("what is counted doesn't grow, but {why}");
        evidence.settle_by = Some(
            "detectors::tests!, where a watch counts the whole process; or a server that is made within the watch's setup".to_owned(),
        );
    }
    evidence.not_read.push(NotRead {
        kind: Kind::Bytes,
        why,
    });
}
