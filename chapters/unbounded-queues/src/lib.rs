//! A queue that takes whatever comes.
//!
//! The service writes an audit record for each lookup. Requests put records into a queue, and a writer takes them out in
//! batches. [`leaky`] has a queue without a bound and a writer that is slower than the requests; [`fixed`] has a bound, so
//! that requests wait for the writer. [`beside`] shows two more things that pile up, and counts what waiting costs.

pub mod beside;
pub mod fixed;
pub mod leaky;
pub mod record;

use chapter::{Chapter, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::UnboundedQueues,
    verdict: Verdict::Leak,
    first: Kind::Bytes,
    leaky: |watch| watch.run_async(leaky::workload),
    fixed: |watch| watch.run_async(fixed::workload),
    fixed_at_once: |peak| {
        peak.run_async(async |items| {
            let mut iteration = fixed::workload().await;
            for _ in items {
                iteration().await;
            }
        })
    },
    leaky_in_turns: |turns| turns.run_async(leaky::workload),
    page: Page {
        listed: Some("Audit::note"),
        values: None,
        figures: Figures::Alike,
    },
};
