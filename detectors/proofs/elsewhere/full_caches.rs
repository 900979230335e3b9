//! A full cache is no leak: bounds anywhere, whatever holds the entries, however long the watch looks.
//!
//! Where something was added in the last eighth of the iterations, nobody can know yet, and nothing is asked here.

use detectors::{Evidence, Sample, Verdict, Watch};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Mutex;

type Iteration = Box<dyn FnMut()>;

/// A bound on the entries, and a state that keeps to it: one entry more in each iteration, until it is full.
type Shape = fn(usize) -> Iteration;

/// Around the powers of two and what a hash table holds before it doubles, and between them; and shortly before a watch's end.
const BOUNDS: [usize; 22] = [
    10, 56, 100, 224, 300, 448, 512, 700, 896, 950, 1_024, 1_100, 1_200, 1_390, 1_600, 1_793,
    2_048, 2_300, 2_700, 3_500, 4_097, 5_000,
];

/// Warm-up and windows.
const LOOKS: [(u64, u32); 4] = [(50, 5), (8, 4), (100, 3), (31, 6)];

fn is_never_accused(name: &str, shape: Shape) {
    let (mut wrong, mut open, mut looks) = (Vec::new(), 0, 0);
    for (look, (warm_up, windows)) in LOOKS.into_iter().enumerate() {
        // A quarter of the bounds for each look; all of them where proofs are repeated.
        let all = std::env::var_os("DETECTORS_REPETITIONS").is_some_and(|times| times != "1");
        let bounds = BOUNDS.into_iter().enumerate();
        for (_, bound) in bounds.filter(|(number, _)| all || (number + look) % LOOKS.len() == 0) {
            looks += 1;
            let evidence = Watch::new(name)
                .warm_up(warm_up)
                .windows(windows)
                .run(move || shape(bound));
            if is_open(&evidence, bound) {
                open += 1;
            } else if !is_right(&evidence, bound) {
                wrong.push(format!(
                    "full at {bound}, warm-up {warm_up}, {windows} windows: {}, {}",
                    evidence.verdict, evidence.because
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    assert!(
        open * 10 <= looks,
        "{name}: {open} of {looks} looks are open"
    );
}

/// A hash table that is full may double in any window, for the marks that removed entries leave.
fn is_open(evidence: &Evidence, bound: usize) -> bool {
    evidence.verdict == Verdict::Inconclusive && !is_right(evidence, bound)
}

/// Calm where it was full before the last eighth.
fn is_right(evidence: &Evidence, bound: usize) -> bool {
    let Some(last) = evidence.readings.last() else {
        return false;
    };
    let before = last.to - last.to / 8;
    let was_full = u64::try_from(bound).is_ok_and(|bound| bound <= before);
    // A hash table may double once more when it is full, for the marks that removed entries leave.
    let late = |sample: &&Sample| sample.iteration >= before;
    let mut bytes = evidence
        .timeline
        .iter()
        .filter(late)
        .map(|sample| sample.bytes);
    let rested = bytes
        .next()
        .is_none_or(|first| bytes.all(|bytes| bytes <= first));
    !(was_full && rested) || matches!(evidence.verdict, Verdict::Steady | Verdict::WarmingUp)
}

detectors::tests! {
    fn a_map_of_boxes_with_room() {
        is_never_accused("a map with room", |bound| {
            let mut map = HashMap::with_capacity(8_192);
            let mut number = 0;
            Box::new(move || {
                number += 1;
                map.insert(number % bound, Box::new([1_u8; 200]));
            })
        });
    }

    fn a_map_of_boxes() {
        is_never_accused("a map", |bound| {
            let mut map = HashMap::new();
            let mut number = 0;
            Box::new(move || {
                number += 1;
                map.insert(number % bound, Box::new([1_u8; 64]));
            })
        });
    }

    fn a_ring_of_boxes() {
        is_never_accused("a ring of boxes", |bound| {
            let mut ring = VecDeque::new();
            Box::new(move || {
                ring.push_back(Box::new([1_u8; 200]));
                if ring.len() > bound {
                    ring.pop_front();
                }
            })
        });
    }

    /// No block for each entry.
    fn a_ring_of_numbers() {
        is_never_accused("a ring of numbers", |bound| {
            let mut ring = VecDeque::new();
            Box::new(move || {
                ring.push_back([7_u64; 3]);
                if ring.len() > bound {
                    ring.pop_front();
                }
            })
        });
    }

    /// A vector that is full, and the place that is written next: what a hand-made ring looks like.
    fn a_vector_that_is_written_in_turns() {
        is_never_accused("a vector in turns", |bound| {
            let mut last: Vec<u64> = Vec::new();
            let mut next = 0;
            Box::new(move || {
                if last.len() < bound {
                    last.push(7);
                } else {
                    last[next] = 8;
                    next = (next + 1) % bound;
                }
            })
        });
    }

    fn a_table_of_tokens() {
        is_never_accused("tokens", |bound| {
            let mut tokens: HashMap<usize, u64> = HashMap::new();
            let mut number = 0;
            Box::new(move || {
                number += 1;
                tokens.insert(number % bound, 7);
            })
        });
    }

    fn a_set_that_forgets_the_oldest() {
        is_never_accused("a set that forgets", |bound| {
            let mut seen = HashSet::new();
            let mut number = 0_usize;
            Box::new(move || {
                number += 1;
                seen.insert(number);
                if let Some(oldest) = number.checked_sub(bound) {
                    seen.remove(&oldest);
                }
            })
        });
    }

    /// The least recently used goes: a table, and the order beside it.
    fn a_cache_by_last_use() {
        is_never_accused("by last use", |bound| {
            let mut entries: HashMap<usize, (u64, String)> = HashMap::new();
            let mut order: BTreeMap<u64, usize> = BTreeMap::new();
            let mut now = 0_u64;
            Box::new(move || {
                now += 1;
                let key = usize::try_from(now).expect("small") % (bound + bound / 2 + 1);
                if let Some((used, _)) = entries.remove(&key) {
                    order.remove(&used);
                }
                entries.insert(key, (now, format!("entry {key}")));
                order.insert(now, key);
                if entries.len() > bound
                    && let Some((_, oldest)) = order.pop_first()
                {
                    entries.remove(&oldest);
                }
            })
        });
    }

    /// Each entry lives for so many iterations.
    fn a_cache_by_age() {
        is_never_accused("by age", |bound| {
            let mut entries: HashMap<usize, (usize, Vec<u8>)> = HashMap::new();
            let mut now = 0;
            Box::new(move || {
                now += 1;
                entries.insert(now, (now + bound, vec![7; 100]));
                entries.retain(|_, (until, _)| *until > now);
            })
        });
    }

    fn a_pool_that_fills() {
        is_never_accused("a pool", |bound| {
            let mut pool: Vec<Vec<u8>> = Vec::new();
            let mut taken = 0;
            Box::new(move || {
                taken = (taken + 1) % (bound + 1);
                if pool.len() < bound {
                    pool.push(Vec::with_capacity(256));
                }
            })
        });
    }

    fn a_map_of_shards() {
        is_never_accused("shards", |bound| {
            let mut shards: Vec<HashMap<usize, u64>> = (0..16).map(|_| HashMap::new()).collect();
            let mut number = 0;
            Box::new(move || {
                number += 1;
                let key = number % bound;
                shards[key % 16].insert(key, 7);
            })
        });
    }

    fn a_dashmap() {
        is_never_accused("dashmap", |bound| {
            let map = dashmap::DashMap::new();
            let mut number = 0;
            Box::new(move || {
                number += 1;
                map.insert(number % bound, [7_u64; 4]);
            })
        });
    }

    /// What outlives the watch's runs, and is full at its bound.
    fn a_static_with_a_bound() {
        static SEEN: Mutex<(usize, Option<HashMap<usize, u64>>)> = Mutex::new((0, None));
        for bound in BOUNDS {
            *SEEN.lock().expect("nobody panicked") = (0, Some(HashMap::new()));
            let evidence = Watch::new("a static with a bound").run(|| {
                move || {
                    let mut seen = SEEN.lock().expect("nobody panicked");
                    seen.0 += 1;
                    let key = seen.0 % bound;
                    seen.1.get_or_insert_default().insert(key, 7);
                }
            });
            assert!(
                is_right(&evidence, bound),
                "full at {bound}: {}, {}",
                evidence.verdict,
                evidence.because
            );
        }
    }
}
