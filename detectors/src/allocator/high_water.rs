//! The most that was live lately: a mark for any number of readers, none of whom takes it from another.
//!
//! The allocator keeps one mark, the highest since somebody last asked. Each answer ends a *span* and begins the next, and spans are
//! kept for a while: so a reader hears of what was highest before another one asked.

use super::slot;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a reader hears of at least, however many others ask.
const WINDOW: Duration = Duration::from_mins(2);

/// Spans are no shorter than this, however often somebody asks.
const SPAN_LEAST: Duration = Duration::from_secs(1);

static SPANS: Mutex<Spans> = Mutex::new(Spans(VecDeque::new()));

/// The most bytes that were live at once within the last two minutes, and since this was last asked where that is longer ago.
///
/// So a peak between two scrapes is in the second one's answer, however far apart they are. Where several ask, each hears of every
/// peak as long as it asks every two minutes: none takes a peak from another. It is known to within
/// [`peak_within_bytes`](super::Stats::peak_within_bytes), as the peak since the process began. 0 where a
/// [`ProfilingAllocator`](super::ProfilingAllocator) isn't the program's allocator.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
/// use detectors::allocator;
///
/// drop(std::hint::black_box(vec![0_u8; 10 << 20]));
/// assert!(allocator::stats().live_bytes < 10 << 20);
/// assert!(allocator::high_water_bytes() >= 10 << 20);
/// ```
pub fn high_water_bytes() -> u64 {
    let _uncounted = slot::InsideInstrument::enter();
    let mut spans = SPANS.lock().unwrap_or_else(PoisonError::into_inner);
    spans.end(Instant::now(), slot::peak_since_last_asked())
}

/// The time between two answers, and the most that was live in it.
#[derive(Debug)]
struct Span {
    began: Instant,
    ended: Instant,
    peak: u64,
}

/// The latest last.
#[derive(Debug)]
struct Spans(VecDeque<Span>);

impl Spans {
    /// Ends a span in which that was the most; the most of all spans that reach into the window.
    fn end(&mut self, now: Instant, peak: u64) -> u64 {
        match self.0.back_mut() {
            Some(last) if now.duration_since(last.began) < SPAN_LEAST => {
                last.ended = now;
                last.peak = last.peak.max(peak);
            }
            last => {
                let began = last.map_or(now, |last| last.ended);
                let ended = now;
                self.0.push_back(Span { began, ended, peak });
            }
        }
        let is_past = |span: &Span| now.duration_since(span.ended) > WINDOW;
        while self.0.front().is_some_and(is_past) {
            self.0.pop_front();
        }
        let peaks = self.0.iter().map(|span| span.peak);
        peaks.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{SPAN_LEAST, Spans, WINDOW};
    use std::collections::VecDeque;
    use std::time::{Duration, Instant};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_peak_is_told_to_everybody_who_asks_within_the_window_and_then_no_more() {
        let mut spans = Spans(VecDeque::new());
        let began = Instant::now();
        assert_eq!(spans.end(began, 7), 7);
        let peak = began + 15 * SECOND;
        assert_eq!(spans.end(peak, 90), 90);
        for later in 1..=120 {
            assert_eq!(spans.end(peak + later * SECOND, 8), 90, "{later}");
        }
        assert_eq!(spans.end(peak + WINDOW + SECOND, 8), 8);
    }

    #[test]
    fn who_asks_seldom_hears_of_all_since_the_last_time() {
        let mut spans = Spans(VecDeque::new());
        let began = Instant::now();
        assert_eq!(spans.end(began, 7), 7);
        assert_eq!(spans.end(began + 3 * WINDOW, 90), 90);
        assert_eq!(spans.end(began + 6 * WINDOW, 8), 8);
    }

    #[test]
    fn who_asks_all_the_time_neither_fills_the_memory_nor_keeps_a_peak_for_ever() {
        let mut spans = Spans(VecDeque::new());
        let began = Instant::now();
        let step = SPAN_LEAST / 100;
        spans.end(began, 90);
        for at in 1..=30_000 {
            let told = spans.end(began + at * step, 8);
            assert_eq!(told == 90, at * step < WINDOW + SPAN_LEAST, "{at}");
        }
        assert!(spans.0.len() <= 125, "{}", spans.0.len());
    }
}
