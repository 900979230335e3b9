//! What three other ways lose, and what their mended twins do, counted by dhat.

use lost_pointers::beside::{self, Editing, ZONE_BYTES};

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
        let mut zone = vec![b'r'; ZONE_BYTES];
        let rows = [
            ("into_raw, early return", lost(|| assert!(!beside::raw(much)))),
            ("  owner type with Drop", lost(|| assert!(!beside::owned(much)))),
            ("mem::forget of a guard", lost(|| Editing::begin(&mut zone).commit_by_forgetting())),
            ("  disarmed, then dropped", lost(|| Editing::begin(&mut zone).commit())),
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

    fn a_change_is_kept_by_either_commit_and_undone_without_one() {
        let mut zone = vec![b'r'];
        Editing::begin(&mut zone).add(b'n');
        assert_eq!(zone, *b"r", "dropped without a commit");
        let mut editing = Editing::begin(&mut zone);
        editing.add(b'n');
        editing.commit();
        assert_eq!(zone, *b"rn");
        let mut editing = Editing::begin(&mut zone);
        editing.add(b'n');
        editing.commit_by_forgetting();
        assert_eq!(zone, *b"rnn");
    }

    fn both_ways_through_the_raw_library_answer_alike() {
        for least in [0, ZONE_BYTES, ZONE_BYTES + 1] {
            assert_eq!(beside::raw(least), beside::owned(least));
        }
    }
}
