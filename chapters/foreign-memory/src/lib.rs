//! Memory that no Rust allocator sees.
//!
//! The lookup service takes lists of apexes, compressed by zlib, which is a C library. [`leaky`] destroys zlib's stream on the
//! good path alone; [`fixed`] gives the stream an owner that destroys it on every way out. [`beside`] leaves memory outside of
//! Rust's heap in three other ways.

pub mod beside;
pub mod fixed;
pub mod leaky;
pub mod upload;

use chapter::{Chapter, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::ForeignMemory,
    verdict: Verdict::Leak,
    first: Kind::Resident,
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
        listed: None,
        values: None,
        figures: Figures::Roughly,
    },
};
