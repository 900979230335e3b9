//! A collection that keeps the room of its largest moment.
//!
//! A service warns its customers of certificates that expire soon. It asks a certificate log for all certificates of a
//! customer, two hundred of 64 bytes, and remembers the ids of the five that matter. [`leaky`] collects the ids into a vector,
//! which keeps the room of two hundred certificates; [`fixed`] collects them into a boxed slice, which has no room to keep.
//! [`beside`] measures other vectors, maps and pools that have shrunk or emptied.

pub mod backend;
pub mod beside;
pub mod fixed;
pub mod leaky;

use chapter::{Chapter, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::RetainedCapacity,
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
        listed: Some("refresh"),
        values: None,
        figures: Figures::Exact,
    },
};
