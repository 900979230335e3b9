//! What a measurement saw: a value to read, print, store and judge. It never fails a test by itself.

use crate::model::class::Class;
use crate::model::finding::{Finding, Instrument, SmallestLeak};
use crate::model::kind::{Counts, NotRead};
use crate::model::verdict::Verdict;
use crate::profile::Profile;
use crate::readings::holders::HeldBy;
use crate::readings::memory::Retention;
use crate::verdicts::accepted::Accepted;
use serde::{Deserialize, Serialize};

/// What a watch saw and what follows from it.
///
/// Serialised, it is the report that `leaks` writes: `verdict`, `class`, `findings` and `readings`
/// are always there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// The name that the watch was given.
    pub name: String,
    /// The one word.
    pub verdict: Verdict,
    /// The class of growth, where the evidence tells it; `None` where it doesn't.
    pub class: Option<Class>,
    /// Why this verdict: one sentence with the deciding figures.
    pub because: String,
    /// What would turn `inconclusive` into an answer; `None` for every other verdict.
    pub settle_by: Option<String>,
    /// What grows, how much and from where: tasks, sockets, descriptors and threads first, since they tell more than the heap
    /// that they hold; then the heap, most bytes first. Where the verdict is `pressure`, the sites that allocate most, and what they allocate in
    /// each iteration, freed or not. Empty where nothing grows.
    pub findings: Vec<Finding>,
    /// Growth that the watch was told to leave out, by [`Watch::accept`](crate::Watch::accept) or a baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
    /// Who holds the blocks of each site that grows, in the order of the findings; empty where it wasn't read.
    #[serde(default)]
    pub holders: Vec<HeldBy>,
    /// One reading for each window, in order.
    pub readings: Vec<Reading>,
    /// What there was after each iteration, warm-up included: what a chart shows. Of a run of more than 16,384 iterations two
    /// readings stay of each stretch, those with the fewest and the most live bytes, and the last one.
    pub timeline: Vec<Sample>,
    /// The highest live bytes of the run, above what was live before it.
    pub peak_bytes: u64,
    /// The live bytes that stayed when the run had ended, above what was live before it.
    pub resting_bytes: u64,
    /// What keeps freed memory resident, and what gives it back; `None` unless the verdict is `retention`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// The smallest leak that this very run could have caught; `None` when it saw too little to catch any.
    pub smallest_leak: Option<SmallestLeak>,
    /// Which instrument spoke, and what it lacked.
    pub instrument: Instrument,
    /// What was not read, and why: never to be taken as fine.
    pub not_read: Vec<NotRead>,
    /// The heap profile of the whole run; present when something grew or when it was asked for.
    #[serde(skip)]
    pub profile: Option<Profile>,
}

/// What one window saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reading {
    /// The first iteration of the window.
    pub from: u64,
    /// The first iteration after it.
    pub to: u64,
    /// The floor of live blocks: the minimum over the window's second half, above what was live at the start.
    pub floor_blocks: i64,
    /// The floor of live bytes.
    pub floor_bytes: i64,
    /// How far the floor of blocks rose since the window before; `None` for the first.
    pub rise_blocks: Option<i64>,
    /// How far the floor of bytes rose since the window before; `None` for the first.
    pub rise_bytes: Option<i64>,
    /// The floors of all that isn't heap, above what there was at the start.
    #[serde(default)]
    pub floor_counts: Counts,
    /// The process' resident memory at the window's end, in bytes; `None` where the system doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
}

/// What there was after one iteration, above what there was at the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sample {
    /// How many iterations had run.
    pub iteration: u64,
    /// Live blocks.
    pub blocks: i64,
    /// Live bytes.
    pub bytes: i64,
    /// The highest live bytes so far, within iterations too.
    #[serde(default)]
    pub peak_bytes: i64,
    /// Resident bytes of the process without what these instruments hold, as the kernel estimates them; `None` where it doesn't tell. In a
    /// run of many iterations they are read after some of them, and the samples between have the last reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<i64>,
    /// All that isn't heap.
    #[serde(default)]
    pub counts: Counts,
}

impl Evidence {
    /// What the verdict means for this workload, in a few words. As [`Verdict::definition`] has it, but for `warming-up` where live
    /// memory rose in each window up to the last: what grows there has a bound, and hasn't stopped yet.
    pub fn meaning(&self) -> &'static str {
        let is_up = |rise: Option<i64>| rise.is_some_and(|rise| rise > 0);
        let rose = |reading: &Reading| is_up(reading.rise_bytes) || is_up(reading.rise_blocks);
        // Of the first window nobody knows.
        let mut later = self.readings.iter().skip(1).peekable();
        let still_rises = later.peek().is_some() && later.all(rose);
        match self.verdict {
            Verdict::WarmingUp if still_rises => "it grows, and what grows has a bound",
            verdict => verdict.definition(),
        }
    }
}
