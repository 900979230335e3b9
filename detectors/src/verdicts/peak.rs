//! What piles up within one call: the highest of bytes, descriptors or tasks, in proportion to the work.
//!
//! A watch sees what stays *between* iterations. A guard that is collected until its function ends is gone by then, and
//! for the growing work of one call it holds more and more. So a peak runs one call with twice as many items each time, and
//! reads what is there each time that the work asks for its next item.

mod items;
mod judgement;
mod text;

pub use items::Items;

use crate::model::class::Class;
use crate::model::finding::{Finding, Instrument};
use crate::model::kind::{Counts, Kind, NotRead};
use crate::model::reading::Detail;
use crate::model::verdict::Verdict;
use crate::readings::counters::RunsTasks;
use crate::readings::heap::{HeapSource, suitable_source};
use items::Meter;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// Items of the first run and of each later one: four doublings show a line.
const ITEMS: [usize; 5] = [16, 32, 64, 128, 256];

/// Bytes for each item that are no finding: an index of the items, or what the call returns of each.
const BYTES_PER_ITEM: f64 = 64.0;

/// What has ended shows late: the runtime's count lags by up to 5 ms, and so may a thread's end.
const SETTLE: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
];

/// Measures how the peak of one call grows with its work.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
/// use detectors::{Kind, Peak, Verdict};
///
/// # fn main() {
/// let seen = Peak::new("all reports at once").run(|items| {
///     let reports: Vec<String> = items.map(|item| format!("{item:>1000}")).collect();
///     reports.iter().map(String::len).sum::<usize>()
/// });
/// assert_eq!(seen.verdict, Verdict::Pressure);
/// assert!(seen.per_item(Kind::Bytes) > 1_000.0);
///
/// let seen = Peak::new("report after report").run(|items| {
///     items.map(|item| format!("{item:>1000}").len()).sum::<usize>()
/// });
/// seen.assert_bounded();
/// # }
/// ```
///
/// # Where it can mislead you
///
/// - Bytes are exact whenever they are live, by the heap source. Blocks, descriptors, sockets, tasks and threads are read when
///   the work asks for an item, or learns that there is none left: what is opened and closed between two items isn't seen.
/// - It counts the process, so that a busy neighbour's descriptors count as well. Declare the test with
///   [`tests!`](crate::tests).
pub struct Peak {
    name: String,
    items: Vec<usize>,
    bytes_per_item: f64,
    source: Option<Box<dyn HeapSource>>,
}

impl fmt::Debug for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peak")
            .field("name", &self.name)
            .field("items", &self.items)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// What one call had at most, above what there was before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeakReading {
    /// How many items the call was given.
    pub items: usize,
    /// The highest live bytes.
    pub bytes: i64,
    /// The most live blocks.
    pub blocks: i64,
    /// The most of all that isn't heap.
    pub counts: Counts,
    /// The bytes that were still live when the call had returned and its result was dropped.
    pub resting_bytes: i64,
    /// All that isn't heap and was still there.
    pub resting_counts: Counts,
}

impl PeakReading {
    /// The peak of one kind; `None` when it wasn't read.
    pub fn get(&self, kind: Kind) -> Option<i64> {
        match kind {
            Kind::Bytes => Some(self.bytes),
            Kind::Blocks => Some(self.blocks),
            other => self.counts.get(other),
        }
    }

    fn resting(&self, kind: Kind) -> Option<i64> {
        match kind {
            Kind::Bytes => Some(self.resting_bytes),
            other => self.resting_counts.get(other),
        }
    }
}

/// What a peak saw and what follows from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PeakEvidence {
    /// The name that the peak was given.
    pub name: String,
    /// `pressure` when a peak grows with the work and nothing stays, `leak` when it stays, `steady` when no peak grows.
    pub verdict: Verdict,
    /// The class, where the evidence tells it.
    pub class: Option<Class>,
    /// Why this verdict: one sentence with the deciding figures.
    pub because: String,
    /// What grows with the work; `per_iteration` is for each item. Sites are of what was live when the last item was done.
    pub findings: Vec<Finding>,
    /// One reading for each amount of work.
    pub readings: Vec<PeakReading>,
    /// Which instrument spoke, and what it lacked.
    pub instrument: Instrument,
    /// What was not read, and why: never to be taken as fine.
    pub not_read: Vec<NotRead>,
}

