//! What four views and one copy of sixteen bytes keep alive, counted by dhat.

use retained_subslices::beside::{self, BUFFER_BYTES, WANTED, Window};

/// Live bytes and blocks of what `keep` returns, once all else is gone.
fn live<T>(keep: impl FnOnce() -> T) -> (usize, usize) {
    let before = dhat::HeapStats::get();
    let kept = keep();
    let after = dhat::HeapStats::get();
    drop(kept);
    (
        after.curr_bytes - before.curr_bytes,
        after.curr_blocks - before.curr_blocks,
    )
}

detectors::tests! {
    fn a_view_keeps_the_buffer_and_a_copy_does_not() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let buffer = || vec![b'x'; BUFFER_BYTES];
        let rows = [
            ("Bytes::slice", live(|| beside::slice(buffer()))),
            ("BytesMut::split_to", live(|| beside::split_to(&buffer()))),
            ("Vec::truncate", live(|| beside::truncate(buffer()))),
            ("window into Arc<str>", live(|| Window::new("x".repeat(BUFFER_BYTES)))),
            ("copy", live(|| beside::copy(&buffer()))),
        ];
        println!("{:<22} {:>12} {:>8}", "kept: 16 bytes, as", "live bytes", "blocks");
        for (way, (bytes, blocks)) in rows {
            println!("{way:<22} {bytes:>12} {blocks:>8}");
        }
        let (copy, views) = rows.split_last().expect("there are five");
        dhat::assert_eq!(copy.1, (WANTED.len(), 1));
        for (way, (bytes, _)) in views {
            dhat::assert!(*bytes >= BUFFER_BYTES, "{way} keeps the whole buffer");
        }
    }

    fn all_ways_show_the_same_bytes() {
        let text: String = ('a'..='z').cycle().take(BUFFER_BYTES).collect();
        let wanted = &text.as_bytes()[WANTED];
        assert_eq!(beside::slice(text.clone().into_bytes()), wanted);
        assert_eq!(beside::split_to(text.as_bytes()), wanted);
        assert_eq!(beside::truncate(text.clone().into_bytes()), wanted);
        assert_eq!(Window::new(text.clone()).as_str().as_bytes(), wanted);
        assert_eq!(&*beside::copy(text.as_bytes()), wanted);
    }
}
