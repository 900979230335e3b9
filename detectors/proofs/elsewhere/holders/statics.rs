//! Statics that hold what grows, and statics that only lead there.

use super::{fresh, is_static, leaks, owner, root, watch};
use crossbeam_epoch::{Atomic, Owned};
use detectors::{Class, Owner, Root};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, LinkedList};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, mpsc};
use tokio::sync::{Notify, broadcast, watch as changes};

struct Node {
    _before: Option<Box<Node>>,
    _payload: [u64; 12],
}

static CHAIN: Mutex<Option<Box<Node>>> = Mutex::new(None);
#[expect(clippy::linkedlist, reason = "a long chain is what is looked at")]
static LINKED: Mutex<LinkedList<[u64; 12]>> = Mutex::new(LinkedList::new());
static TREE: Mutex<BTreeSet<[u64; 4]>> = Mutex::new(BTreeSet::new());
static MAP: LazyLock<Mutex<HashMap<u64, Box<[u64; 12]>>>> = LazyLock::new(Mutex::default);

/// An address that nobody uses again.
static STRAY: AtomicUsize = AtomicUsize::new(0);

fn push(chain: &mut Option<Box<Node>>) -> usize {
    let before = chain.take();
    let node = chain.insert(Box::new(Node {
        _before: before,
        _payload: black_box([7; 12]),
    }));
    std::ptr::from_ref::<Node>(node).expose_provenance()
}

fn push_to_static() -> usize {
    push(&mut CHAIN.lock().expect("nobody panics"))
}

pub(super) fn named() {
    let cache = Some(Class::GlobalCaches);
    let told = leaks(
        watch("a chain").run(|| {
            || {
                push_to_static();
            }
        }),
        cache,
    );
    is_static(&told, "statics::CHAIN");
    let told = leaks(
        watch("a linked list").run(|| {
            || {
                LINKED.lock().expect("nobody panics").push_back([7; 12]);
            }
        }),
        cache,
    );
    is_static(&told, "statics::LINKED");
    let told = leaks(
        watch("a tree").run(|| {
            || {
                TREE.lock().expect("nobody panics").insert([fresh(); 4]);
            }
        }),
        cache,
    );
    is_static(&told, "statics::TREE");
    let told = leaks(
        watch("a map").run(|| {
            || {
                let block = Box::new(black_box([7; 12]));
                MAP.lock().expect("nobody panics").insert(fresh(), block);
            }
        }),
        cache,
    );
    is_static(&told, "statics::MAP");
}

/// The 200th of 256 nodes: 199 of them are nearer to it than to the head.
fn keep_stray(number: u32, address: usize) {
    if number == 200 {
        STRAY.store(address, Ordering::Relaxed);
    }
}

pub(super) fn stray() {
    let told = leaks(
        watch("a chain").run(|| {
            let mut number = 0;
            move || {
                number += 1;
                keep_stray(number, push_to_static());
            }
        }),
        Some(Class::GlobalCaches),
    );
    is_static(&told, "statics::CHAIN");
    let told = leaks(
        watch("a chain of the workload's").run(|| {
            let (mut number, mut chain) = (0, None);
            move || {
                number += 1;
                keep_stray(number, push(&mut chain));
            }
        }),
        None,
    );
    assert_eq!(root(&told), &Root::Thread);
}

/// Whoever watches has the list, and another thread has a pointer to one of its entries; then the other way round. The static has one
/// as well, so that the threads' variables are looked at once more.
pub(super) fn stray_beside_a_thread() {
    let entry = || Box::new(black_box([7_u64; 12]));
    let address = |entry: &[u64; 12]| std::ptr::from_ref(entry).expose_provenance();
    let list = RefCell::new(Vec::new());
    let glances = Beside::starts("glances", |pointers: mpsc::Receiver<usize>| {
        let mut glance = 0;
        for pointer in pointers {
            glance = pointer;
            black_box(&glance);
        }
        black_box(glance);
    });
    let told = leaks(
        watch("a list made once").run(|| {
            || {
                let mut list = list.borrow_mut();
                list.push(entry());
                let address = address(list.last().expect("it was pushed"));
                STRAY.store(address, Ordering::Relaxed);
                glances.tell(address);
            }
        }),
        Some(Class::GlobalCaches),
    );
    assert_eq!(owner(&told), Some(&Owner::Outside));
    drop(glances);

    let keeps = Beside::starts("keeps", |entries: mpsc::Receiver<Box<[u64; 12]>>| {
        let mut list = Vec::new();
        for entry in entries {
            list.push(entry);
        }
        black_box(list);
    });
    let glance = Cell::new(0);
    let told = leaks(
        watch("a thread's list").run(|| {
            || {
                let entry = entry();
                glance.set(address(&entry));
                STRAY.store(glance.get(), Ordering::Relaxed);
                keeps.tell(entry);
            }
        }),
        Some(Class::GlobalCaches),
    );
    black_box(&glance);
    assert_eq!(owner(&told), Some(&Owner::Thread("keeps".to_owned())));
}

