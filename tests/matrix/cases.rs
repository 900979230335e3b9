//! The chapters' workloads, each with its class and the part of the chart in the book that leads to it.

use detectors::{Class, Evidence, Kind, Peak, PeakEvidence, Verdict, Watch};

/// One chapter.
pub(crate) struct Case {
    pub(crate) class: Class,
    /// What the leaky variant is: a leak, or one of the two that look like one.
    pub(crate) verdict: Verdict,
    /// What the first finding counts.
    pub(crate) first: Kind,
    pub(crate) leaky: fn(Watch) -> Evidence,
    pub(crate) fixed: fn(Watch) -> Evidence,
    /// The fixed variant as one call that goes through so many iterations.
    pub(crate) fixed_at_once: fn(Peak) -> PeakEvidence,
}

/// Enough for an iteration that opens or spawns something.
const FEW: u64 = 8;

pub(crate) fn retained_subslices() -> Case {
    Case {
        class: Class::RetainedSubslices,
        verdict: Verdict::Leak,
        first: Kind::Bytes,
        leaky: |watch| watch.run(retained_subslices::leaky::workload),
        fixed: |watch| watch.run(retained_subslices::fixed::workload),
        fixed_at_once: |peak| {
            peak.run(|items| {
                let mut iteration = retained_subslices::fixed::workload();
                items.for_each(|_| {
                    iteration();
                });
            })
        },
    }
}

pub(crate) fn unclosed_bodies() -> Case {
    Case {
        class: Class::UnclosedBodies,
        verdict: Verdict::Leak,
        first: Kind::Tasks,
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
        fixed_at_once: |peak| {
            peak.run_async(async |items| {
                let mut iteration = unclosed_bodies::fixed::workload().await;
                // As many failures as it remembers.
                for _ in 0..unclosed_bodies::fixed::FAILURES_MAX {
                    iteration().await;
                }
                for _ in items {
                    iteration().await;
                }
            })
        },
    }
}

pub(crate) fn orphaned_tasks() -> Case {
    Case {
        class: Class::OrphanedTasks,
        verdict: Verdict::Leak,
        first: Kind::Tasks,
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
        fixed_at_once: |peak| {
            peak.run_async(async |items| {
                let mut iteration = orphaned_tasks::fixed::workload().await;
                for _ in items {
                    iteration().await;
                }
            })
        },
    }
}

pub(crate) fn global_caches() -> Case {
    Case {
        class: Class::GlobalCaches,
        verdict: Verdict::Leak,
        first: Kind::Bytes,
        leaky: |watch| watch.run(global_caches::leaky::workload),
        // The cache is full before it is judged.
        fixed: |watch| watch.warm_up(200).run(global_caches::fixed::workload),
        fixed_at_once: |peak| {
            peak.run(|items| {
                let mut iteration = global_caches::fixed::workload();
                // Full before the items come: a cache that fills is no pile.
                (0..4_000).for_each(|_| iteration());
                items.for_each(|_| iteration());
            })
        },
    }
}

pub(crate) fn deferred_cleanup() -> Case {
    Case {
        class: Class::DeferredCleanup,
        verdict: Verdict::Leak,
        first: Kind::Descriptors,
        leaky: |watch| watch.warm_up(FEW).run(deferred_cleanup::leaky::workload),
        fixed: |watch| watch.warm_up(FEW).run(deferred_cleanup::fixed::workload),
        fixed_at_once: |peak| {
            peak.run(|items| {
                let mut iteration = deferred_cleanup::fixed::workload();
                items.for_each(|_| iteration());
            })
        },
    }
}

pub(crate) fn reference_cycles() -> Case {
    Case {
        class: Class::ReferenceCycles,
        verdict: Verdict::Leak,
        first: Kind::Bytes,
        leaky: |watch| watch.run(reference_cycles::leaky::workload),
        fixed: |watch| watch.run(reference_cycles::fixed::workload),
        fixed_at_once: |peak| {
            peak.run(|items| {
                let mut iteration = reference_cycles::fixed::workload();
                items.for_each(|_| iteration());
            })
        },
    }
}

pub(crate) fn unbounded_queues() -> Case {
    Case {
        class: Class::UnboundedQueues,
        verdict: Verdict::Leak,
        first: Kind::Bytes,
        leaky: |watch| watch.run_async(unbounded_queues::leaky::workload),
        fixed: |watch| watch.run_async(unbounded_queues::fixed::workload),
        fixed_at_once: |peak| {
            peak.run_async(async |items| {
                let mut iteration = unbounded_queues::fixed::workload().await;
                for _ in items {
                    iteration().await;
                }
            })
        },
    }
}

pub(crate) fn retained_capacity() -> Case {
    Case {
        class: Class::RetainedCapacity,
        verdict: Verdict::Leak,
        first: Kind::Bytes,
        leaky: |watch| watch.run(retained_capacity::leaky::workload),
        fixed: |watch| watch.run(retained_capacity::fixed::workload),
        fixed_at_once: |peak| {
            peak.run(|items| {
                let mut iteration = retained_capacity::fixed::workload();
                items.for_each(|_| {
                    iteration();
                });
            })
        },
    }
}

pub(crate) fn lost_pointers() -> Case {
    Case {
        class: Class::LostPointers,
        verdict: Verdict::Leak,
        first: Kind::Bytes,
        leaky: |watch| watch.run(lost_pointers::leaky::workload),
        fixed: |watch| watch.run(lost_pointers::fixed::workload),
        fixed_at_once: |peak| {
            peak.run(|items| {
                let mut iteration = lost_pointers::fixed::workload();
                items.for_each(|_| iteration());
            })
        },
    }
}

pub(crate) fn allocator_retention() -> Case {
    fn within(watch: Watch) -> Watch {
        let watch = watch.pressure_from(allocator_retention::NIGHT_BYTES);
        watch.warm_up(FEW)
    }
    Case {
        class: Class::AllocatorRetention,
        verdict: Verdict::Retention,
        first: Kind::Resident,
        leaky: |watch| within(watch).run(allocator_retention::leaky::workload),
        fixed: |watch| within(watch).run(allocator_retention::fixed::workload),
        fixed_at_once: |peak| {
            // One worker: how many are at their peak at the same moment is chance.
            let night = allocator_retention::feed::Night {
                workers: 1,
                batches: 1,
                hosts: 500,
            };
            peak.items([4, 8, 16, 32]).run(|nights| {
                nights.for_each(|_| {
                    let latest = allocator_retention::fixed::refresh(night);
                    assert!(latest.is_ok());
                });
            })
        },
    }
}

pub(crate) fn memory_pressure() -> Case {
    fn within(watch: Watch) -> Watch {
        let watch = watch.pressure_from(memory_pressure::BUDGET_BYTES);
        watch.warm_up(FEW)
    }
    Case {
        class: Class::MemoryPressure,
        verdict: Verdict::Pressure,
        first: Kind::Bytes,
        leaky: |watch| within(watch).run(memory_pressure::leaky::workload),
        fixed: |watch| within(watch).run(memory_pressure::fixed::workload),
        fixed_at_once: |peak| {
            peak.run(|pages| {
                let pages = pages.map(memory_pressure::cluster::page);
                memory_pressure::fixed::by_apex(pages, &mut std::io::sink())
            })
        },
    }
}
