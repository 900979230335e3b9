//! What three other ways lose, and what their mended twins do, counted by dhat.

use lost_pointers::beside::{self, Editing, ZONE_BYTES};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Live bytes and blocks that one call leaves behind.
fn lost(call: impl FnOnce()) -> (usize, usize) {
    let before = dhat::HeapStats::get();
    call();
    let after = dhat::HeapStats::get();
    (
        after.curr_bytes - before.curr_bytes,
        after.curr_blocks - before.curr_blocks,
    )
}

detectors::tests! {
    fn three_ways_to_lose_a_block() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let much = 2 * ZONE_BYTES;
        let rows = [
            ("into_raw, early return", lost(|| assert!(!beside::raw(much)))),
            ("  owner type with Drop", lost(|| assert!(!beside::owned(much)))),
            ("mem::forget of a guard", lost(|| Editing::begin().commit_by_forgetting())),
            ("  dropped", lost(|| Editing::begin().commit())),
            ("ManuallyDrop fields", lost(beside::by_hand)),
            ("  fields in drop order", lost(beside::by_order)),
        ];
        println!("{:<24} {:>11} {:>7}", "one call of", "lost bytes", "blocks");
        for (way, (bytes, blocks)) in rows {
            println!("{way:<24} {bytes:>11} {blocks:>7}");
        }
        for [lossy, mended] in rows.as_chunks::<2>().0 {
            dhat::assert!(lossy.1.0 >= ZONE_BYTES, "{} loses the zone", lossy.0);
            dhat::assert_eq!(mended.1, (0, 0), "{} loses nothing", mended.0);
        }
    }

    fn both_ways_through_the_raw_library_answer_alike() {
        for least in [0, ZONE_BYTES, ZONE_BYTES + 1] {
            assert_eq!(beside::raw(least), beside::owned(least));
        }
    }
}
