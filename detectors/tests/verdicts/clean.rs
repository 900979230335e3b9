//! Workloads that don't leak: the faults' fixed twins, and look-alikes.

use super::faults::{BusyThread, fetch_page};
use super::harness::Random;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hint::black_box;
use std::rc::{Rc, Weak};
use std::sync::mpsc;
use std::time::Duration;

pub(crate) fn copied_slices() -> impl FnMut() {
    let mut seen: VecDeque<[u8; 8]> = VecDeque::with_capacity(10_000);
    let mut number = 0;
    move || {
        number += 1;
        let page = fetch_page(number);
        seen.push_back(page[..8].try_into().expect("eight bytes"));
    }
}

pub(crate) fn one_byte() -> impl FnMut() {
    let mut last = Vec::with_capacity(1);
    move || {
        last.clear();
        last.push(Box::new(black_box(1_u8)));
    }
}

/// Cleared before it reaches a length that depends on the seed.
pub(crate) fn cleared_vector(seed: u64) -> impl FnMut() {
    let cleared_at = 10 + Random::new(seed).length(30);
    let mut kept: Vec<u64> = Vec::new();
    move || {
        if kept.len() == cleared_at {
            kept.clear();
        }
        kept.push(black_box(7));
    }
}

struct Parent {
    child: RefCell<Option<Rc<Child>>>,
}

struct Child {
    _parent: Weak<Parent>,
}

pub(crate) fn weak_back_pointer() -> impl FnMut() {
    move || {
        let parent = Rc::new(Parent {
            child: RefCell::new(None),
        });
        *parent.child.borrow_mut() = Some(Rc::new(Child {
            _parent: Rc::downgrade(&parent),
        }));
    }
}

pub(crate) fn dropped_box() -> impl FnMut() {
    move || {
        black_box(Box::new(black_box([0_u8; 100])));
    }
}

pub(crate) fn drained_queue() -> impl FnMut() {
    let (sender, receiver) = mpsc::channel();
    move || {
        for _ in 0..3 {
            sender
                .send(black_box([0_u8; 64]))
                .expect("the receiver lives");
        }
        while let Ok(message) = receiver.try_recv() {
            black_box(message);
        }
    }
}

pub(crate) async fn awaited_tasks() -> impl AsyncFnMut() {
    async || {
        let task = tokio::spawn(async {
            let request = black_box([0_u8; 256]);
            tokio::task::yield_now().await;
            black_box(request);
        });
        task.await.expect("the task ends");
    }
}

/// Keeps one entry more in each iteration until there are enough.
pub(crate) fn warming_cache(entries: usize) -> impl FnMut() {
    let mut cache: HashMap<usize, Vec<u8>> = HashMap::new();
    let mut number = 0;
    move || {
        number += 1;
        cache
            .entry(number % entries)
            .or_insert_with(|| black_box(vec![0; 100]));
    }
}

thread_local! {
    static FILLED_ONCE: RefCell<HashMap<(u64, usize), Vec<u8>>> = RefCell::default();
}

/// A static that fills once in the life of its process, until just before the last window ends.
pub(crate) fn filling_static(seed: u64) -> impl FnMut() {
    let mut number = 0;
    move || {
        number += 1;
        FILLED_ONCE.with_borrow_mut(|filled| {
            filled
                .entry((seed, number % 1_500))
                .or_insert_with(|| black_box(vec![0; 100]));
        });
    }
}

/// Looks up random keys; drops one at random when it is full.
pub(crate) fn bounded_cache(seed: u64, entries: usize) -> impl FnMut() {
    let mut random = Random::new(seed);
    let mut cache: HashMap<u64, Vec<u8>> = HashMap::new();
    move || {
        for _ in 0..8 {
            let key = random.below(1_000);
            if cache.len() == entries
                && !cache.contains_key(&key)
                && let Some(victim) = cache.keys().next().copied()
            {
                cache.remove(&victim);
            }
            cache.entry(key).or_insert_with(|| black_box(vec![0; 64]));
        }
    }
}

pub(crate) fn doubling_vector(bound: usize) -> impl FnMut() {
    let mut kept: Vec<u64> = Vec::new();
    move || {
        if kept.len() < bound {
            kept.push(black_box(7));
        }
    }
}

pub(crate) fn flushed_batch(size: u64) -> impl FnMut() {
    let mut batch = Vec::new();
    move || {
        batch.push(black_box(vec![0_u8; 500]));
        if batch.len() as u64 == size {
            batch = Vec::new();
        }
    }
}

/// What stays is as large as the last request: noise of up to a hundred kilobytes.
pub(crate) fn last_buffer(seed: u64) -> impl FnMut() {
    let mut random = Random::new(seed);
    let mut last = Vec::new();
    move || {
        last.clear();
        last.shrink_to_fit();
        last.resize(random.length(100_000), 0_u8);
        black_box(&mut last);
    }
}

/// Names of a small alphabet: new ones get rarer and rarer.
pub(crate) fn known_names(seed: u64) -> impl FnMut() {
    let mut random = Random::new(seed);
    let mut names: HashSet<String> = HashSet::new();
    move || {
        for _ in 0..4 {
            names.insert(format!("name-{}", random.below(60)));
        }
    }
}

pub(crate) fn busy_thread(seed: u64) -> impl FnMut() {
    let busy = BusyThread::start(seed);
    move || {
        black_box(&busy);
        black_box(vec![0_u8; 100]);
    }
}

/// Threads that nobody joins, each alive a little longer than its iteration.
pub(crate) fn late_threads() -> impl FnMut() {
    move || {
        std::thread::spawn(|| {
            let request = black_box(vec![0_u8; 300]);
            std::thread::sleep(Duration::from_micros(100));
            drop(request);
        });
    }
}

/// Tasks that nobody awaits, each alive a little longer than its iteration.
pub(crate) async fn late_tasks() -> impl AsyncFnMut() {
    async || {
        tokio::spawn(async {
            let request = black_box(vec![0_u8; 300]);
            tokio::time::sleep(Duration::from_millis(2)).await;
            drop(request);
        });
        tokio::task::yield_now().await;
    }
}
