//! The chapters' workloads: what `leaks run` measures.

use detectors::{Evidence, Verdict, Watch};

/// The two variants of a chapter, each as a watch runs it.
pub(crate) struct Workloads {
    /// What the leaky variant is: a leak, or one of the two that look like one.
    pub(crate) verdict: Verdict,
    pub(crate) leaky: fn(Watch) -> Evidence,
    pub(crate) fixed: fn(Watch) -> Evidence,
}

/// Enough for an iteration that opens or spawns something, or does a great deal: 256 of them, for each of which the system
/// keeps its part.
const FEW: u64 = 8;

/// Enough for a cache to be full before it is judged.
const FULL: u64 = 200;

/// The workloads of a chapter by its name; `None` for a chapter that this build doesn't know.
pub(crate) fn workloads(chapter: &str) -> Option<Workloads> {
    match chapter {
        "retained-subslices" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| watch.run(retained_subslices::leaky::workload),
            fixed: |watch| watch.run(retained_subslices::fixed::workload),
        }),
        "unclosed-bodies" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| {
                watch
                    .warm_up(FEW)
                    .run_async(unclosed_bodies::leaky::workload)
            },
            fixed: |watch| {
                watch
                    .warm_up(FEW)
                    .run_async(unclosed_bodies::fixed::workload)
            },
        }),
        "orphaned-tasks" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| {
                watch
                    .warm_up(FEW)
                    .run_async(orphaned_tasks::leaky::workload)
            },
            fixed: |watch| {
                watch
                    .warm_up(FEW)
                    .run_async(orphaned_tasks::fixed::workload)
            },
        }),
        "global-caches" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| watch.run(global_caches::leaky::workload),
            fixed: |watch| watch.warm_up(FULL).run(global_caches::fixed::workload),
        }),
        "deferred-cleanup" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| watch.warm_up(FEW).run(deferred_cleanup::leaky::workload),
            fixed: |watch| watch.warm_up(FEW).run(deferred_cleanup::fixed::workload),
        }),
        "reference-cycles" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| watch.run(reference_cycles::leaky::workload),
            fixed: |watch| watch.run(reference_cycles::fixed::workload),
        }),
        "unbounded-queues" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| watch.run_async(unbounded_queues::leaky::workload),
            fixed: |watch| watch.run_async(unbounded_queues::fixed::workload),
        }),
        "retained-capacity" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| watch.run(retained_capacity::leaky::workload),
            fixed: |watch| watch.run(retained_capacity::fixed::workload),
        }),
        "lost-pointers" => Some(Workloads {
            verdict: Verdict::Leak,
            leaky: |watch| watch.run(lost_pointers::leaky::workload),
            fixed: |watch| watch.run(lost_pointers::fixed::workload),
        }),
        "memory-pressure" => Some(Workloads {
            verdict: Verdict::Pressure,
            leaky: |watch| {
                let watch = watch.pressure_from(memory_pressure::BUDGET_BYTES);
                watch.warm_up(FEW).run(memory_pressure::leaky::workload)
            },
            fixed: |watch| {
                let watch = watch.pressure_from(memory_pressure::BUDGET_BYTES);
                watch.warm_up(FEW).run(memory_pressure::fixed::workload)
            },
        }),
        "allocator-retention" => Some(Workloads {
            verdict: Verdict::Retention,
            leaky: |watch| {
                let watch = watch.pressure_from(allocator_retention::NIGHT_BYTES);
                watch.warm_up(FEW).run(allocator_retention::leaky::workload)
            },
            fixed: |watch| {
                let watch = watch.pressure_from(allocator_retention::NIGHT_BYTES);
                watch.warm_up(FEW).run(allocator_retention::fixed::workload)
            },
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use workbook::workspace::Workspace;

    #[test]
    fn every_chapter_of_the_summary_can_be_run() {
        let workspace = Workspace::find().expect("the workbook");
        for chapter in &workspace.chapters {
            assert!(
                super::workloads(&chapter.name).is_some(),
                "{}",
                chapter.name
            );
        }
    }
}
