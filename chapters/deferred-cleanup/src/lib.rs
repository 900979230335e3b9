//! Cleanup that comes too late, or never.
//!
//! The lookup service exports a customer's hosts into a file. It was ported from Go, where `defer f.Close()` stood behind
//! each open. [`leaky`] puts the descriptors on a list that is closed at shutdown; [`fixed`] lets each file close where its
//! scope ends. [`at_once`] holds what piles up within one call and is gone at its end: a peak shows it, a watch doesn't.
//! [`full_disk`] is where the exercise must fail and leave nothing.

pub mod at_once;
pub mod fixed;
pub mod full_disk;
pub mod leaky;

use chapter::{Chapter, FEW, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::DeferredCleanup,
    verdict: Verdict::Leak,
    first: Kind::Descriptors,
    leaky: |watch| watch.warm_up(FEW).run(leaky::workload),
    fixed: |watch| watch.warm_up(FEW).run(fixed::workload),
    fixed_at_once: |peak| {
        peak.run(|items| {
            let mut iteration = fixed::workload();
            items.for_each(|_| iteration());
        })
    },
    leaky_in_turns: |turns| turns.run(leaky::workload),
    page: Page {
        listed: None,
        values: None,
        figures: Figures::Exact,
    },
};
