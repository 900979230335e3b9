//! A response that nobody reads keeps its connection.
//!
//! The prober asks hosts whether they are well. When one isn't, it keeps the response, to report it later. [`leaky`] keeps
//! the response itself; [`fixed`] reads it and keeps what the report needs. [`beside`] measures what else can happen to a
//! body, and [`backend`] is the server that is asked: real sockets on loopback, on a thread of its own.
//! [`endless`] is a server whose page never ends, for the exercise.

pub mod backend;
pub mod beside;
pub mod endless;
pub mod fixed;
pub mod leaky;

use chapter::{Chapter, FEW, Figures, Page};
use detectors::{Class, Kind, Verdict};

/// What the workbook runs and shows of this chapter.
pub const CHAPTER: Chapter = Chapter {
    class: Class::UnclosedBodies,
    verdict: Verdict::Leak,
    first: Kind::Tasks,
    leaky: |watch| watch.warm_up(FEW).run_async(leaky::workload),
    fixed: |watch| watch.warm_up(FEW).run_async(fixed::workload),
    fixed_at_once: |peak| {
        peak.run_async(async |items| {
            let mut iteration = fixed::workload().await;
            // As many failures as it remembers.
            for _ in 0..fixed::FAILURES_MAX {
                iteration().await;
            }
            for _ in items {
                iteration().await;
            }
        })
    },
    leaky_in_turns: |turns| turns.run_async(leaky::workload),
    page: Page {
        listed: Some("Prober::probe"),
        values: None,
        figures: Figures::Verdict,
    },
};
