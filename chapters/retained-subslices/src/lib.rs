//! A small view keeps a large buffer alive.
//!
//! A service asks a search cluster for domains, page by page, and remembers which hits it has seen. A page is
//! about 16 kB; an id is 16 bytes. [`leaky`] remembers ids as views into the page, [`fixed`] copies them.
//! [`beside`] measures other ways to keep 16 bytes.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;

use chapter::{Chapter, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::RetainedSubslices,
    verdict: Verdict::Leak,
    first: Kind::Bytes,
    leaky: |watch| watch.run(leaky::workload),
    fixed: |watch| watch.run(fixed::workload),
    fixed_at_once: |peak| {
        peak.run(|items| {
            let mut iteration = fixed::workload();
            items.for_each(|_| {
                iteration();
            });
        })
    },
    leaky_in_turns: |turns| turns.run(leaky::workload),
    page: Page {
        listed: Some("leaky::SeenIds::refresh"),
        values: None,
        figures: Figures::Exact,
    },
};
