//! What a triage saw: a value to read, print and store.

use super::container::Container;
use super::quantity::{amount, is_memory, rate};
use crate::model::class::Class;
use crate::model::finding::Finding;
use crate::model::kind::{Counts, Kind, NotRead};
use crate::model::place::Origin;
use crate::model::verdict::Verdict;
use serde::Serialize;
use std::fmt;

/// What an allocator takes for a block beside its bytes is one part of them in this at most, where it has classes of sizes, as jemalloc.
const BESIDE_BYTES: u64 = 4;

/// It is so many bytes at most, where each block has a head and the next one begins at a multiple of 16, as in glibc.
const BESIDE_A_BLOCK: u64 = 24;

/// What a triage saw, and what follows from it.
///
/// Serialised it has `verdict`, `class`, `findings` and `readings`, as a watch's evidence has.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct TriageEvidence {
    /// What was looked at: `process 4711 (python3)`.
    pub name: String,
    /// The one word.
    pub verdict: Verdict,
    /// The class of growth, where the evidence tells it; `None` where it doesn't.
    pub class: Option<Class>,
    /// Why this verdict: one sentence with the deciding figures.
    pub because: String,
    /// What would turn `inconclusive` into an answer; `None` for every other verdict.
    pub settle_by: Option<String>,
    /// For how long to look to have that answer, in seconds; `None` where more time doesn't help.
    pub settle_seconds: Option<u64>,
    /// What grows: tasks, sockets, descriptors and threads first, then memory. Empty unless it is a leak.
    pub findings: Vec<Growth>,
    /// What the verdict doesn't say, and what else it could be: a sentence each.
    pub caveats: Vec<String>,
    /// Resident memory at the end, by what it is for, or all that is charged to a control group; empty where that isn't known.
    pub parts: Vec<Part>,
    /// A span for each window, in order.
    pub readings: Vec<Span>,
    /// All that was read.
    pub timeline: Vec<Moment>,
    /// The slowest growth that this very look would have called one.
    pub smallest: Vec<Smallest>,
    /// What was not read, and why: never to be taken as fine.
    pub not_read: Vec<NotRead>,
    /// What the control group tells beside it; `None` unless one was looked at.
    pub container: Option<Container>,
    /// Who holds the live memory that grows, as the service tells it; `None` where it wasn't asked.
    pub held: Option<super::Held>,
    /// Tasks that nothing can wake any more, by the place that spawned them, most first; empty where there are none, `None` where that
    /// isn't told.
    pub never_wake: Option<Vec<super::NeverWake>>,
    /// Whether class, holder and line are withheld, since whoever runs the subject wants a person to find them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_withheld: bool,
    /// What the class is told by.
    #[serde(skip)]
    pub(super) grown: Vec<Finding>,
    /// By how much live memory grows.
    #[serde(skip)]
    pub(super) live_per_second: f64,
    /// What went when the process was squeezed; `None` where it wasn't asked for.
    pub squeezed: Option<super::Squeezed>,
}

/// One thing that grows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Growth {
    /// What is counted.
    pub kind: Kind,
    /// How much more there is for each request, where whoever looked put the requests on the subject:
    /// [`count_requests`](TriageEvidence::count_requests). `None` elsewhere, since a triage sees no iterations.
    pub per_iteration: Option<f64>,
    /// How much more there is each second, in the kind's unit.
    pub per_second: f64,
    /// What it is, as far as that is known: a group of descriptors, or an allocation's site.
    pub site: Option<String>,
    /// Whose code the site is, where it is an allocation's. A library's made what grows, and somebody else keeps it.
    pub origin: Option<Origin>,
}

/// The slowest growth of a kind that a look would have called growth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Smallest {
    /// What is counted.
    pub kind: Kind,
    /// The same in words: `anonymous memory`.
    pub what: &'static str,
    /// In the kind's unit.
    pub per_second: f64,
}

/// A part of resident memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// What it is for.
    pub what: String,
    /// Resident bytes.
    pub bytes: u64,
}

/// What one window saw: the floors of each kind, which are the minima of its second half. What wasn't read is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Span {
    /// When it began, in seconds of the look.
    pub from_seconds: f64,
    /// When it ended.
    pub to_seconds: f64,
    /// The floors.
    pub floors: Moment,
}

