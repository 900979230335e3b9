//! Channels that pile up, each of them empty; channels that fill; sets of futures, tasks and timers.

use super::{fresh, is_cache, leaks, watch};
use detectors::{Class, Evidence};
use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use std::collections::HashMap;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc as tokio_mpsc, oneshot, watch as changes};

type ByKey<T> = LazyLock<Mutex<HashMap<u64, T>>>;

static BROADCAST: ByKey<broadcast::Sender<u64>> = LazyLock::new(Mutex::default);
static BOUNDED: ByKey<(tokio_mpsc::Sender<u64>, tokio_mpsc::Receiver<u64>)> =
    LazyLock::new(Mutex::default);
static UNBOUNDED: ByKey<tokio_mpsc::UnboundedSender<u64>> = LazyLock::new(Mutex::default);
static STD: ByKey<(mpsc::Sender<u64>, mpsc::Receiver<u64>)> = LazyLock::new(Mutex::default);
static RENDEZVOUS: ByKey<mpsc::SyncSender<u64>> = LazyLock::new(Mutex::default);
static WATCH: ByKey<changes::Sender<u64>> = LazyLock::new(Mutex::default);
static ONESHOT: ByKey<oneshot::Receiver<u64>> = LazyLock::new(Mutex::default);
static CROSSBEAM: ByKey<crossbeam_channel::Sender<u64>> = LazyLock::new(Mutex::default);
static OF_CROSSBEAM: Mutex<Vec<crossbeam_channel::Receiver<u64>>> = Mutex::new(Vec::new());

fn keep<T>(by_key: &ByKey<T>, value: T) {
    by_key.lock().expect("nobody panics").insert(fresh(), value);
}

#[track_caller]
fn piles_up(evidence: Evidence, name: &str) {
    is_cache(evidence, &format!("channels::{name}"));
}

pub(super) fn pile_up() {
    piles_up(
        watch("broadcast").run(|| || keep(&BROADCAST, broadcast::channel(4).0)),
        "BROADCAST",
    );
    piles_up(
        watch("mpsc").run(|| || keep(&BOUNDED, tokio_mpsc::channel(4))),
        "BOUNDED",
    );
    piles_up(
        watch("unbounded mpsc").run(|| || keep(&UNBOUNDED, tokio_mpsc::unbounded_channel().0)),
        "UNBOUNDED",
    );
    piles_up(watch("std").run(|| || keep(&STD, mpsc::channel())), "STD");
    piles_up(
        watch("bounded std").run(|| || keep(&RENDEZVOUS, mpsc::sync_channel(4).0)),
        "RENDEZVOUS",
    );
    piles_up(
        watch("watch").run(|| || keep(&WATCH, changes::channel(7).0)),
        "WATCH",
    );
    piles_up(
        watch("oneshot").run(|| || keep(&ONESHOT, oneshot::channel().1)),
        "ONESHOT",
    );
    piles_up(
        watch("crossbeam").run(|| || keep(&CROSSBEAM, crossbeam_channel::unbounded().0)),
        "CROSSBEAM",
    );
    piles_up(
        watch("a list of crossbeam's").run(|| {
            || {
                let (_, receiver) = crossbeam_channel::bounded(4);
                OF_CROSSBEAM.lock().expect("nobody panics").push(receiver);
            }
        }),
        "OF_CROSSBEAM",
    );
    // What was sent was received; the channel keeps the room that it took.
    piles_up(
        watch("std, used once").run(|| {
            || {
                let (sender, receiver) = mpsc::channel();
                sender.send(7).expect("the receiver lives");
                assert_eq!(receiver.recv(), Ok(7));
                keep(&STD, (sender, receiver));
            }
        }),
        "STD",
    );
}

type Job = Box<[u8; 64]>;

static FILLING: LazyLock<Mutex<(mpsc::Sender<Job>, mpsc::Receiver<Job>)>> =
    LazyLock::new(|| Mutex::new(mpsc::channel()));

#[expect(
    clippy::unnecessary_box_returns,
    reason = "what waits in a queue is a block of its own"
)]
fn job() -> Job {
    Box::new(black_box([7; 64]))
}

