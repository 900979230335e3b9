//! Small copies beside what pins; rooms, and lines of one function.

use super::{leaks, watch};
use bytes::Bytes;
use detectors::{Class, Kept, Verdict, Watch};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hint::black_box;

/// A holder of many small values: adds one, and says what it keeps.
type Holder = Box<dyn FnMut() -> usize>;

fn small_holders() -> Vec<(&'static str, Holder)> {
    let message = [b'x'; 4_096];
    let mut ids: Vec<Bytes> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut queue: VecDeque<Box<[u8]>> = VecDeque::new();
    let mut by_number: HashMap<u64, String> = HashMap::new();
    let mut sorted: BTreeMap<u64, String> = BTreeMap::new();
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut several: Vec<String> = Vec::new();
    vec![
        (
            "ids",
            Box::new(move || {
                ids.push(Bytes::copy_from_slice(&message[..16]));
                ids.len() * 16
            }),
        ),
        (
            "names",
            Box::new(move || {
                names.push(String::from_utf8_lossy(&message[..8]).into_owned());
                names.len() * 8
            }),
        ),
        (
            "a queue",
            Box::new(move || {
                queue.push_back(message[..12].into());
                queue.len() * 12
            }),
        ),
        (
            "names by number",
            Box::new(move || {
                by_number.insert(super::fresh(), "customer".to_owned());
                by_number.len() * 8
            }),
        ),
        (
            "sorted",
            Box::new(move || {
                sorted.insert(super::fresh(), "customer".to_owned());
                sorted.len() * 8
            }),
        ),
        (
            "seen",
            Box::new(move || {
                seen.insert(super::fresh().to_le_bytes().to_vec());
                seen.len() * 8
            }),
        ),
        (
            "several at once",
            Box::new(move || {
                several.extend((0..10).map(|_| "customer".to_owned()));
                several.len() * 8
            }),
        ),
    ]
}

pub(super) fn small() {
    for (at, (what, _)) in small_holders().into_iter().enumerate() {
        let holder = || small_holders().swap_remove(at).1;
        let evidence = Watch::new(what).run(|| {
            let mut add = holder();
            move || Kept::bytes(add()).of_at_most(1 << 24)
        });
        assert_eq!(
            evidence.verdict,
            Verdict::WarmingUp,
            "{what}: {}",
            evidence.because
        );
        let evidence = Watch::new(what).run(|| {
            let mut add = holder();
            move || Kept::bytes(add())
        });
        assert_eq!(evidence.class, None, "{what}: {:#?}", evidence.holders);
    }
}

pub(super) fn pinned() {
    for (what, bytes) in [("pages", 4_096), ("lines", 600), ("records", 300)] {
        let views = || {
            let mut ids: Vec<Bytes> = Vec::new();
            move || {
                ids.push(Bytes::from(black_box(vec![7_u8; bytes])).slice(..16));
                Kept::bytes(ids.len() * 16)
            }
        };
        leaks(Watch::new(what).run(views), Some(Class::RetainedSubslices));
        let bounded = || {
            let mut view = views();
            move || view().of_at_most(1 << 24)
        };
        leaks(
            Watch::new(what).run(bounded),
            Some(Class::RetainedSubslices),
        );
    }
}

pub(super) fn deques() {
    const UNUSED: &str = "with little of their room used";
    // The deque's beginning is 0: as a length it would be none at all.
    let full = leaks(
        watch("a full deque").run(|| {
            let mut waiting = VecDeque::new();
            move || waiting.push_back(black_box([7_u64; 16]))
        }),
        None,
    );
    assert!(!full.holders_list().to_string().contains(UNUSED));
    let turned = leaks(
        watch("a deque that has turned").run(|| {
            let mut waiting = VecDeque::new();
            move || {
                waiting.extend([black_box([7_u64; 16]); 2]);
                waiting.pop_front();
            }
        }),
        None,
    );
    assert!(!turned.holders_list().to_string().contains(UNUSED));
    let emptied = leaks(
        watch("deques that were emptied").run(|| {
            let mut kept = Vec::with_capacity(1_000);
            move || {
                let mut deque: VecDeque<u64> = (0..1_000).collect();
                deque.drain(..998);
                kept.push(black_box(deque));
                Kept::bytes(48 * kept.len())
            }
        }),
        Some(Class::RetainedCapacity),
    );
    assert!(emptied.holders_list().to_string().contains(UNUSED));
}

pub(super) fn two_lines() {
    let evidence = watch("two lines").run(|| {
        let mut kept = Vec::with_capacity(1_000);
        move || {
            let large = Box::new(black_box([7; 300]));
            let small = Box::new(black_box([7; 100]));
            kept.push((large, small));
        }
    });
    let function = "elsewhere::holders::copies::two_lines::{{closure}}::{{closure}}:";
    let table = evidence.top_sites().to_string();
    let lines: HashSet<&str> = table
        .lines()
        .filter_map(|row| row.split_once(function).map(|(_, line)| line))
        .collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(
        lines.iter().all(|line| line.parse::<u32>().is_ok()),
        "{table}"
    );
}
