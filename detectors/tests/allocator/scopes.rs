//! What a scope counts, to the byte, while other tests allocate beside it.

use detectors::Scope;
use detectors::allocator::{follows_threads, uncounted};
use detectors::heap::{Detail, HeapReading};
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier, Mutex, mpsc};

fn scope() -> Scope {
    Scope::new(Detail::Counts).expect("the profiling allocator is this file's")
}

/// Live blocks and bytes.
fn live(reading: HeapReading) -> (u64, u64) {
    (reading.blocks, reading.bytes)
}

#[test]
fn blocks_of_the_scope_and_no_others_count() {
    let before = vec![1_u8; 700];
    let scope = scope();
    assert_eq!(scope.read(), HeapReading::default());
    let kept = black_box(vec![1_u8; 500]);
    drop(before);
    assert_eq!(live(scope.read()), (1, 500));
    drop(black_box(vec![1_u8; 9_000]));
    let reading = scope.read();
    assert_eq!(live(reading), (1, 500));
    assert_eq!((reading.total_blocks, reading.total_bytes), (2, 9_500));
    assert_eq!(reading.peak_bytes, 9_500);
    drop(kept);
    assert_eq!(live(scope.read()), (0, 0));
}

#[test]
fn what_grows_and_shrinks_in_place_is_one_block() {
    let scope = scope();
    let mut grown: Vec<u8> = Vec::with_capacity(100);
    grown.resize(100, 1);
    grown.reserve_exact(100_000);
    let reading = scope.read();
    assert_eq!(live(reading), (1, 100_100));
    assert_eq!((reading.total_blocks, reading.total_bytes), (2, 100_200));
    grown.shrink_to_fit();
    assert_eq!(live(scope.read()), (1, 100));
    drop(black_box(grown));
    assert_eq!(live(scope.read()), (0, 0));
}

#[test]
fn a_block_that_grows_into_the_scope_counts_from_then_on() {
    let mut older: Vec<u8> = vec![1; 64];
    let scope = scope();
    older.reserve_exact(1_000);
    assert_eq!(live(scope.read()), (1, 1_064));
    drop(older);
    assert_eq!(live(scope.read()), (0, 0));
}

#[test]
fn threads_are_followed_and_frees_come_from_anywhere() {
    assert!(
        follows_threads(),
        "this standard library's threads free what their spawner gave them"
    );
    let scope = scope();
    let from_grandchild = std::thread::spawn(|| {
        let inner = std::thread::spawn(|| black_box(vec![1_u8; 3_000]));
        inner.join().expect("it doesn't panic")
    });
    let kept = from_grandchild.join().expect("it doesn't panic");
    assert_eq!(live(scope.read()), (1, 3_000));
    std::thread::spawn(move || drop(kept))
        .join()
        .expect("it doesn't panic");
    assert_eq!(live(scope.read()), (0, 0));
}

#[test]
fn an_inner_scope_counts_for_the_outer_too() {
    let outer = scope();
    let first = black_box(vec![1_u8; 10]);
    let inner = scope();
    let second = black_box(vec![1_u8; 20]);
    assert_eq!(live(inner.read()), (1, 20));
    assert_eq!(live(outer.read()), (2, 30));
    drop(inner);
    let third = black_box(vec![1_u8; 30]);
    assert_eq!(live(outer.read()), (3, 60));
    drop((first, second, third));
    assert_eq!(live(outer.read()), (0, 0));
}

#[test]
fn what_outlives_an_inner_scope_still_counts_for_the_outer() {
    let outer = scope();
    let middle = scope();
    let inner = scope();
    let kept = black_box(vec![1_u8; 10]);
    drop(inner);
    assert_eq!(live(middle.read()), (1, 10));
    drop(middle);
    assert_eq!(live(outer.read()), (1, 10));
    drop(kept);
    assert_eq!(live(outer.read()), (0, 0));
}

#[test]
fn the_outer_scope_is_told_of_a_free_whoever_uses_the_inner_ones_place_by_then() {
    const ROUNDS: usize = 200;
    // A channel would allocate for whoever waits.
    let given = Arc::new((Mutex::new(None::<Vec<u8>>), Barrier::new(2)));
    let taken = Arc::clone(&given);
    // In no scope, since it is older than each of them.
    let elsewhere = std::thread::spawn(move || {
        let (place, turn) = &*taken;
        for _ in 0..ROUNDS {
            turn.wait();
            let uses_the_inner_ones_place = scope();
            *place.lock().expect("nobody panics") = None;
            drop(uses_the_inner_ones_place);
            turn.wait();
        }
    });
    let outer = scope();
    let (place, turn) = &*given;
    for _ in 0..ROUNDS {
        let inner = scope();
        *place.lock().expect("nobody panics") = Some(black_box(vec![1_u8; 10]));
        drop(inner);
        turn.wait();
        turn.wait();
    }
    elsewhere.join().expect("it doesn't panic");
    let reading = outer.read();
    assert_eq!(live(reading), (0, 0));
    assert_eq!(reading.total_blocks, ROUNDS as u64);
}

