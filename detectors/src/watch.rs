//! Runs a workload through warm-up and doubling windows, and says what grew.

mod driver;
mod pass;

use crate::evidence::{Evidence, Instrument, Kind, NotRead, SmallestLeak};
use crate::heap::{DhatSource, HeapSource, SourceError};
use crate::judge::Motion;
use crate::sites::{self, Amount, Grown, Round};
use crate::text::{amount, bytes, count};
use crate::workload::{Boxed, Kept, Workload};
use crate::{Class, Finding, Verdict};
use driver::{Driver, SyncDriver};
use pass::{Budget, Counted, Pass};
use std::fmt;
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
/// # Panics
///
/// A panic of the workload goes through unchanged. Another dhat profiler that is running already is
/// misuse, and dhat panics in words.
pub struct Watch {
    name: String,
    warm_up: u64,
    windows: u32,
    deadline: Duration,
    pressure_bytes: u64,
    always_profile: bool,
    source: Box<dyn HeapSource>,
    observer: Option<Observer>,
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

/// Even a leak of one block in every iteration could hide below this resolution: no verdict then.
const COARSE_BLOCKS_PER_ITERATION: f64 = 1.0;
/// The same for growth inside one block: a kilobyte an iteration is a gigabyte in a million requests.
const COARSE_BYTES_PER_ITERATION: f64 = 1_024.0;
/// Fine enough to stop early: one block in ten iterations, or 16 bytes (the smallest malloc block) in each, would
/// have shown.
const FINE_BLOCKS_PER_ITERATION: f64 = 0.1;
const FINE_BYTES_PER_ITERATION: f64 = 16.0;
/// `pressure`: the peak is this many times what stays. Below it, an ordinary buffer for one request would be accused.
const PRESSURE_TIMES: u64 = 8;
/// Live bytes that many times as many as the holder means to keep can't be bookkeeping: a `Bytes` handle for a
/// 16-byte id costs 32 bytes, twice the id.
const PINNING_TIMES: f64 = 4.0;

impl Watch {
    /// A watch with the measured defaults, reading the heap through dhat.
    ///
    /// The name goes into the evidence and the failure messages.
    pub fn new(name: impl Into<String>) -> Self {
        Watch {
            name: name.into(),
            warm_up: 50,
            windows: 5,
            deadline: Duration::from_mins(1),
            pressure_bytes: 32 << 20,
            always_profile: false,
            source: Box::new(DhatSource::default()),
            observer: None,
        }
    }

    /// Iterations before the first window; 50 unless told otherwise, which outlasts lazily made statics, connection
    /// pools and the first growths of small collections. The first window is as long as the warm-up.
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
    /// end at 1,600 iterations. Fewer accuse more easily, more cost twice the time each.
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
    pub fn run<W, K>(self, setup: impl Fn() -> W) -> Evidence
    where
        W: FnMut() -> K,
        K: Into<Kept>,
    {
        self.find(SyncDriver::new(|| {
            let mut iteration = setup();
            move || iteration().into()
        }))
    }

    /// Runs an async workload on a current-thread runtime of its own, fresh for each pass.
    ///
    /// `setup` is async too: `async || { let client = ..; async move || { client.get().await } }`.
    ///
    /// # Panics
    ///
    /// When the system refuses the runtime its resources.
    #[cfg(feature = "tokio")]
    pub fn run_async<S, W, K>(self, setup: S) -> Evidence
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
        K: Into<Kept>,
    {
        self.find(driver::AsyncDriver::on_own_runtime(setup))
    }

    /// Runs an async workload on a runtime that is given.
    #[cfg(feature = "tokio")]
    pub fn run_on<S, W, K>(self, runtime: &tokio::runtime::Runtime, setup: S) -> Evidence
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
        K: Into<Kept>,
    {
        self.find(driver::AsyncDriver::on(runtime, setup))
    }

    /// Runs a workload in a box.
    pub fn run_workload(self, workload: &Workload) -> Evidence {
        match &workload.0 {
            Boxed::Sync(setup) => self.find(SyncDriver::new(setup)),
            #[cfg(feature = "tokio")]
            Boxed::Async(setup) => self.find(driver::AsyncDriver::on_own_runtime(async || {
                let mut iteration = setup();
                async move || iteration().await
            })),
        }
    }

    fn find(mut self, mut driver: impl Driver) -> Evidence {
        let budget = Budget::new(self.deadline);
        let counted = {
            let mut pass = Pass::new(&mut driver, &mut *self.source, &mut self.observer, &budget);
            pass.count(self.warm_up, self.windows)
        };
        let evidence = match counted {
            Ok(counted) => self.judge(&counted, &mut driver, &budget),
            Err(error) => self.unread(&error),
        };
        crate::artefacts::keep(&evidence);
        evidence
    }

