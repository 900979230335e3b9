// The matrix, for whichever allocator the including file declares.

detectors::tests! {
    #[deadline(seconds = 3600)]
    fn retained_subslices_leaky() { harness::leaks(&cases::retained_subslices(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn retained_subslices_fixed() { harness::is_calm(&cases::retained_subslices()); }
    #[deadline(seconds = 3600)]
    fn unclosed_bodies_leaky() { harness::leaks(&cases::unclosed_bodies(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn unclosed_bodies_fixed() { harness::is_calm(&cases::unclosed_bodies()); }
    #[deadline(seconds = 3600)]
    fn orphaned_tasks_leaky() { harness::leaks(&cases::orphaned_tasks(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn orphaned_tasks_fixed() { harness::is_calm(&cases::orphaned_tasks()); }
    #[deadline(seconds = 3600)]
    fn global_caches_leaky() { harness::leaks(&cases::global_caches(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn global_caches_fixed() { harness::is_calm(&cases::global_caches()); }
    #[deadline(seconds = 3600)]
    fn deferred_cleanup_leaky() { harness::leaks(&cases::deferred_cleanup(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn deferred_cleanup_fixed() { harness::is_calm(&cases::deferred_cleanup()); }
    #[deadline(seconds = 3600)]
    fn reference_cycles_leaky() { harness::leaks(&cases::reference_cycles(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn reference_cycles_fixed() { harness::is_calm(&cases::reference_cycles()); }
    #[deadline(seconds = 3600)]
    fn unbounded_queues_leaky() { harness::leaks(&cases::unbounded_queues(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn unbounded_queues_fixed() { harness::is_calm(&cases::unbounded_queues()); }
    #[deadline(seconds = 3600)]
    fn retained_capacity_leaky() { harness::leaks(&cases::retained_capacity(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn retained_capacity_fixed() { harness::is_calm(&cases::retained_capacity()); }
    #[deadline(seconds = 3600)]
    fn lost_pointers_leaky() { harness::leaks(&cases::lost_pointers(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn lost_pointers_fixed() { harness::is_calm(&cases::lost_pointers()); }
    #[deadline(seconds = 3600)]
    fn memory_pressure_leaky() { harness::leaks(&cases::memory_pressure(), TELLS_CLASSES); }
    #[deadline(seconds = 3600)]
    fn memory_pressure_fixed() { harness::is_calm(&cases::memory_pressure()); }
    // dhat's own tables are resident beside what was freed, and are several times as large: it can't tell this one.
    #[deadline(seconds = 3600)]
    fn allocator_retention_leaky() {
        if TELLS_CLASSES {
            harness::leaks(&cases::allocator_retention(), TELLS_CLASSES);
        }
    }
    #[deadline(seconds = 3600)]
    fn allocator_retention_fixed() {
        if TELLS_CLASSES {
            harness::is_calm(&cases::allocator_retention());
        }
    }

    #[deadline(seconds = 3600)]
    fn look_alikes_are_calm() { harness::look_alikes_are_calm(); }
}
