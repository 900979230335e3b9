//! Deques: one that a slow reader takes from is a queue; a list, and the last few of each session, are none.

use super::{fresh, is_cache, is_static, leaks, watch};
use detectors::{Class, Evidence};
use std::collections::{HashMap, VecDeque};
use std::sync::{LazyLock, Mutex};

type Deque = VecDeque<Box<[u64]>>;

static SLOW: Mutex<Deque> = Mutex::new(VecDeque::new());
static JOBS: Mutex<VecDeque<Box<Job>>> = Mutex::new(VecDeque::new());
static LOG: Mutex<Deque> = Mutex::new(VecDeque::new());
static LATEST_FIRST: Mutex<Deque> = Mutex::new(VecDeque::new());
static RECENT: LazyLock<Mutex<HashMap<u64, Deque>>> = LazyLock::new(Mutex::default);
static SESSIONS: Mutex<Vec<Deque>> = Mutex::new(Vec::new());
static PROMPT: Mutex<Deque> = Mutex::new(VecDeque::new());

struct Job {
    text: String,
}

fn entry() -> Box<[u64]> {
    vec![fresh(); 8].into_boxed_slice()
}

/// The last ten of more, which begin where a queue's may.
fn last_ten() -> Deque {
    let mut last = Deque::with_capacity(16);
    for _ in 0..25 {
        last.push_back(entry());
        if last.len() > 10 {
            last.pop_front();
        }
    }
    last
}

#[track_caller]
fn is_queue(evidence: Evidence) -> Evidence {
    let told = leaks(evidence, Some(Class::UnboundedQueues));
    let list = told.holders_list().to_string();
    assert!(
        list.contains("in a queue of std::collections::VecDeque"),
        "{list}"
    );
    told
}

#[track_caller]
fn is_list(evidence: Evidence, name: &str) {
    is_cache(evidence, &format!("deques::{name}"));
}

pub(super) fn queues() {
    let told = is_queue(watch("a slow reader").run(|| {
        || {
            let mut queue = SLOW.lock().expect("nobody panics");
            queue.extend([entry(), entry()]);
            queue.pop_front();
        }
    }));
    is_static(&told, "deques::SLOW");
    let told = is_queue(watch("jobs with a text").run(|| {
        || {
            let mut queue = JOBS.lock().expect("nobody panics");
            for _ in 0..3 {
                let text = format!("{:>80}", fresh());
                queue.push_back(Box::new(Job { text }));
            }
            let done = queue.pop_front();
            assert!(done.is_some_and(|job| job.text.len() == 80));
        }
    }));
    is_static(&told, "deques::JOBS");
    is_queue(watch("of the workload's own").run(|| {
        let mut queue = Deque::new();
        move || {
            queue.extend([entry(), entry()]);
            queue.pop_front();
        }
    }));
}

pub(super) fn lists() {
    is_list(
        watch("a log").run(|| || LOG.lock().expect("nobody panics").push_back(entry())),
        "LOG",
    );
    let first = || {
        LATEST_FIRST
            .lock()
            .expect("nobody panics")
            .push_front(entry());
    };
    is_list(watch("latest first").run(|| first), "LATEST_FIRST");
    let by_key = || {
        let mut recent = RECENT.lock().expect("nobody panics");
        recent.insert(fresh(), last_ten());
    };
    is_list(watch("recent ones by key").run(|| by_key), "RECENT");
    let listed = || SESSIONS.lock().expect("nobody panics").push(last_ten());
    is_list(watch("recent ones of sessions").run(|| listed), "SESSIONS");
}

pub(super) fn twins() {
    let prompt = || {
        let mut queue = PROMPT.lock().expect("nobody panics");
        queue.extend([entry(), entry()]);
        queue.pop_front();
        queue.pop_front();
    };
    watch("a prompt reader").run(|| prompt).assert_steady();
}
