//! Workloads that leak, each in a function whose name the evidence must give.

use super::harness::Random;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

/// A page of four kilobytes, of which an id is wanted.
#[inline(never)]
pub(crate) fn fetch_page(number: u64) -> Arc<[u8]> {
    let mut page = vec![0; 4_096];
    page[..8].copy_from_slice(&number.to_le_bytes());
    Arc::from(page)
}

pub(crate) fn kept_slices() -> impl FnMut() {
    let mut seen: VecDeque<(Arc<[u8]>, std::ops::Range<usize>)> = VecDeque::with_capacity(10_000);
    let mut number = 0;
    move || {
        number += 1;
        seen.push_back((fetch_page(number), 0..8));
    }
}

pub(crate) fn one_byte() -> impl FnMut() {
    let mut kept = Vec::with_capacity(10_000);
    move || kept.push(Box::new(black_box(1_u8)))
}

pub(crate) fn unbounded_vector() -> impl FnMut() {
    let mut kept: Vec<u64> = Vec::new();
    move || kept.push(black_box(7))
}

/// Pushes a number of times that depends on the seed: the doublings fall elsewhere each time.
pub(crate) fn several_pushes(seed: u64) -> impl FnMut() {
    let mut kept: Vec<u64> = Vec::new();
    move || {
        for _ in 0..=seed % 23 {
            kept.push(black_box(7));
        }
    }
}

pub(crate) fn unbounded_map() -> impl FnMut() {
    let mut by_user = HashMap::new();
    let mut number = 0;
    move || {
        number += 1;
        by_user.insert(format!("user-{number:08}"), black_box([0_u8; 40]));
    }
}

struct Node {
    other: RefCell<Option<Rc<Node>>>,
    _payload: [u8; 100],
}

pub(crate) fn reference_cycle() -> impl FnMut() {
    move || {
        let node = || {
            Rc::new(Node {
                other: RefCell::new(None),
                _payload: black_box([0; 100]),
            })
        };
        let (parent, child) = (node(), node());
        *parent.other.borrow_mut() = Some(Rc::clone(&child));
        *child.other.borrow_mut() = Some(parent);
    }
}

pub(crate) fn leaked_box() -> impl FnMut() {
    move || {
        black_box(Box::leak(Box::new(black_box([0_u8; 100]))));
    }
}

pub(crate) fn unbounded_queue() -> impl FnMut() {
    let (sender, receiver) = mpsc::channel();
    move || {
        for _ in 0..3 {
            sender
                .send(black_box([0_u8; 64]))
                .expect("the receiver lives");
        }
        black_box(receiver.try_recv().is_ok());
    }
}

pub(crate) fn growing_log() -> impl FnMut() {
    let mut log = String::new();
    move || log.push_str(black_box("GET /apex/shop.example 200\n"))
}

pub(crate) fn now_and_then(seed: u64) -> impl FnMut() {
    let mut random = Random::new(seed);
    let mut kept = Vec::with_capacity(10_000);
    move || {
        if random.below(5) == 0 {
            kept.push(Box::new(black_box([0_u8; 48])));
        }
    }
}

pub(crate) fn under_buffers(seed: u64) -> impl FnMut() {
    let mut random = Random::new(seed);
    let mut kept = Vec::with_capacity(10_000);
    move || {
        for _ in 0..4 {
            black_box(vec![0_u8; random.length(100_000)]);
        }
        kept.push(Box::new(black_box([0_u8; 16])));
    }
}

/// Keeps one byte more in each iteration, and beside it a buffer whose size is anyone's guess.
pub(crate) fn one_byte_in_noise(seed: u64) -> impl FnMut() {
    let mut random = Random::new(seed);
    let mut kept = Vec::with_capacity(10_000);
    let mut buffer = Vec::new();
    move || {
        drop(std::mem::replace(
            &mut buffer,
            black_box(vec![0_u8; random.length(100_000)]),
        ));
        kept.push(Box::new(black_box(1_u8)));
    }
}

pub(crate) fn beside_a_cache(seed: u64) -> impl FnMut() {
    let mut random = Random::new(seed);
    let mut cache: VecDeque<Vec<u8>> = VecDeque::with_capacity(64);
    let mut kept = Vec::with_capacity(10_000);
    move || {
        if cache.len() == 60 {
            cache.pop_front();
        }
        cache.push_back(vec![0; 100 + random.length(50)]);
        kept.push(Box::new(black_box([0_u8; 200])));
    }
}

/// A thread that allocates and frees at random for as long as this value lives.
pub(crate) struct BusyThread {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl BusyThread {
    pub(crate) fn start(seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut random = Random::new(seed + 1);
            let mut held: Vec<Vec<u8>> = Vec::with_capacity(16);
            while !stopped.load(Ordering::Relaxed) {
                if held.len() == 16 {
                    held.swap_remove(random.length(16));
                }
                held.push(black_box(vec![0; random.length(12_000)]));
                std::thread::yield_now();
            }
        });
        BusyThread {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for BusyThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the busy thread ends when told to");
        }
    }
}

pub(crate) fn beside_a_thread(seed: u64) -> impl FnMut() {
    let busy = BusyThread::start(seed);
    let mut kept = Vec::with_capacity(10_000);
    move || {
        black_box(&busy);
        kept.push(Box::new(black_box([0_u8; 300])));
    }
}

pub(crate) fn thread_results() -> impl FnMut() {
    let results = Arc::new(Mutex::new(Vec::with_capacity(10_000)));
    move || {
        let results = Arc::clone(&results);
        let worker = std::thread::spawn(move || {
            let result = Box::new(black_box([0_u8; 128]));
            results.lock().expect("no worker panics").push(result);
        });
        worker.join().expect("the worker ends");
    }
}

pub(crate) async fn waiting_tasks() -> impl AsyncFnMut() {
    async || {
        tokio::spawn(async {
            let request = black_box([0_u8; 256]);
            std::future::pending::<()>().await;
            black_box(request);
        });
    }
}