pub(super) fn fill() {
    let queue = Some(Class::UnboundedQueues);
    let told = leaks(
        watch("std's, in a static").run(|| {
            || {
                let queue = FILLING.lock().expect("nobody panics");
                queue.0.send(job()).expect("the receiver lives");
            }
        }),
        queue,
    );
    let list = told.holders_list().to_string();
    assert!(list.contains("in a queue of std::sync::mp"), "{list}");
    leaks(
        watch("numbers").warm_up(100).run(|| {
            let (sender, receiver) = tokio_mpsc::unbounded_channel();
            move || {
                sender.send([7_u64; 8]).expect("the receiver lives");
                black_box(&receiver);
            }
        }),
        queue,
    );
    leaks(
        watch("from several lines")
            .windows(6)
            .run(from_several_lines),
        queue,
    );
    leaks(
        watch("crossbeam's").run(|| {
            let (sender, receiver) = crossbeam_channel::unbounded();
            move || {
                sender.send(job()).expect("the receiver lives");
                black_box(&receiver);
            }
        }),
        queue,
    );
    leaks(
        watch("a task's").run_async(async || {
            let (sender, mut receiver) = tokio_mpsc::unbounded_channel();
            tokio::spawn(async move {
                let _first: Option<Box<[u8; 64]>> = receiver.recv().await;
                std::future::pending::<()>().await;
                drop(receiver);
            });
            async move || sender.send(job()).expect("the task runs")
        }),
        queue,
    );
}

/// Whoever sends when a block of the queue is full makes the next one: so its blocks are of four sites, in any order.
fn from_several_lines() -> impl FnMut() {
    let (sender, receiver) = tokio_mpsc::unbounded_channel();
    let senders: [fn(&tokio_mpsc::UnboundedSender<Job>, Job) -> bool; 4] = [
        |to, job| to.send(job).is_ok(),
        |to, job| to.send(job).is_ok(),
        |to, job| to.send(job).is_ok(),
        |to, job| to.send(job).is_ok(),
    ];
    let mut random = 7_u64;
    move || {
        for _ in 0..8 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let send = senders[(random >> 62) as usize];
            assert!(send(&sender, job()), "the receiver lives");
        }
        black_box(&receiver);
    }
}

type Call = Pin<Box<dyn Future<Output = usize>>>;

pub(super) fn sets() {
    let queue = Some(Class::UnboundedQueues);
    let told = leaks(
        watch("futures that nobody polls").run(|| {
            let calls: FuturesUnordered<Call> = FuturesUnordered::new();
            move || calls.push(Box::pin(async { 7 }))
        }),
        queue,
    );
    let list = told.holders_list().to_string();
    assert!(
        list.contains("in a queue of futures_util::stream::futures_unordered"),
        "{list}"
    );
    leaks(
        watch("in order").run(|| {
            let mut calls: FuturesOrdered<Call> = FuturesOrdered::new();
            move || calls.push_back(Box::pin(async { 7 }))
        }),
        queue,
    );
    leaks(
        watch("results that nobody takes").run_async(async || {
            let mut set = tokio::task::JoinSet::new();
            async move || {
                set.spawn(async { black_box([7_u8; 200]) });
                tokio::task::yield_now().await;
            }
        }),
        queue,
    );
    leaks(
        watch("results by key").run_async(async || {
            let mut set = tokio_util::task::JoinMap::new();
            async move || {
                set.spawn(fresh(), async { black_box([7_u8; 200]) });
                tokio::task::yield_now().await;
            }
        }),
        queue,
    );
    leaks(
        watch("timers").run_async(async || {
            let mut timers = tokio_util::time::DelayQueue::new();
            async move || {
                timers.insert(job(), Duration::from_hours(1));
            }
        }),
        queue,
    );
}

pub(super) fn twins() {
    watch("channels that are dropped")
        .run(|| {
            || {
                keep(&STD, mpsc::channel());
                STD.lock().expect("nobody panics").clear();
            }
        })
        .assert_steady();
    watch("a queue that is emptied")
        .run(|| {
            let (sender, receiver) = mpsc::channel();
            move || {
                sender.send(job()).expect("the receiver lives");
                drop(receiver.recv());
            }
        })
        .assert_steady();
    watch("a set that is joined")
        .run_async(async || {
            let mut set = tokio::task::JoinSet::new();
            async move || {
                set.spawn(async { black_box([7_u8; 200]) });
                let _ = set.join_next().await;
            }
        })
        .assert_steady();
}