/// What there was at one moment. What wasn't read is `None`, and never zero. All memory is in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Moment {
    /// In seconds since the look began.
    pub seconds: f64,
    /// In RAM, by the kernel's count. Of a control group: what its processes map of what is charged to it.
    pub resident: Option<u64>,
    /// The part of it without a file behind it, and not lazily freed: heap and stacks; with what is swapped out.
    pub anonymous: Option<u64>,
    /// The part of it that is lazily freed.
    pub lazily_freed: Option<u64>,
    /// The part of it that maps files.
    pub files: Option<u64>,
    /// The part of it that is shared memory.
    pub shared: Option<u64>,
    /// Files on a tmpfs and shared memory that are charged to a control group, mapped by a process or not.
    pub tmpfs: Option<u64>,
    /// What the kernel keeps for a control group: sockets' buffers, page tables, dentries and inodes. Without what it drops by itself when
    /// the group needs the room, where it tells that apart.
    pub kernel: Option<u64>,
    /// Page cache that is charged to a control group, mapped or not, and not on a tmpfs.
    pub page_cache: Option<u64>,
    /// All that is charged to a control group without inactive page cache: what Kubernetes calls the working set.
    pub working_set: Option<u64>,
    /// Allocated and not freed, by the service's own count.
    pub live: Option<u64>,
    /// How many blocks that is.
    pub live_blocks: Option<u64>,
    /// What the entries of large hash tables take up, as the service tells it. A table has room for as many again once it has doubled, and
    /// what goes into that room is no live memory more.
    pub in_tables: Option<u64>,
    /// What the service's allocator has from the system, by its own count.
    pub allocator_mapped: Option<u64>,
    /// The part of it without a block in it.
    pub allocator_free: Option<u64>,
    /// What the service's instruments have in RAM for themselves, by their own count.
    pub instruments: Option<u64>,
    /// The highest that resident memory has ever been.
    pub highest: Option<u64>,
    /// Sockets, descriptors, threads and tasks.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Moment {
    /// What the service's allocator has handed out to others than Rust, with what each block costs beside its bytes: to C code, mostly.
    pub(super) fn in_c(&self) -> Option<i64> {
        let in_use = self.allocator_mapped?.checked_sub(self.allocator_free?)?;
        Some(in_use.saturating_sub(self.live?).cast_signed())
    }

    /// The part of it that no block can cost beside its bytes, however small the blocks are: C code's.
    pub(super) fn surely_in_c(&self) -> Option<i64> {
        let beside = self.live? / BESIDE_BYTES + BESIDE_A_BLOCK * self.live_blocks.unwrap_or(0);
        Some(self.in_c()?.saturating_sub_unsigned(beside).max(0))
    }

    /// Anonymous memory that the allocator can't have: mappings of somebody else. Zero while all that the allocator has would hold it, since
    /// not all of that need be in RAM.
    pub(super) fn beside_the_allocator(&self) -> Option<i64> {
        let others = self
            .anonymous?
            .saturating_sub(self.instruments.unwrap_or(0));
        Some(others.saturating_sub(self.allocator_mapped?).cast_signed())
    }

    /// Each figure at its least.
    pub(super) fn least(&self, other: &Moment) -> Moment {
        let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        Moment {
            seconds: self.seconds.min(other.seconds),
            resident: least(self.resident, other.resident),
            anonymous: least(self.anonymous, other.anonymous),
            lazily_freed: least(self.lazily_freed, other.lazily_freed),
            files: least(self.files, other.files),
            shared: least(self.shared, other.shared),
            tmpfs: least(self.tmpfs, other.tmpfs),
            kernel: least(self.kernel, other.kernel),
            page_cache: least(self.page_cache, other.page_cache),
            working_set: least(self.working_set, other.working_set),
            live: least(self.live, other.live),
            in_tables: least(self.in_tables, other.in_tables),
            live_blocks: least(self.live_blocks, other.live_blocks),
            allocator_mapped: least(self.allocator_mapped, other.allocator_mapped),
            allocator_free: least(self.allocator_free, other.allocator_free),
            instruments: least(self.instruments, other.instruments),
            highest: least(self.highest, other.highest),
            counts: self.counts.zip(&other.counts, i64::min),
        }
    }
}

