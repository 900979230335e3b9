//! A task outlives whoever wanted its result.
//!
//! A customer who opens the page of an apex wants to see changes as they happen. So each request starts a watcher: a task
//! that waits for the next change. [`leaky`] starts it and lets go; [`fixed`] keeps it with the request, and ends it with the
//! request. [`beside`] has three more ways to leave a task or a thread behind; [`hosts`]
//! are what the exercise asks.

pub mod beside;
pub mod changes;
pub mod fixed;
pub mod hosts;
pub mod leaky;

use chapter::{Chapter, FEW, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::OrphanedTasks,
    verdict: Verdict::Leak,
    first: Kind::Tasks,
    leaky: |watch| watch.warm_up(FEW).run_async(leaky::workload),
    fixed: |watch| watch.warm_up(FEW).run_async(fixed::workload),
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
        listed: Some("leaky::Page::open"),
        values: None,
        figures: Figures::Alike,
    },
};
