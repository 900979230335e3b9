//! What a measurement saw: a value to read, print, store and judge. It never fails a test by itself.

use crate::holders::Holding;
use crate::memory::Retention;
use crate::{Class, Profile, Verdict};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a watch saw and what follows from it.
///
/// Serialised, it is the report that `leaks` writes: `verdict`, `class`, `findings` and `readings`
/// are always there.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// Who holds the blocks of each site that grows, in the order of the findings; empty where it wasn't read.
    #[serde(default)]
    pub holders: Vec<Holding>,
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

/// What a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Live heap blocks.
    Blocks,
    /// Live heap bytes.
    Bytes,
    /// Live async tasks.
    Tasks,
    /// Open sockets.
    Sockets,
    /// Open file descriptors that are no sockets.
    Descriptors,
    /// Threads of the operating system.
    Threads,
    /// Resident memory, in bytes.
    Resident,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Blocks => "blocks",
            Kind::Bytes => "bytes",
            Kind::Tasks => "tasks",
            Kind::Sockets => "sockets",
            Kind::Descriptors => "descriptors",
            Kind::Threads => "threads",
            Kind::Resident => "resident",
        })
    }
}

/// One thing that grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What is counted.
    pub kind: Kind,
    /// How much stays for each iteration, in the kind's unit; `None` where only growth itself is known. Under `pressure`, how much
    /// is allocated in each.
    pub per_iteration: Option<f64>,
    /// The same for the site's function with all that it calls (*cum*); `None` where no site is known.
    #[serde(default)]
    pub cum_per_iteration: Option<f64>,
    /// The allocation's site as text, `function (path:line)`; `None` where no site is known.
    pub site: Option<String>,
    /// The allocation's site in parts.
    pub at: Option<Site>,
}

/// A place in the code that allocates, and how the program came there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The frame to look at first: the innermost one of the workload's own code, or of a dependency's where
    /// no own frame is on the stack.
    pub frame: Frame,
    /// Whose code that frame is.
    pub origin: Origin,
    /// The same for the same leak in every run: a hash of the stack's functions, without addresses and lines.
    pub signature: String,
    /// The whole stack, allocation first, the workload's entry last.
    pub stack: Vec<Frame>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frame.fmt(f)
    }
}

/// One line of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The function's whole name, without a hash.
    pub function: String,
    /// The whole path of its source file, as the compiler saw it; empty where unknown.
    pub file: String,
    /// The line in that file; 0 where unknown.
    pub line: u32,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_empty() {
            write!(f, "{}", self.function)
        } else {
            write!(f, "{} ({}:{})", self.function, self.file, self.line)
        }
    }
}

/// Whose code a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The workload's own crate or workspace.
    Own,
    /// A dependency's.
    Dependency,
    /// The standard library's.
    Standard,
    /// No file is known.
    Unknown,
}

/// What one window saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Resident bytes of the process without what these instruments hold, as the kernel estimates them; `None` where it doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<i64>,
    /// All that isn't heap.
    #[serde(default)]
    pub counts: Counts,
}

/// What a process has besides its heap, at one moment. A kind that wasn't read is `None`, and never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Alive async tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<i64>,
    /// Open sockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<i64>,
    /// Open file descriptors that are no sockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<i64>,
    /// Threads of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<i64>,
}

impl Counts {
    /// The kinds that are counted here, in the order of the fields.
    pub const KINDS: [Kind; 4] = [Kind::Tasks, Kind::Sockets, Kind::Descriptors, Kind::Threads];

    /// The count of one kind; `None` when it wasn't read, or is no count.
    pub fn get(&self, kind: Kind) -> Option<i64> {
        match kind {
            Kind::Tasks => self.tasks,
            Kind::Sockets => self.sockets,
            Kind::Descriptors => self.descriptors,
            Kind::Threads => self.threads,
            Kind::Blocks | Kind::Bytes | Kind::Resident => None,
        }
    }

    pub(crate) fn set(&mut self, kind: Kind, count: Option<i64>) {
        match kind {
            Kind::Tasks => self.tasks = count,
            Kind::Sockets => self.sockets = count,
            Kind::Descriptors => self.descriptors = count,
            Kind::Threads => self.threads = count,
            Kind::Blocks | Kind::Bytes | Kind::Resident => {}
        }
    }

    /// Each kind combined with the same of another moment; not read where one of the two wasn't.
    pub(crate) fn zip(&self, other: &Counts, combine: impl Fn(i64, i64) -> i64) -> Counts {
        let mut all = Counts::default();
        for kind in Counts::KINDS {
            let both = self.get(kind).zip(other.get(kind));
            all.set(kind, both.map(|(a, b)| combine(a, b)));
        }
        all
    }
}

/// The smallest steady leak that a run could have told from none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SmallestLeak {
    /// Blocks for each iteration.
    pub blocks_per_iteration: f64,
    /// Bytes for each iteration.
    pub bytes_per_iteration: f64,
}

/// The instrument that took the readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Its name: `dhat`.
    pub name: String,
    /// How stacks were taken.
    pub stacks: String,
    /// What this build lacks, and how to build it in; empty when nothing.
    pub lacks: Vec<String>,
}

/// A kind that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRead {
    /// What was not read.
    pub kind: Kind,
    /// Why.
    pub why: String,
}