    /// The verdict on what was counted; runs the workload again for sites when something grew.
    fn judge(&mut self, counted: &Counted, driver: &mut impl Driver, budget: &Budget) -> Evidence {
        let (of_blocks, of_bytes) = (counted.blocks.motion(), counted.bytes.motion());
        let growing = of_blocks == Motion::Growing || of_bytes == Motion::Growing;
        let unclear = !growing && (of_blocks == Motion::Unclear || of_bytes == Motion::Unclear);
        let mut evidence = self.report(counted);

        if counted.out_of_time {
            evidence.because = format!(
                "the deadline of {} came after {}",
                amount(self.deadline.as_secs_f64(), "second"),
                iterations(counted)
            );
            evidence.settle_by = Some(
                "a longer Watch::deadline, a cheaper iteration, or a shorter Watch::warm_up"
                    .to_owned(),
            );
            return evidence;
        }

        if let Some((kept, bound)) = counted.filling().filter(|_| growing && !pins(counted)) {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "the holder is filling and accounts for what grows: it means to keep {} now, {} at most",
                bytes(kept),
                bytes(bound)
            );
            return evidence;
        }

        let grown = if growing || unclear || self.always_profile {
            self.grown(counted, driver, budget, unclear)
        } else {
            Ok(Grown::default())
        };
        let grown = grown.unwrap_or_else(|error| {
            evidence.not_read.push(NotRead {
                kind: Kind::Bytes,
                why: format!("sites were not read: {error}"),
            });
            Grown::default()
        });
        evidence.profile.clone_from(&grown.profile);

        // Where totals drown in noise, a site that grows in a straight line settles it.
        let by_site = unclear && grown.has_straight_site();
        if growing || by_site {
            evidence.verdict = Verdict::Leak;
            evidence.findings = findings(counted, &grown, by_site);
            // The one class that the holder's own account tells.
            evidence.class = pins(counted).then_some(Class::RetainedSubslices);
            evidence.because = because_it_leaks(counted, by_site);
        } else if unclear {
            evidence.because = format!(
                "live memory still rose in the last window (by {} in {}), but not in every window or less each time",
                count(last(counted.bytes.rises()), "byte"),
                count(last(counted.blocks.rises()), "block"),
            );
            evidence.settle_by = Some(
                "one more window (Watch::windows), a longer Watch::warm_up, or less going on beside the workload"
                    .to_owned(),
            );
        } else if is_coarse(counted) {
            evidence.because = format!(
                "floors moved by {} and {} without a trend, which hides a leak of {} an iteration",
                count(counted.bytes.noise(), "byte"),
                count(counted.blocks.noise(), "block"),
                amount(counted.bytes.smallest_visible(), "byte")
            );
            evidence.settle_by = Some(
                "a process of its own (detectors::tests!), less going on beside the workload, or more windows"
                    .to_owned(),
            );
        } else if self.is_pressed(counted) {
            evidence.verdict = Verdict::Pressure;
            evidence.because = format!(
                "the peak was {}, and {} stayed: nothing grows, the work itself needs that much at once",
                bytes(counted.peak_bytes),
                bytes(counted.resting_bytes)
            );
        } else if of_blocks == Motion::Stopped || of_bytes == Motion::Stopped {
            evidence.verdict = Verdict::WarmingUp;
            evidence.because = format!(
                "it grew in an early window and not in the last of {}",
                counted.readings.len()
            );
        } else {
            evidence.verdict = Verdict::Steady;
            evidence.because = format!(
                "after warm-up, no floor rose in {} windows ({})",
                counted.readings.len(),
                iterations(counted)
            );
        }
        evidence
    }

    fn is_pressed(&self, counted: &Counted) -> bool {
        counted.peak_bytes >= self.pressure_bytes
            && counted.peak_bytes >= PRESSURE_TIMES.saturating_mul(counted.resting_bytes)
    }

    /// The evidence that is the same for every verdict; `inconclusive` until something else is proved.
    fn report(&self, counted: &Counted) -> Evidence {
        Evidence {
            readings: counted.readings.clone(),
            timeline: counted.timeline.clone(),
            peak_bytes: counted.peak_bytes,
            resting_bytes: counted.resting_bytes,
            smallest_leak: Some(SmallestLeak {
                blocks_per_iteration: counted.blocks.smallest_visible(),
                bytes_per_iteration: counted.bytes.smallest_visible(),
            })
            .filter(|smallest| smallest.blocks_per_iteration.is_finite()),
            ..self.empty()
        }
    }

    fn unread(&self, error: &SourceError) -> Evidence {
        Evidence {
            because: format!("nothing could be read: {}", error.reason),
            settle_by: Some(error.next.clone()),
            ..self.empty()
        }
    }

