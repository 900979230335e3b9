//! Small copies beside what pins; rooms, and lines of one function.

use super::{leaks, watch};
use bytes::{Bytes, BytesMut};
use detectors::{Class, Kept, Verdict, Watch};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hint::black_box;

const UNUSED: &str = "with little of their room used";

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

/// Where nobody says how much is to be kept, the use of what is kept tells as well.
pub(super) fn unaccounted() {
    for (what, page) in [("pages", whole as fn() -> Bytes), ("bodies", in_parts)] {
        let views = || {
            // What all views of a body share has 40 bytes: how many a view shows would be its capacity, and the zero behind it a length.
            let mut ids: Vec<(Bytes, u64)> = Vec::new();
            move || ids.push((page().slice(40..60), 0))
        };
        let told = leaks(watch(what).run(views), Some(Class::RetainedSubslices));
        let list = told.holders_list().to_string();
        assert!(!list.contains(UNUSED), "{list}");
        let by_key = || {
            let mut ids = HashMap::new();
            move || {
                ids.insert(super::fresh(), page().slice(40..56));
            }
        };
        leaks(watch(what).run(by_key), Some(Class::RetainedSubslices));
        let pages = || {
            let mut pages = Vec::new();
            move || pages.push(page())
        };
        leaks(watch(what).run(pages), None);
    }
    let buffers = |clears: bool| {
        watch("a buffer for each place").run(move || {
            // The map is on the way to all of the buffers, and has nothing to do with how many there are.
            let mut routes = HashMap::from([("/apex", vec![String::new(); 4_096])]);
            let mut place = 0;
            move || {
                let buffer = &mut routes.get_mut("/apex").expect("a route")[place];
                place += 1;
                buffer.push_str(black_box(&"answer ".repeat(200)));
                if clears {
                    buffer.clear();
                }
            }
        })
    };
    leaks(buffers(true), Some(Class::RetainedCapacity));
    leaks(buffers(false), None);
    // A map without a bound stays one, however much room its entries have.
    let roomy = watch("sessions with room").run(|| {
        let mut sessions = HashMap::new();
        move || {
            sessions.insert(super::fresh(), Vec::<u8>::with_capacity(900));
        }
    });
    leaks(roomy, Some(Class::GlobalCaches));
    // What the library gives to the first entry isn't room that somebody left behind.
    let lists = watch("lists of one entry").run(|| {
        let mut lists = Vec::new();
        move || {
            let mut list = Vec::new();
            list.extend([black_box(super::fresh())]);
            lists.push(list);
        }
    });
    leaks(lists, None);
}

fn whole() -> Bytes {
    Bytes::from(black_box(vec![7_u8; 4_096]))
}

/// As a client reads the body of an answer; a short one, so that what its views share is worth a look as well.
fn in_parts() -> Bytes {
    let mut body = BytesMut::with_capacity(320);
    for _ in 0..8 {
        body.extend_from_slice(&black_box([7_u8; 40]));
    }
    shared(body)
}

/// In a function of its own, as what its views share is made by another than the body.
#[inline(never)]
fn shared(mut body: BytesMut) -> Bytes {
    body.split_to(300).freeze()
}

pub(super) fn deques() {
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
        Some(Class::UnboundedQueues),
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
