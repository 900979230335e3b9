//! What a watch's reach leaves open: whether something holds more after many turns, to the byte.

use detectors::allocator::stats;

/// How often as many turns again are taken.
const DOUBLINGS: usize = 3;

/// Has it take its turns, then as many again, and again, and fails when more is live each time.
///
/// A watch needs growth that goes on from window to window, and allows what a holder accounts for. This is for a holder that is full:
/// it may replace what it has, and a table may grow once, and nothing more. Since the turns double, a vector that doubles is seen, and
/// so is what leaks once in so many turns.
///
/// # Panics
///
/// When it holds more each time. And when the program's allocator isn't a
/// [`ProfilingAllocator`](detectors::ProfilingAllocator), whose figures these are.
pub fn assert_holds_no_more(who: &str, turns: u64, mut turn: impl FnMut()) {
    (0..turns).for_each(|_| turn());
    let first = stats().live_bytes;
    assert!(first > 0, "this needs a ProfilingAllocator, which counts");
    let mut more = vec![0];
    for doubling in 0..DOUBLINGS {
        (0..turns << doubling).for_each(|_| turn());
        more.push(stats().live_bytes.saturating_sub(first));
    }
    if more.is_sorted_by(|before, after| before < after) {
        let more: Vec<String> = more[1..].iter().map(|bytes| format!("+{bytes}")).collect();
        panic!(
            "{who}, from {turns} turns on, holds more bytes each time when as many turns again are taken: {}. Nothing may stay of a \
             turn, be it little or seldom. Which line keeps something?",
            more.join(", ")
        );
    }
}
