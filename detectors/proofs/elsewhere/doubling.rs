//! Growth that doubles, in state that outlives a run: a static, a shared handle in one, and a server that is made once outside the
//! setup, which is how people watch a service. None has a block for each entry.

use detectors::{Class, Evidence, Verdict, Watch};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

/// A collection, named, and how one entry more is put into it.
macro_rules! each_collection {
    ($through:ident) => {
        [
        $through!(Vec<u64>, |all, n| all.push(n)),
        $through!(Vec<[u8; 1_000]>, |all, _n| all.push([7; 1_000])),
        $through!(String, |all, _n| all.push_str("seen ")),
        $through!(VecDeque<u64>, |all, n| all.push_back(n)),
        $through!(LinkedList<u64>, |all, n| all.push_back(n)),
        $through!(HashMap<u64, u64>, |all, n| all.insert(n, n)),
        $through!(HashSet<u64>, |all, n| all.insert(n)),
        $through!(BTreeMap<u64, u64>, |all, n| all.insert(n, n)),
        $through!(BTreeSet<u64>, |all, n| all.insert(n)),
        $through!(BinaryHeap<u64>, |all, n| all.push(n)),
        $through!(bytes::BytesMut, |all, _n| all.extend_from_slice(b"seen ")),
        $through!(Vec<bytes::Bytes>, |all, _n| all.push(bytes::Bytes::from_static(b"seen"))),
        $through!(dashmap::DashMap<u64, u64>, |all, n| all.insert(n, n)),
        $through!(slab::Slab<u64>, |all, n| all.insert(n)),
        $through!(indexmap::IndexMap<u64, u64>, |all, n| all.insert(n, n)),
        ]
    };
}

/// What is wrong with the evidence on one collection.
fn wrong(evidence: &Evidence, class: Option<Class>) -> Option<String> {
    let site = evidence
        .findings
        .first()
        .and_then(|finding| finding.site.as_ref());
    let names_it = site.is_some_and(|site| site.contains("doubling.rs"));
    let is_right = evidence.verdict == Verdict::Leak
        && names_it
        && !evidence.holders.is_empty()
        && (class.is_none() || evidence.class == class);
    (!is_right).then(|| {
        format!(
            "{}: {} {:?}, {}\n  site {site:?}\n  held by {:?}",
            evidence.name, evidence.verdict, evidence.class, evidence.because, evidence.holders
        )
    })
}

#[track_caller]
fn are_all_right(wrong: &[Option<String>]) {
    let wrong: Vec<&str> = wrong.iter().flatten().map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

detectors::tests! {
    fn in_a_static() {
        macro_rules! watched {
            ($collection:ty, |$all:ident, $n:ident| $add:expr) => {{
                static ALL: Mutex<Option<$collection>> = Mutex::new(None);
                static NUMBER: Mutex<u64> = Mutex::new(0);
                let evidence = Watch::new(stringify!($collection)).run(|| {
                    || {
                        let mut number = NUMBER.lock().expect("nobody panicked");
                        *number += 1;
                        let $n = *number;
                        let mut all = ALL.lock().expect("nobody panicked");
                        let $all = all.get_or_insert_default();
                        let _ = $add;
                    }
                });
                wrong(&evidence, Some(Class::GlobalCaches))
            }};
        }
        are_all_right(&each_collection!(watched));
    }

    fn in_a_shared_handle_of_a_static() {
        macro_rules! watched {
            ($collection:ty, |$all:ident, $n:ident| $add:expr) => {{
                static ALL: OnceLock<Arc<Mutex<$collection>>> = OnceLock::new();
                let number = Cell::new(0);
                let evidence = Watch::new(stringify!($collection)).run(|| {
                    || {
                        number.set(number.get() + 1);
                        let $n: u64 = number.get();
                        let shared = Arc::clone(ALL.get_or_init(Arc::default));
                        #[allow(unused_mut, reason = "dashmap takes a shared reference")]
                        let mut $all = shared.lock().expect("nobody panicked");
                        let _ = $add;
                    }
                });
                wrong(&evidence, Some(Class::GlobalCaches))
            }};
        }
        are_all_right(&each_collection!(watched));
    }

    /// A server that is made once, outside the setup.
    fn outside_the_setup() {
        macro_rules! watched {
            ($collection:ty, |$all:ident, $n:ident| $add:expr) => {{
                let all = RefCell::new(<$collection>::default());
                let number = Cell::new(0);
                let evidence = Watch::new(stringify!($collection)).run(|| {
                    || {
                        number.set(number.get() + 1);
                        let $n: u64 = number.get();
                        #[allow(unused_mut, reason = "dashmap takes a shared reference")]
                        let mut $all = all.borrow_mut();
                        let _ = $add;
                    }
                });
                wrong(&evidence, None)
            }};
        }
        are_all_right(&each_collection!(watched));
    }

    /// The same three places, with everything that came taken out again: nothing is said.
    fn what_is_taken_out_again_is_no_leak() {
        static ALL: Mutex<Vec<u64>> = Mutex::new(Vec::new());
        let of_static = Watch::new("a static").run(|| {
            || {
                let mut all = ALL.lock().expect("nobody panicked");
                all.push(7);
                if all.len() == 64 {
                    all.clear();
                }
            }
        });
        let seen = RefCell::new(HashSet::new());
        let number = Cell::new(0_u64);
        let of_owner = Watch::new("outside the setup").run(|| {
            || {
                number.set(number.get() + 1);
                seen.borrow_mut().insert(number.get());
                seen.borrow_mut().remove(&number.get().saturating_sub(20));
            }
        });
        for evidence in [of_static, of_owner] {
            assert!(
                matches!(evidence.verdict, Verdict::Steady | Verdict::WarmingUp),
                "{}, {}",
                evidence.verdict,
                evidence.because
            );
        }
    }
}