#[test]
fn a_thread_outlives_the_inner_scope_and_counts_for_the_outer() {
    let outer = scope();
    let inner = scope();
    let (go, wait) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        wait.recv().expect("the other end lives");
        black_box(vec![1_u8; 3_000])
    });
    drop(inner);
    let before = outer.read().total_bytes;
    go.send(()).expect("the other end lives");
    let kept = thread.join().expect("it doesn't panic");
    assert!(outer.read().total_bytes - before >= 3_000);
    drop(kept);
}

#[test]
fn what_outlives_its_scope_never_counts_in_a_later_one() {
    for _ in 0..2_000 {
        let old = {
            let _scope = scope();
            black_box(vec![1_u8; 4_000])
        };
        let scope = scope();
        let new = black_box(vec![1_u8; 50]);
        drop(old);
        assert_eq!(live(scope.read()), (1, 50));
        drop(new);
        assert_eq!(live(scope.read()), (0, 0));
    }
}

#[test]
fn a_site_is_told_by_its_line() {
    let scope = Scope::new(Detail::Stacks).expect("the profiling allocator is this file's");
    let kept: Vec<Box<[u64; 4]>> = (0..100).map(|_| a_box()).collect();
    let profile = scope.profile().expect("something was allocated");
    let top = profile.top(Some("inuse_objects")).expect("one of the four");
    assert!(top.rows[0].function.ends_with("scopes::a_box"), "{top}");
    assert_eq!(top.rows[0].flat, 100, "{top}");
    drop(kept);
}

#[inline(never)]
fn a_box() -> Box<[u64; 4]> {
    black_box(Box::new([7; 4]))
}

/// The only test of this file that counts the whole process: there is one such scope at a time.
#[test]
fn a_second_scope_of_the_process_is_refused_and_changes_nothing() {
    let whole = Scope::of_process(Detail::Counts).expect("there is no other");
    for _ in 0..2 {
        let refused = Scope::of_process(Detail::Counts).expect_err("there is one already");
        assert!(
            refused.reason.contains("counted already"),
            "{}",
            refused.reason
        );
    }
    let before = whole.read().total_blocks;
    drop(black_box(Box::new(1)));
    assert!(whole.read().total_blocks > before);
}

#[test]
fn a_reading_beside_threads_that_free_is_never_negative() {
    let stacks = Scope::new(Detail::Stacks).expect("the profiling allocator is this file's");
    let counts = scope();
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !done.load(Relaxed) {
                    drop(black_box(Box::new([7_u64; 4])));
                }
            });
        }
        // Joined first, so that a failure ends the threads.
        let read = || {
            for _ in 0..50_000 {
                let reading = counts.read();
                assert!(reading.blocks <= reading.total_blocks, "{reading:?}");
                assert!(reading.bytes <= reading.total_bytes, "{reading:?}");
            }
            for _ in 0..500 {
                stacks.each_site(&mut |site| assert!(site.blocks.cast_signed() >= 0, "{site:?}"));
            }
        };
        let outcome = threads.spawn(read).join();
        done.store(true, Relaxed);
        outcome.expect("no reading is negative");
    });
}

#[test]
fn what_is_allocated_uncounted_counts_nowhere_and_what_is_freed_there_is_gone() {
    let scope = scope();
    let counted = black_box(vec![1_u8; 100]);
    let mut grown: Vec<u8> = Vec::with_capacity(10);
    let mut hidden = uncounted(|| {
        drop(counted);
        grown.reserve_exact(1_000);
        // Nested, and left early: what follows is still uncounted.
        let first = uncounted(|| black_box(vec![1_u8; 70]));
        drop(first);
        black_box(vec![1_u8; 200])
    });
    let reading = scope.read();
    assert_eq!(live(reading), (1, 1_000));
    assert_eq!((reading.total_blocks, reading.total_bytes), (3, 1_110));
    hidden.reserve_exact(5_000);
    assert_eq!(live(scope.read()), (2, 6_200));
    drop((grown, hidden));
    assert_eq!(live(scope.read()), (0, 0));
}

#[test]
fn what_was_counted_is_seen_from_within_uncounted_work() {
    let scope = Scope::new(Detail::Stacks).expect("the profiling allocator is this file's");
    let kept = black_box(vec![1_u8; 100]);
    let bytes =
        |sites: Vec<detectors::heap::SiteReading>| sites.iter().map(|site| site.bytes).sum();
    let seen: u64 = bytes(uncounted(|| scope.sites()));
    assert_eq!(seen, 100);
    drop(kept);
}

#[test]
fn a_panic_ends_what_is_uncounted() {
    let scope = scope();
    let caught = std::panic::catch_unwind(|| uncounted(|| std::panic::resume_unwind(Box::new(1))));
    assert!(caught.is_err());
    let kept = black_box(vec![1_u8; 100]);
    assert!(scope.read().bytes >= 100);
    drop(kept);
}
