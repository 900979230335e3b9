//! Owners that own each other.
//!
//! A customer asks for an apex, a name like `shop.example`. The service looks up the hosts below it, answers, and drops
//! what it looked up. A host knows its apex, since a prober that is given a host alone needs its whole name. In [`leaky`]
//! a host owns its apex, in [`fixed`] it can only ask whether the apex is still there. [`beside`] measures callbacks and
//! tasks that own their owner, and other ways out.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;

use chapter::{Chapter, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::ReferenceCycles,
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
        listed: Some("Host::below"),
        values: None,
        figures: Figures::Exact,
    },
};
