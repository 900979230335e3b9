//! What one call has open or live at its peak, for each item: four ways that put cleanup off, and their mended twins.

use deferred_cleanup::at_once::{self, Zones};
use detectors::{Class, Kind, Peak, PeakEvidence};

fn row(way: &str, seen: &PeakEvidence) {
    println!(
        "{way:<32} {:>11.1} {:>6.1} {:>8.0}  {}",
        seen.per_item(Kind::Descriptors),
        seen.per_item(Kind::Tasks),
        seen.per_item(Kind::Bytes),
        seen.verdict
    );
}

detectors::tests! {
    // ANCHOR: peaks
    fn four_ways_to_clean_up_too_late() {
        let zones = Zones::new().expect("a scratch folder");
        let folder = tempfile::tempdir().expect("a scratch folder");

        let deferred = Peak::new("guards until the end").run(|items| zones.guards_until_the_end(items));
        let each_turn = Peak::new("a guard for each turn").run(|items| zones.a_guard_for_each_turn(items));
        deferred.assert_grows(Class::DeferredCleanup, Kind::Descriptors);
        each_turn.assert_bounded();
        // ANCHOR_END: peaks

        let collected = Peak::new("all opened first").run(|items| zones.all_opened_first(items));
        let streamed = Peak::new("one after the other").run(|items| zones.one_after_the_other(items));
        collected.assert_grows(Class::DeferredCleanup, Kind::Descriptors);
        streamed.assert_bounded();

        let stacked = Peak::new("a stack of cleanups")
            .run(|items| at_once::a_stack_of_cleanups(folder.path(), items));
        let scoped = Peak::new("a cleanup for each")
            .run(|items| at_once::a_cleanup_for_each(folder.path(), items));
        stacked.assert_grows(Class::DeferredCleanup, Kind::Descriptors);
        scoped.assert_bounded();

        let held = Peak::new("a page held across an await")
            .allow_bytes(1_024.0)
            .run_async(async |items| at_once::pages_held_across_an_await(items).await);
        let dropped = Peak::new("a page dropped before it")
            .allow_bytes(1_024.0)
            .run_async(async |items| at_once::pages_dropped_before_an_await(items).await);
        assert!(held.per_item(Kind::Bytes) >= at_once::PAGE_BYTES as f64, "{held:?}");
        assert!(dropped.per_item(Kind::Bytes) < 1_024.0, "{dropped:?}");

        println!("{:<32} {:>11} {:>6} {:>8}  verdict", "at the peak, for each item", "descriptors", "tasks", "bytes");
        row("guards until the function ends", &deferred);
        row("  a guard for each turn", &each_turn);
        row("map(open).collect()", &collected);
        row("  one after the other", &streamed);
        row("a stack of cleanups", &stacked);
        row("  a cleanup for each", &scoped);
        row("a page held across an await", &held);
        row("  a page dropped before it", &dropped);
    }

    fn both_twins_answer_alike() {
        let zones = Zones::new().expect("a scratch folder");
        let lines = |counted: std::io::Result<usize>| counted.expect("readable zones");
        assert_eq!(lines(zones.guards_until_the_end(0..40)), 80);
        assert_eq!(lines(zones.a_guard_for_each_turn(0..40)), 80);
        assert_eq!(lines(zones.all_opened_first(0..40)), 80);
        assert_eq!(lines(zones.one_after_the_other(0..40)), 80);
        let folder = tempfile::tempdir().expect("a scratch folder");
        let empty = || std::fs::read_dir(folder.path()).expect("a folder").count() == 0;
        assert_eq!(lines(at_once::a_stack_of_cleanups(folder.path(), 0..40)), 120);
        assert!(empty());
        assert_eq!(lines(at_once::a_cleanup_for_each(folder.path(), 0..40)), 120);
        assert!(empty());
    }
}