    fn empty(&self) -> Evidence {
        Evidence {
            name: self.name.clone(),
            verdict: Verdict::Inconclusive,
            class: None,
            because: String::new(),
            settle_by: None,
            findings: Vec::new(),
            readings: Vec::new(),
            timeline: Vec::new(),
            peak_bytes: 0,
            resting_bytes: 0,
            smallest_leak: None,
            instrument: Instrument {
                name: self.source.name().to_owned(),
                stacks: self.source.stacks(),
                lacks: lacks(),
            },
            not_read: not_read(),
            profile: None,
        }
    }

    /// Runs the workload to half its length and to the whole, under full stacks; to every quarter when only a
    /// straight line can settle it.
    fn grown(
        &mut self,
        counted: &Counted,
        driver: &mut impl Driver,
        budget: &Budget,
        by_line: bool,
    ) -> Result<Grown, SourceError> {
        let whole = counted.iterations();
        let lengths: &[u64] = if by_line {
            &[whole / 4, whole / 2, whole * 3 / 4, whole]
        } else {
            &[whole / 2, whole]
        };
        let mut pass = Pass::new(driver, &mut *self.source, &mut self.observer, budget);
        let mut rounds = Vec::new();
        for (number, &iterations) in (1..).zip(lengths) {
            rounds.push(Round {
                iterations,
                profile: pass.profile(number, iterations)?,
            });
        }
        Ok(sites::grown(rounds))
    }
}

/// The growing sites as findings, or what grows in total where no site was read.
fn findings(counted: &Counted, grown: &Grown, by_site: bool) -> Vec<Finding> {
    let totals = Amount {
        blocks: counted.blocks.per_iteration(),
        bytes: counted.bytes.per_iteration(),
    };
    let by_site = grown.findings((!by_site).then_some(totals));
    if !by_site.is_empty() {
        return by_site;
    }
    [(Kind::Bytes, totals.bytes), (Kind::Blocks, totals.blocks)]
        .into_iter()
        .filter(|(_, per_iteration)| *per_iteration > 0.0)
        .map(|(kind, per_iteration)| Finding {
            kind,
            per_iteration: Some(per_iteration),
            cum_per_iteration: None,
            site: None,
            at: None,
        })
        .collect()
}

/// Whether much more stays live than the holder means to keep.
fn pins(counted: &Counted) -> bool {
    counted
        .kept_per_iteration()
        .is_some_and(|kept| kept > 0.0 && counted.bytes.per_iteration() >= PINNING_TIMES * kept)
}

/// Takes the last of the rises, 0 when there is none.
fn last(rises: impl DoubleEndedIterator<Item = i64>) -> i64 {
    rises.into_iter().next_back().unwrap_or(0)
}

pub(crate) fn is_coarse(counted: &Counted) -> bool {
    counted.blocks.smallest_visible() > COARSE_BLOCKS_PER_ITERATION
        || counted.bytes.smallest_visible() > COARSE_BYTES_PER_ITERATION
}

pub(crate) fn is_fine(counted: &Counted) -> bool {
    counted.blocks.smallest_visible() <= FINE_BLOCKS_PER_ITERATION
        && counted.bytes.smallest_visible() <= FINE_BYTES_PER_ITERATION
}

fn iterations(counted: &Counted) -> String {
    count(counted.iterations().cast_signed(), "iteration")
}

fn because_it_leaks(counted: &Counted, by_site: bool) -> String {
    let per_iteration = format!(
        "{} in {} stay for each iteration",
        amount(counted.bytes.per_iteration(), "byte"),
        amount(counted.blocks.per_iteration(), "block")
    );
    if by_site {
        format!(
            "{per_iteration}; totals are noisy, but a site's live blocks grow in a straight line with the iterations"
        )
    } else {
        format!(
            "{per_iteration}, in each of {} windows and never less than before",
            counted.readings.len()
        )
    }
}

/// What this build can't do, in words.
fn lacks() -> Vec<String> {
    let mut lacks = Vec::new();
    if !cfg!(frame_pointers) {
        lacks.push(
            "built without frame pointers: stacks through code without unwind tables end early; build with \
             RUSTFLAGS=-Cforce-frame-pointers=yes"
                .to_owned(),
        );
    }
    if !cfg!(tokio_unstable) {
        lacks.push(
            "built without tokio_unstable: tasks are not seen by spawn site; build with RUSTFLAGS=\"--cfg \
             tokio_unstable\""
                .to_owned(),
        );
    }
    lacks
}

/// Kinds that have a word and no source yet.
fn not_read() -> Vec<NotRead> {
    [
        Kind::Tasks,
        Kind::Sockets,
        Kind::Descriptors,
        Kind::Resident,
    ]
    .into_iter()
    .map(|kind| NotRead {
        kind,
        why: "this version of detectors reads the heap only".to_owned(),
    })
    .collect()
}
