//! Labels: what a service allocates for whom, by what it says itself: a route, a tenant, the line that spawned a task.

mod known;
mod totals;

pub(super) use known::lost;
pub(super) use totals::count;

use super::followed::{Followed, Place};
use super::sampling::OBJECT;
use super::slot;
use super::stacks::sites::SITES;
use std::collections::BTreeMap;

/// Says for whom the work in it allocates: `route="/apex"`, `tenant="acme"`.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
/// use detectors::allocator::{self, Label};
///
/// # tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
/// let answer = Label::new("route", "/apex").around(async {
///     tokio::task::yield_now().await; // perhaps on another thread from here on
///     vec![0_u8; 1_000]
/// });
/// let kept = answer.await;
/// # drop(kept);
/// # });
/// let told = allocator::labelled();
/// assert_eq!(told[0].labels, [("route", "/apex".to_owned())]);
/// assert!(told[0].allocated_bytes >= 1_000);
/// ```
///
/// How an axum service labels each route is in the module `debug`.
///
/// # What is under a label
///
/// | work | is under the label |
/// |---|---|
/// | the future in [`around`](Label::around), over its awaits, on whichever thread it is polled; and its end | yes |
/// | the closure in [`within`](Label::within) | yes, also where it panics |
/// | a thread or task that this work spawns | only where it is told: [`Labels::here`], then [`Labels::around`] or [`Labels::within`] in what is spawned |
/// | a body that is sent when the answer was returned | only where the body's own stream is put into [`around`](Label::around) |
/// | a label in a label | both, where their keys differ; else the inner one |
///
/// # What is exact, and what is estimated
///
/// What was *allocated* under a label is exact: each thread's own counters are read when it comes and when it goes. What of that is
/// *live* is estimated from samples, since only a sampled block is known when it is freed. Then it is known wherever that is: a
/// block that another thread frees, under another label or none, goes from the label that allocated it. As in any sampled profile,
/// a figure with `n` samples behind it is off by about one part in the square root of `n`: at one in 512 KiB, 50 MiB live are told to within a
/// tenth, and 2 MiB to within a half. [`set_sampling_interval`](super::set_sampling_interval) makes it finer.
///
/// The allocator's fast path is the same with labels and without. A poll under a label costs some twenty nanoseconds, and
/// making a label a look into a table. The table keeps what was ever used, so a label is for what there are few of.
///
/// # How many there may be
///
/// 64 labels of any keys, 15 keys, and 143 combinations of several keys. What is more falls under the value `other` of its key, and
/// [`Lost::labels`](super::Lost::labels) counts it; so names that users choose can't fill the memory, or the disk of whoever scrapes.
///
/// On the debug port they are series of `/metrics`, and labels of `/debug/pprof/heap`: `go tool pprof -tags` lists those, and
/// `-tagfocus=route=/apex` shows one's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(u8);

impl Label {
    /// A label; the same each time it is made of the same words.
    ///
    /// Of a value 128 bytes count at most, and what is longer is cut.
    ///
    /// # Panics
    ///
    /// When the key isn't a name in Prometheus' sense: letters, digits and underscores, no digit first, and no two underscores first.
    pub fn new(key: &'static str, value: impl AsRef<str>) -> Self {
        assert!(
            is_name(key),
            "detectors: {key:?} can't be a label's key: letters, digits and underscores, neither a digit nor two underscores \
             first, as Prometheus wants it"
        );
        Label(known::number(key, value.as_ref()))
    }

    /// Does the work under this label.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        let _under = self.enter();
        work()
    }

    /// The future, under this label whenever it runs, on whichever thread.
    pub fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        Followed::new(self, future)
    }
}

impl Place for Label {
    type Entered = UnderLabels;

    fn enter(self) -> UnderLabels {
        UnderLabels::enter(known::with(slot::labels(), self.0))
    }
}

