//! A long-lived collection that only grows: here a static.
//!
//! The lookup service remembers the answer for each apex, so that the search cluster is asked only once. [`leaky`] keeps
//! answers in a static map for ever; [`fixed`] gives the same map bounds, in bytes and in time. [`beside`] holds two more
//! collections that are keyed by whatever comes in.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;

use chapter::{Chapter, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::GlobalCaches,
    verdict: Verdict::Leak,
    first: Kind::Bytes,
    leaky: |watch| watch.run(leaky::workload),
    // The cache is full before it is judged.
    fixed: |watch| watch.warm_up(200).run(fixed::workload),
    fixed_at_once: |peak| {
        peak.run(|items| {
            let mut iteration = fixed::workload();
            // Full before the items come: a cache that fills is no pile.
            (0..4_000).for_each(|_| iteration());
            items.for_each(|_| iteration());
        })
    },
    leaky_in_turns: |turns| turns.run(leaky::workload),
    page: Page {
        listed: Some("leaky::hosts"),
        values: None,
        figures: Figures::Verdict,
    },
};