/// A thread that is told one thing after the other, and has taken it when that returns.
struct Beside<T> {
    things: Option<mpsc::SyncSender<T>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl<T: Send + 'static> Beside<T> {
    fn starts(name: &str, works: impl FnOnce(mpsc::Receiver<T>) + Send + 'static) -> Self {
        let (things, told) = mpsc::sync_channel(0);
        let thread = std::thread::Builder::new().name(name.to_owned());
        Beside {
            things: Some(things),
            thread: Some(thread.spawn(move || works(told)).expect("a thread")),
        }
    }

    fn tell(&self, thing: T) {
        let things = self.things.as_ref().expect("it runs");
        things.send(thing).expect("it takes things");
    }
}

impl<T> Drop for Beside<T> {
    fn drop(&mut self) {
        self.things = None;
        let thread = self.thread.take().expect("it is joined once");
        thread.join().expect("nobody panics");
    }
}

pub(super) fn that_disagree() {
    let told = leaks(
        watch("a chain with two heads").run(|| || STRAY.store(push_to_static(), Ordering::Relaxed)),
        None,
    );
    let list = told.holders_list().to_string();
    let two =
        ["CHAIN", "STRAY"].map(|name| format!("the static elsewhere::holders::statics::{name}"));
    assert!(two.iter().all(|name| list.contains(name)), "{list}");
    assert!(
        list.contains("leads there as well, so neither is sure"),
        "{list}"
    );
}

struct Block {
    before: Atomic<Block>,
    _payload: [u64; 64],
}

static TAIL: LazyLock<Box<Atomic<Block>>> = LazyLock::new(|| Box::new(Atomic::null()));

/// Beside it, blocks are retired, so that the collector's own memory is full of what was there.
pub(super) fn epochs() {
    let told = leaks(
        watch("a list of epochs").run(|| {
            || {
                let guard = crossbeam_epoch::pin();
                let tail = TAIL.load(Ordering::Acquire, &guard);
                let block = Owned::new(Block {
                    before: Atomic::null(),
                    _payload: black_box([7; 64]),
                });
                block.before.store(tail, Ordering::Relaxed);
                TAIL.store(block, Ordering::Release);
                let retired = Owned::new(black_box([7_u64; 8])).into_shared(&guard);
                // SAFETY: nobody else knows it.
                unsafe { guard.defer_destroy(retired) };
                guard.flush();
            }
        }),
        Some(Class::GlobalCaches),
    );
    is_static(&told, "statics::TAIL");
}

static NOTIFY: Notify = Notify::const_new();
static NEWS: LazyLock<broadcast::Sender<u64>> = LazyLock::new(|| broadcast::channel(4).0);
static CHANGES: LazyLock<changes::Sender<u64>> = LazyLock::new(|| changes::channel(0).0);

/// The tasks hang on nothing but their runtime: a static that could wake them doesn't keep them.
pub(super) fn that_are_waited_for() {
    let orphans = Some(Class::OrphanedTasks);
    leaks(
        watch("tasks that wait to be notified").run_async(async || {
            async || {
                tokio::spawn(async {
                    let room = black_box(vec![7_u8; 500]);
                    NOTIFY.notified().await;
                    drop(room);
                });
                tokio::task::yield_now().await;
            }
        }),
        orphans,
    );
    leaks(
        watch("tasks that wait for news").run_async(async || {
            async || {
                tokio::spawn(async {
                    let room = black_box(vec![7_u8; 500]);
                    let _ = NEWS.subscribe().recv().await;
                    drop(room);
                });
                tokio::task::yield_now().await;
            }
        }),
        orphans,
    );
    leaks(
        watch("tasks that wait for changes").run_async(async || {
            async || {
                tokio::spawn(async {
                    let _ = CHANGES.subscribe().changed().await;
                });
                tokio::task::yield_now().await;
            }
        }),
        orphans,
    );
    leaks(
        watch("tasks that wait for a signal").run_async(async || {
            async || {
                tokio::spawn(async {
                    let room = black_box(vec![7_u8; 500]);
                    let _ = tokio::signal::ctrl_c().await;
                    drop(room);
                });
                tokio::task::yield_now().await;
            }
        }),
        orphans,
    );
}