impl TriageEvidence {
    /// Takes class, holder and line out, for an exercise in which a person is to find them: what grows, and how fast, is left.
    pub fn withhold(&mut self) {
        self.is_withheld = true;
        self.class = None;
        self.held = None;
        self.never_wake = None;
        let mut of_kinds: Vec<Growth> = Vec::new();
        for growth in self.findings.drain(..) {
            if let Some(known) = of_kinds.iter_mut().find(|known| known.kind == growth.kind) {
                known.per_second += growth.per_second;
                let each = known.per_iteration.zip(growth.per_iteration);
                known.per_iteration = each.map(|(one, other)| one + other);
            } else {
                of_kinds.push(Growth {
                    site: None,
                    origin: None,
                    ..growth
                });
            }
        }
        for growth in &mut of_kinds {
            // Its sites were estimated from samples; all of it was counted.
            if growth.kind == Kind::Bytes && self.live_per_second > 0.0 {
                let part = self.live_per_second / growth.per_second;
                growth.per_second = self.live_per_second;
                growth.per_iteration = growth.per_iteration.map(|each| each * part);
            }
        }
        self.findings = of_kinds;
        self.caveats.retain(|caveat| !caveat.contains(".rs:"));
    }

    /// Tells of what grows how much that is for each request, where whoever looked put so many requests on the subject each second, and
    /// nobody else did.
    pub fn count_requests(&mut self, per_second: f64) {
        let each = |growth: &Growth| (per_second > 0.0).then(|| growth.per_second / per_second);
        for growth in &mut self.findings {
            growth.per_iteration = each(growth);
        }
    }
}

/// The verdict, why, and what grows: what a test's failure or a log wants to say.
impl fmt::Display for TriageEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {}, {}",
            self.name,
            self.verdict,
            self.verdict.definition()
        )?;
        writeln!(f, "because {}", self.because)?;
        for growth in &self.findings {
            writeln!(f, "{growth}")?;
        }
        if let Some(settle_by) = &self.settle_by {
            writeln!(f, "what would settle it: {settle_by}")?;
        }
        for caveat in &self.caveats {
            writeln!(f, "{caveat}")?;
        }
        for stuck in self.never_wake.iter().flatten() {
            writeln!(f, "{stuck} can never wake")?;
        }
        if let Some(container) = &self.container {
            write!(f, "{container}")?;
        }
        if let Some(squeezed) = &self.squeezed {
            writeln!(f, "squeezed: {squeezed}")?;
        }
        Ok(())
    }
}

/// `10 sockets a second: TCP to 127.0.0.1:9200, CLOSE_WAIT`.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rate(self.kind, self.per_second))?;
        if let Some(each) = self.per_iteration {
            write!(f, ", {} a request", amount(self.kind, each))?;
        }
        match (&self.site, self.kind) {
            (Some(site), _) => {
                write!(f, ": {site}")?;
                match self.origin {
                    Some(Origin::Dependency | Origin::Standard) => {
                        f.write_str(", a library's: it made what another keeps")
                    }
                    _ => Ok(()),
                }
            }
            (None, Kind::Resident) => f.write_str(" of resident memory"),
            (None, Kind::Bytes) => f.write_str(" of live memory"),
            (None, _) => Ok(()),
        }
    }
}

/// `47,104 bytes of anonymous memory`, `0.7 sockets`.
impl fmt::Display for Smallest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = amount(self.kind, self.per_second);
        if is_memory(self.kind) {
            write!(f, "{amount} of {}", self.what)
        } else {
            f.write_str(&amount)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Growth, Origin};
    use crate::model::kind::Kind;

    #[test]
    fn a_librarys_line_is_told_as_the_makers() {
        let of = |origin| Growth {
            kind: Kind::Bytes,
            per_iteration: None,
            per_second: 7.0,
            site: Some("reserve_inner (bytes_mut.rs:795)".to_owned()),
            origin,
        };
        let told = |origin| of(origin).to_string().contains("a library's");
        assert!(told(Some(Origin::Dependency)) && told(Some(Origin::Standard)));
        assert!(!told(Some(Origin::Own)) && !told(Some(Origin::Unknown)) && !told(None));
    }
}
