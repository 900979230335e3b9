//! What a chapter brings, as one value: its class, its workloads, and how each of them is run.
//!
//! Every chapter's crate has a `CHAPTER` of this type. The crate `chapters` lists them all; `leaks run`, the service's `--leak`,
//! the matrix of chapters and the book's checks read that list.

mod at_rest;
pub mod patience;
mod turns;

pub use at_rest::assert_holds_no_more;
pub use turns::Turns;

use detectors::{Class, Evidence, Kind, Peak, PeakEvidence, Verdict, Watch};

/// One chapter.
#[derive(Debug, Clone, Copy)]
pub struct Chapter {
    /// The class that it teaches, whose word is the name of its folder, its package and its page.
    pub class: Class,
    /// What the leaky variant is: a leak, or one of the two that look like one.
    pub verdict: Verdict,
    /// What the first finding on the leaky variant counts: the kind that tells most.
    pub first: Kind,
    /// Runs the leaky variant under a watch, which it sets as this workload needs it.
    pub leaky: fn(Watch) -> Evidence,
    /// Runs the fixed variant under a watch, which it sets as this workload needs it.
    pub fixed: fn(Watch) -> Evidence,
    /// Runs the fixed variant as one call that goes through so many items, and measures the call's peak.
    pub fixed_at_once: fn(Peak) -> PeakEvidence,
    /// Runs the leaky variant one turn at a time, for a service that leaks a little with each request.
    pub leaky_in_turns: fn(Turns<'_>),
    /// What the chapter's page shows of its runs.
    pub page: Page,
}

impl Chapter {
    /// The name of the chapter's folder, package and page: its class' word.
    pub fn name(&self) -> &'static str {
        self.class.as_str()
    }
}

/// What a chapter's page shows of its runs, and how exactly the next run shows the same.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The function whose listing the page shows; `None` where no heap is to blame.
    pub listed: Option<&'static str>,
    /// Which values of the profile the listing shows; `None` for the profile's own choice, what is in use.
    pub values: Option<&'static str>,
    /// How far the next run's figures may be from those on the page.
    pub figures: Figures,
}

/// How far a run's figures may be from those on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    /// They are the same.
    Exact,
    /// They differ by a quarter at most, as where sockets and timers take part.
    Alike,
    /// They differ by half at most.
    Roughly,
    /// Which of many sites comes first differs as well, and with it the lines: only the verdict is the same.
    Verdict,
}

/// Iterations of warm-up for a workload that opens or spawns something, or does a great deal: a window then has 256 of them, for
/// each of which the system keeps its part.
pub const FEW: u64 = 8;
