//! What two more collections keep of each key that came once, counted by dhat.

use global_caches::beside::{Interner, Requests};

const KEYS: usize = 2_000;

fn key(number: usize) -> String {
    format!("/apex/customer-{number:08}.example")
}

/// Live bytes and blocks of what `fill` returns, for each key.
fn kept<T>(fill: impl FnOnce() -> T) -> (f64, f64) {
    let before = dhat::HeapStats::get();
    let kept = fill();
    let after = dhat::HeapStats::get();
    drop(kept);
    let each = |before: usize, after: usize| (after - before) as f64 / KEYS as f64;
    (
        each(before.curr_bytes, after.curr_bytes),
        each(before.curr_blocks, after.curr_blocks),
    )
}

detectors::tests! {
    fn two_more_collections_that_only_grow() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let requests = |count: fn(&mut Requests, &str)| {
            let mut requests = Requests::default();
            (0..KEYS).for_each(|number| count(&mut requests, &key(number)));
            requests
        };
        let interned = |intern: fn(&mut Interner, &str) -> std::sync::Arc<str>| {
            let mut interner = Interner::default();
            (0..KEYS).for_each(|number| drop(intern(&mut interner, &key(number))));
            interner
        };
        let rows = [
            ("metric label: the path", kept(|| requests(Requests::count_by_path))),
            ("  the route", kept(|| requests(Requests::count_by_route))),
            ("interner with dead entries", kept(|| interned(Interner::intern))),
            ("  pruned", kept(|| interned(Interner::intern_and_prune))),
        ];
        println!("{:<28} {:>10} {:>7}", "kept for each key", "bytes", "blocks");
        for (way, (bytes, blocks)) in rows {
            println!("{way:<28} {bytes:>10.1} {blocks:>7.2}");
        }
        for [grows, bounded] in rows.as_chunks::<2>().0 {
            assert!(grows.1.1 >= 1.0, "{}: a block for each key", grows.0);
            assert!(bounded.1.0 < 8.0, "{}: next to nothing", bounded.0);
        }
    }

    fn both_twins_do_the_same() {
        let (mut by_path, mut by_route) = (Requests::default(), Requests::default());
        let (mut plain, mut pruned) = (Interner::default(), Interner::default());
        let held = (plain.intern("held"), pruned.intern_and_prune("held"));
        for number in 0..100 {
            by_path.count_by_path(&key(number));
            by_route.count_by_route(&key(number));
            assert_eq!(plain.intern(&key(number)), pruned.intern_and_prune(&key(number)));
        }
        assert_eq!((by_path.rows(), by_route.rows()), (100, 1));
        assert!(std::sync::Arc::ptr_eq(&held.0, &plain.intern("held")));
        assert!(std::sync::Arc::ptr_eq(&held.1, &pruned.intern_and_prune("held")));
        assert_eq!(plain.entries(), 101);
        assert!(pruned.entries() < 40, "{}", pruned.entries());
    }
}
