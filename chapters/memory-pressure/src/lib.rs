//! No leak: the work needs that much at once.
//!
//! The lookup service tells which hosts of a customer have an open TLS port. It asks the search cluster page by page. [`leaky`]
//! parses each page into a tree of values and appends the hosts of all pages before it writes the first; [`fixed`] parses into
//! types that borrow from the page, and writes each page before it asks for the next. [`ways`] holds what lies between the two.

pub mod cluster;
pub mod fixed;
pub mod leaky;
pub mod ways;

use chapter::{Chapter, FEW, Figures, Page};
use detectors::{Class, Kind, Verdict, Watch};

/// What one request may need at once: a container of 256 MiB answers up to 128 requests at the same time.
pub const BUDGET_BYTES: u64 = 2 << 20;

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::MemoryPressure,
    verdict: Verdict::Pressure,
    first: Kind::Bytes,
    leaky: |watch| within_budget(watch).run(leaky::workload),
    fixed: |watch| within_budget(watch).run(fixed::workload),
    fixed_at_once: |peak| {
        peak.run(|pages| fixed::by_apex(pages.map(cluster::page), &mut std::io::sink()))
    },
    leaky_in_turns: |turns| turns.run(leaky::workload),
    page: Page {
        listed: Some("leaky::by_apex"),
        values: Some("alloc_space"),
        figures: Figures::Exact,
    },
};

/// A watch that calls it pressure when a request needs more than its budget.
fn within_budget(watch: Watch) -> Watch {
    watch.warm_up(FEW).pressure_from(BUDGET_BYTES)
}
