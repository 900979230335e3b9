//! No leak: what was freed is resident still.
//!
//! Every night the lookup service reads a feed of all hosts, and keeps one record of each batch. [`leaky`] drops the rest and
//! leaves it to the allocator; [`fixed`] asks the allocator for it. [`ways`] holds the same night in other ways, of which some
//! help and some only seem to.

pub mod feed;
pub mod fixed;
pub mod leaky;
pub mod ways;

use chapter::{Chapter, FEW, Figures, Page};
use detectors::{Class, Kind, Verdict, Watch};

/// A night may need that much for its moment: here it isn't the peak that is in question, but what stays of it.
pub const NIGHT_BYTES: u64 = 1 << 30;

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::AllocatorRetention,
    verdict: Verdict::Retention,
    first: Kind::Resident,
    leaky: |watch| within_a_night(watch).run(leaky::workload),
    fixed: |watch| within_a_night(watch).run(fixed::workload),
    fixed_at_once: |peak| {
        // One worker: how many are at their peak at the same moment is chance.
        let night = feed::Night {
            workers: 1,
            batches: 1,
            hosts: 500,
        };
        peak.items([4, 8, 16, 32]).run(|nights| {
            nights.for_each(|_| {
                let latest = fixed::refresh(night);
                assert!(latest.is_ok());
            });
        })
    },
    leaky_in_turns: |turns| turns.run(leaky::workload),
    page: Page {
        listed: None,
        values: None,
        figures: Figures::Verdict,
    },
};

/// A watch that doesn't take a night's moment for pressure.
fn within_a_night(watch: Watch) -> Watch {
    watch.warm_up(FEW).pressure_from(NIGHT_BYTES)
}