impl Peak {
    /// A peak with 16, 32, 64, 128 and 256 items. The name goes into the evidence and the failure messages.
    pub fn new(name: impl Into<String>) -> Self {
        Peak {
            name: name.into(),
            items: ITEMS.to_vec(),
            bytes_per_item: BYTES_PER_ITEM,
            source: None,
        }
    }

    /// How many items each run is given, for work whose items are dear.
    ///
    /// # Panics
    ///
    /// With fewer than three amounts, or when one isn't twice the one before: less can't tell a line from a step.
    #[must_use]
    pub fn items(mut self, amounts: impl IntoIterator<Item = usize>) -> Self {
        self.items = amounts.into_iter().collect();
        assert!(
            self.items.len() >= 3
                && self
                    .items
                    .windows(2)
                    .all(|two| two[0].checked_mul(2) == Some(two[1])),
            "detectors: the items of a peak are at least three amounts, each twice the one before, and not {:?}",
            self.items
        );
        self
    }

    /// Bytes that may pile up for each item; 64 unless told otherwise, room for an index or for what the call returns.
    #[must_use]
    pub fn allow_bytes(mut self, per_item: f64) -> Self {
        self.bytes_per_item = per_item;
        self
    }

    /// Reads the heap through another instrument.
    #[must_use]
    pub fn heap_source(mut self, source: impl HeapSource + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Runs the call. It is given its items, and takes them one after the other.
    pub fn run<T>(self, mut call: impl FnMut(Items) -> T) -> PeakEvidence {
        let measure = || {
            self.find(
                Box::new(NoRuntime),
                |items| drop(call(items)),
                std::thread::sleep,
            )
        };
        #[cfg(feature = "tokio")]
        return crate::verdicts::runtime::beside("Peak::run", measure);
        #[cfg(not(feature = "tokio"))]
        measure()
    }

    /// Runs an async call, on a current-thread runtime of its own.
    ///
    /// # Panics
    ///
    /// When the system refuses the runtime its resources. And within a current-thread runtime, as `#[tokio::test]` makes one.
    #[cfg(feature = "tokio")]
    pub fn run_async<T>(self, mut call: impl AsyncFnMut(Items) -> T) -> PeakEvidence {
        use crate::verdicts::runtime::{TasksOf, apart, current_thread};
        apart("Peak::run_async", || {
            let runtime = current_thread();
            let tasks = TasksOf(runtime.handle().clone());
            self.find(
                Box::new(tasks),
                |items| runtime.block_on(async { drop(call(items).await) }),
                |time| runtime.block_on(async { tokio::time::sleep(time).await }),
            )
        })
    }

    /// `call` runs the work and drops what it returns; `pause` lets what it left in the background go on.
    fn find(
        mut self,
        tasks: Box<dyn RunsTasks>,
        mut call: impl FnMut(Items),
        pause: impl Fn(Duration),
    ) -> PeakEvidence {
        let source = self.source.take().unwrap_or_else(suitable_source);
        let meter = Rc::new(RefCell::new(Meter::new(source, tasks)));
        let mut once = |items: usize, detail: Detail| {
            meter.borrow_mut().start(detail)?;
            call(Items::new(&meter, items));
            SETTLE.into_iter().for_each(&pause);
            meter.borrow_mut().stop(items)
        };
        let mut measure = || {
            // Statics and pools are made in a call that doesn't count.
            once(self.items[0], Detail::Counts)?;
            let mut readings = Vec::new();
            for &items in &self.items {
                readings.push(once(items, Detail::Counts)?);
            }
            let most = self.items[self.items.len() - 1];
            once(most, Detail::Stacks)?;
            Ok(readings)
        };
        let measured = measure();
        let mut meter = meter.borrow_mut();
        match measured {
            Ok(readings) => self.judge(readings, &mut meter),
            Err(error) => self.unread(&error, &meter),
        }
    }
}

/// Plain calls have no tasks that are known.
struct NoRuntime;

impl RunsTasks for NoRuntime {}
