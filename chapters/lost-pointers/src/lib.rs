//! Memory that nothing points to.
//!
//! The lookup service names each span of its trace after the apex that was asked for. [`leaky`] makes the name live for
//! ever, since the span wants a `&'static str`; [`fixed`] lets the span own its name. [`beside`] loses memory in three
//! other ways. [`database`] is what the exercise asks.

pub mod beside;
pub mod database;
pub mod fixed;
pub mod leaky;

use chapter::{Chapter, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::LostPointers,
    verdict: Verdict::Leak,
    first: Kind::Bytes,
    leaky: |watch| watch.run(leaky::workload),
    fixed: |watch| watch.run(fixed::workload),
    fixed_at_once: |peak| {
        peak.run(|items| {
            let mut iteration = fixed::workload();
            items.for_each(|_| iteration());
        })
    },
    leaky_in_turns: |turns| turns.run(leaky::workload),
    page: Page {
        listed: Some("leaky::name_of"),
        values: None,
        figures: Figures::Exact,
    },
};
