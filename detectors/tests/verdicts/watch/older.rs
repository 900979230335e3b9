//! Blocks from before the watch, which it doesn't count when they come and which go while it runs.

use detectors::{Kept, Verdict, Watch};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::sync::Mutex;

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

/// A static's table doubles in the first run, in step with the windows, and hardly in the second: no site shows its growth again.
pub(crate) fn table_that_doubled_before() {
    static TABLE: Mutex<BTreeMap<u64, Vec<u8>>> = Mutex::new(BTreeMap::new());
    static ROOM: Mutex<Vec<[u64; 32]>> = Mutex::new(Vec::new());
    let evidence = Watch::new("a table that doubled before").run(|| {
        || {
            let mut room = ROOM.lock().expect("no panic");
            room.push([7; 32]);
            let key = room.len() as u64;
            TABLE
                .lock()
                .expect("no panic")
                .insert(key, black_box(vec![0; 60]));
        }
    });
    assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
    let told = "of them did not come again in the second run, as where a table has doubled before";
    assert!(evidence.because.contains(told), "{}", evidence.because);
}

/// A holder that is filling hasn't stopped: the words say that what grows has a bound.
pub(crate) fn holder_that_fills() {
    let evidence = Watch::new("a holder that fills").run(|| {
        let mut kept: Vec<Vec<u8>> = Vec::with_capacity(20_000);
        move || {
            kept.push(black_box(vec![0; 100]));
            Kept::bytes(100 * kept.len()).of_at_most(2_000_000)
        }
    });
    assert_eq!(evidence.verdict, Verdict::WarmingUp, "{}", evidence.because);
    assert_eq!(evidence.meaning(), "it grows, and what grows has a bound");
    // What stopped has stopped, whatever moves a little afterwards.
    let mut stopped = evidence;
    for (reading, rise) in stopped.readings.iter_mut().skip(1).zip([9_000, 0, -8, 8]) {
        (reading.rise_bytes, reading.rise_blocks) = (Some(rise), Some(rise));
    }
    assert_eq!(stopped.meaning(), Verdict::WarmingUp.definition());
    let evidence = Watch::new("nothing").run(|| || {});
    assert_eq!(evidence.meaning(), Verdict::Steady.definition());
}