/// Does what is no part of anybody's work: it is under no label, and isn't sampled.
fn apart<T>(work: impl FnOnce() -> T) -> T {
    super::uncounted(|| Labels::default().within(work))
}

fn is_name(key: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    key.bytes().all(is_of_name)
        && !key.is_empty()
        && !key.starts_with("__")
        && !key.starts_with(|first: char| first.is_ascii_digit())
}

/// What some work is under: the labels of all keys, or by default none. For handing them on to what the work spawns.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
/// use detectors::allocator::{Label, Labels};
///
/// Label::new("tenant", "acme").within(|| {
///     let labels = Labels::here();
///     std::thread::spawn(move || labels.within(|| vec![0_u8; 500])) // counts for acme
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labels(u8);

impl Labels {
    /// Those that the calling thread is under now.
    pub fn here() -> Self {
        Labels(slot::labels())
    }

    /// Does the work under these labels alone.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        let _under = self.enter();
        work()
    }

    /// The future, under these labels alone whenever it runs, on whichever thread.
    pub fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        Followed::new(self, future)
    }
}

impl Place for Labels {
    type Entered = UnderLabels;

    fn enter(self) -> UnderLabels {
        UnderLabels::enter(self.0)
    }
}

/// A thread is under a set of labels until this is dropped.
#[derive(Debug)]
pub(super) struct UnderLabels {
    before: Option<u8>,
}

impl UnderLabels {
    fn enter(set: u8) -> Self {
        UnderLabels {
            before: slot::enter_labels(set),
        }
    }
}

impl Drop for UnderLabels {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            slot::enter_labels(before);
        }
    }
}

/// What was allocated under a label, or under several of different keys at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Labelled {
    /// Key and value of each.
    pub labels: Vec<(&'static str, String)>,
    /// Bytes allocated so far under exactly these labels, freed or not. Exact for every thread that isn't allocating at this very moment.
    pub allocated_bytes: u64,
    /// Blocks allocated so far.
    pub allocated_blocks: u64,
    /// Bytes of that which are live, by whomever the others were freed. Estimated from samples.
    pub live_bytes: u64,
    /// Blocks that are live. Estimated from samples.
    pub live_blocks: u64,
}

/// What was allocated under each label, and each combination of labels, that was ever used. Every allocation is in one row at most, so
/// rows may be summed.
pub fn labelled() -> Vec<Labelled> {
    super::uncounted(|| {
        let sets = known::sets();
        if sets.is_empty() {
            return Vec::new();
        }
        let mut live: BTreeMap<u8, [u64; 2]> = BTreeMap::new();
        for (_, site) in SITES.iter().filter(|(_, site)| site.labels() != 0) {
            let [_, _, objects, bytes] = super::estimates::sampled(site);
            let sums = live.entry(site.labels()).or_default();
            sums[0] += objects;
            sums[1] += bytes;
        }
        let allocated = totals::read();
        let rows = sets.into_iter().filter_map(|(set, labels)| {
            let [allocated_bytes, allocated_blocks] = allocated[usize::from(set)];
            let [objects, live_bytes] = live.get(&set).copied().unwrap_or_default();
            (allocated_blocks > 0).then_some(Labelled {
                labels,
                allocated_bytes,
                allocated_blocks,
                live_bytes,
                live_blocks: (objects + OBJECT / 2) / OBJECT,
            })
        });
        rows.collect()
    })
}

/// The labels of each set, as a profile has them.
pub(super) fn names() -> BTreeMap<u8, Vec<(String, String)>> {
    let sets = known::sets().into_iter();
    let owned = |(key, value): (&'static str, String)| (key.to_owned(), value);
    sets.map(|(set, labels)| (set, labels.into_iter().map(owned).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_key_is_a_name_that_prometheus_takes() {
        for key in ["route", "_route", "Route2", "a"] {
            assert!(is_name(key), "{key}");
        }
        for key in ["", "__route", "2route", "my route", "ro-ute", "größe"] {
            assert!(!is_name(key), "{key}");
        }
    }
}
