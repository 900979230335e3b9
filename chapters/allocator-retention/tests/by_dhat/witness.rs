//! dhat alone, without any of our rules, must agree: after a night, nothing of it is live.

use allocator_retention::feed::{self, Night};
use allocator_retention::leaky;
use std::hint::black_box;

detectors::tests! {
    #[deadline(seconds = 120)]
    fn dhat_sees_nothing_of_the_night_live() {
        let _profiler = dhat::Profiler::builder().testing().build();
        let answers = feed::answers();
        let before = dhat::HeapStats::get();
        let latest = leaky::refresh(Night::SHORT).expect("the feed is JSON");
        let after = dhat::HeapStats::get();
        assert!(before.curr_bytes > 6_000_000, "{before:?}");
        assert!(after.curr_bytes < before.curr_bytes + 4_096, "{before:?} {after:?}");
        assert!(after.max_bytes > 20_000_000, "the night was real: {after:?}");
        black_box((answers, latest));
    }
}
