//! Blocks from before the watch, which it doesn't count when they come and which go while it runs.

use detectors::{Verdict, Watch};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;

fn full() -> VecDeque<Vec<u8>> {
    (0..10_000).map(|_| black_box(vec![0; 100])).collect()
}

fn turn_over(cache: &mut VecDeque<Vec<u8>>) {
    cache.pop_front();
    cache.push_back(black_box(vec![0; 100]));
}

/// A cache that was full when the watch began: each new entry takes the place of an old one.
pub(crate) fn full_cache() {
    let cache = RefCell::new(full());
    let evidence = Watch::new("a full cache").run(|| {
        let cache = &cache;
        move || {
            turn_over(&mut cache.borrow_mut());
        }
    });
    assert_eq!(
        evidence.verdict,
        Verdict::Inconclusive,
        "{}",
        evidence.because
    );
    assert!(
        evidence.because.contains("take the place of older ones"),
        "{}",
        evidence.because
    );
    assert!(evidence.settle_by.is_some());
}

/// The same beside a leak that is larger than what goes.
pub(crate) fn leak_beside_it() {
    let cache = RefCell::new(full());
    let evidence = Watch::new("a leak beside a full cache").run(|| {
        let cache = &cache;
        let mut kept = Vec::with_capacity(4_000);
        move || {
            turn_over(&mut cache.borrow_mut());
            kept.push(black_box(vec![0_u8; 300]));
        }
    });
    assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
}
