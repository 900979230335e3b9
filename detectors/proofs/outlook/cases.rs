//! One task each, whose outlook is known.

use super::world::{self, FLAVOURS, Flavour};
use detectors::Scope;
use detectors::heap::Detail;
use detectors::tasks::{Outlook, Outlooks, Rule, TaskCheck, Why, WokenBy};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc as threads};
use std::task::{Wake, Waker};
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

detectors::tests! {
    fn what_can_never_wake_is_found_by_who_holds_its_wakers() { never(Rule::Reach); }
    fn what_has_no_waker_is_found_by_its_count() { never(Rule::Counts); }
    fn what_looks_like_it_and_can_wake_is_never_accused() { look_alikes(); }
    fn what_is_out_of_sight_is_not_decided() { out_of_sight(); }
    fn who_can_wake_a_task_is_told() { woken_by(); }
    fn what_a_stuck_task_holds_is_told() { holds(); }
    fn a_stuck_task_has_its_line() { lines(); }
    fn the_failure_says_what_was_seen_and_what_to_do_next() { text(); }
    fn a_runtime_that_doesnt_run_is_an_error_in_words() { not_running(); }
    fn other_runtimes_and_local_tasks_are_left_out() { others(); }
}

/// What a case keeps alive while it is looked at.
pub(crate) type Kept = Vec<Box<dyn Any + Send>>;

/// Spawns tasks, and tells which are meant.
pub(crate) type Case = fn(&mut Kept) -> Vec<JoinHandle<()>>;

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) fn one(future: impl Future<Output = ()> + Send + 'static) -> Vec<JoinHandle<()>> {
    vec![tokio::spawn(future)]
}

/// A future that nobody can name.
type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Nobody has a waker of it.
const WITHOUT_A_WAKER: [(&str, Case); 5] = [
    ("pending", |_| one(pending())),
    ("pending behind a timer that has come", |_| {
        one(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            pending::<()>().await;
        })
    }),
    ("all arms of a select are pending", |_| {
        one(async {
            tokio::select! { () = pending() => (), () = pending::<()>() => () }
        })
    }),
    ("detached", |_| {
        let task = tokio::spawn(pending::<()>());
        let _named = task.id();
        vec![task]
    }),
    (
        "it waited for a lock that it was given, and for nothing then",
        |_| {
            let lock = Arc::new(tokio::sync::Mutex::new(()));
            one(async move {
                let _held = lock.lock().await;
                pending::<()>().await;
            })
        },
    ),
];

/// Those who have one can never wake themselves.
const BY_STUCK_ALONE: [(&str, Case); 12] = [
    ("owns the sender of its oneshot", |_| {
        let (sender, receiver) = oneshot::channel::<()>();
        one(async move {
            let _ = receiver.await;
            drop(sender);
        })
    }),
    ("owns the sender of its channel", |_| {
        let (sender, mut receiver) = mpsc::channel::<u8>(4);
        one(async move {
            receiver.recv().await;
            drop(sender);
        })
    }),
    ("owns the sender of its unbounded channel", |_| {
        let (sender, mut receiver) = mpsc::unbounded_channel::<u8>();
        one(async move {
            receiver.recv().await;
            drop(sender);
        })
    }),
    ("owns what it watches", |_| {
        let (sender, mut receiver) = watch::channel(0);
        one(async move {
            let _ = receiver.changed().await;
            drop(sender);
        })
    }),
    ("owns the sender of what is broadcast", |_| {
        let (sender, mut receiver) = broadcast::channel::<u8>(4);
        one(async move {
            let _ = receiver.recv().await;
            drop(sender);
        })
    }),
    ("waits for a notice that only it could give", |_| {
        let notify = Arc::new(Notify::new());
        one(async move { notify.notified().await })
    }),
    ("waits for a lock that it holds", |_| {
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        one(async move {
            let _held = lock.lock().await;
            let _again = lock.lock().await;
        })
    }),
    (
        "owns the sender in a vector that begins like counts",
        |_| {
            #[repr(C)]
            struct Entry(usize, usize, oneshot::Sender<usize>);
            let (sender, receiver) = oneshot::channel();
            let mut entries = Vec::with_capacity(4);
            entries.push(Entry(2, 1, sender));
            one(async move {
                let _ = receiver.await;
                let sent = entries.pop();
                let _ = sent.map(|Entry(two, one, sender)| sender.send(two + one));
            })
        },
    ),
    ("two that wait for each other", |_| ring(2)),
    ("a ring of ten", |_| ring(10)),
    ("waits for the end of one that is stuck", |_| {
        let stuck = tokio::spawn(pending::<()>());
        one(async move { drop(stuck.await) })
    }),
    ("a set of futures that nobody wakes", |_| {
        let (sender, receiver) = oneshot::channel::<()>();
        one(async move {
            let futures: [Boxed; 2] = [
                Box::pin(async move { drop(receiver.await) }),
                Box::pin(pending()),
            ];
            let mut set = FuturesUnordered::from_iter(futures);
            set.next().await;
            drop(sender);
        })
    }),
];

/// Each waits for what the next one would send.
pub(crate) fn ring(tasks: usize) -> Vec<JoinHandle<()>> {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..tasks).map(|_| oneshot::channel::<()>()).unzip();
    let mut senders = senders.into_iter();
    let first = senders.next();
    let waits = receivers.into_iter().zip(senders.chain(first));
    let spawn = |(receiver, sender): (oneshot::Receiver<()>, oneshot::Sender<()>)| {
        tokio::spawn(async move {
            let _ = receiver.await;
            let _ = sender.send(());
        })
    };
    waits.map(spawn).collect()
}

static NOTIFY: Notify = Notify::const_new();
static SENDERS: Mutex<Vec<oneshot::Sender<()>>> = Mutex::new(Vec::new());
static WAKERS: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

/// Each waits for something that may come.
const CAN_WAKE: [(&str, Case); 22] = [
    ("a timer", |_| one(tokio::time::sleep(HOUR))),
    ("a timer in a timeout", |_| {
        one(async { drop(tokio::time::timeout(HOUR, pending::<()>()).await) })
    }),
    ("an interval", |_| {
        one(async {
            let mut ticks = tokio::time::interval(HOUR);
            loop {
                ticks.tick().await;
            }
        })
    }),
    ("a listening socket", |_| {
        one(async {
            let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await;
            let _ = socket.expect("a port").accept().await;
        })
    }),
    ("a socket whose other end is open", |kept| {
        let (mine, others) = std::os::unix::net::UnixStream::pair().expect("two sockets");
        kept.push(Box::new(others));
        one(async move {
            mine.set_nonblocking(true).expect("a socket");
            let mine = tokio::net::UnixStream::from_std(mine).expect("a socket");
            let _ = mine.readable().await;
        })
    }),
    ("a signal", |_| {
        one(async {
            let kind = tokio::signal::unix::SignalKind::user_defined2();
            let mut signal = tokio::signal::unix::signal(kind).expect("a signal");
            signal.recv().await;
        })
    }),
    ("a sender of the one who looks", |kept| {
        let (sender, receiver) = oneshot::channel::<()>();
        kept.push(Box::new(sender));
        one(async move { drop(receiver.await) })
    }),
    ("a sender in a static", |_| {
        let (sender, receiver) = oneshot::channel::<()>();
        SENDERS.lock().expect("not poisoned").push(sender);
        one(async move { drop(receiver.await) })
    }),
    ("a notice in a static", |_| {
        one(async { NOTIFY.notified().await })
    }),
    ("a sender on a thread's stack", |kept| {
        let (sender, receiver) = oneshot::channel::<()>();
        let (ends, end) = threads::channel::<()>();
        std::thread::spawn(move || {
            let _ = end.recv();
            let _ = sender.send(());
        });
        kept.push(Box::new(ends));
        one(async move { drop(receiver.await) })
    }),
    ("a sender in a thread-local", |kept| {
        thread_local! { static SENDER: std::cell::RefCell<Option<oneshot::Sender<()>>> = const { std::cell::RefCell::new(None) }; }
        let (sender, receiver) = oneshot::channel::<()>();
        let (ends, end) = threads::channel::<()>();
        std::thread::spawn(move || {
            SENDER.with(|local| *local.borrow_mut() = Some(sender));
            let _ = end.recv();
        });
        kept.push(Box::new(ends));
        one(async move { drop(receiver.await) })
    }),
    ("the end of a blocking call", |kept| {
        let (ends, end) = threads::channel::<()>();
        kept.push(Box::new(ends));
        one(async move {
            let _ = tokio::task::spawn_blocking(move || end.recv().is_ok()).await;
        })
    }),
    ("the end of a task that can wake", |_| {
        one(async { drop(tokio::spawn(tokio::time::sleep(HOUR)).await) })
    }),
    ("a sender of a task that can wake", |_| {
        let (sender, receiver) = oneshot::channel::<()>();
        tokio::spawn(async move {
            tokio::time::sleep(HOUR).await;
            let _ = sender.send(());
        });
        one(async move { drop(receiver.await) })
    }),
    ("one of a select's arms", |_| {
        one(async {
            tokio::select! { () = pending() => (), () = tokio::time::sleep(HOUR) => () }
        })
    }),
    ("one of a set of futures", |_| {
        one(async {
            let futures: [Boxed; 2] = [Box::pin(tokio::time::sleep(HOUR)), Box::pin(pending())];
            FuturesUnordered::from_iter(futures).next().await;
        })
    }),
    ("one of a set of tasks", |_| {
        one(async {
            let mut set = JoinSet::new();
            set.spawn(pending::<()>());
            set.spawn(tokio::time::sleep(HOUR));
            set.join_next().await;
        })
    }),
    ("a join of futures", |kept| {
        let (sender, receiver) = oneshot::channel::<()>();
        kept.push(Box::new(sender));
        one(futures_util::future::join(receiver.map(drop), pending::<()>()).map(drop))
    }),
    ("a waker that wraps its own", |_| {
        struct Wraps(Waker);
        impl Wake for Wraps {
            fn wake(self: Arc<Self>) {
                self.0.wake_by_ref();
            }
        }
        one(std::future::poll_fn(|context| {
            let wraps = Waker::from(Arc::new(Wraps(context.waker().clone())));
            WAKERS.lock().expect("not poisoned").push(wraps);
            std::task::Poll::Pending
        }))
    }),
    ("a permit that the one who looks can give", |kept| {
        let semaphore = Arc::new(Semaphore::new(0));
        kept.push(Box::new(Arc::clone(&semaphore)));
        one(async move { drop(semaphore.acquire().await) })
    }),
    ("a full channel's room", |kept| {
        let (sender, receiver) = mpsc::channel::<u8>(1);
        kept.push(Box::new(receiver));
        one(async move { while sender.send(1).await.is_ok() {} })
    }),
    ("a set of wakers on C's heap", |_| {
        // SAFETY: C's block is as large as a sender, and nobody else knows it.
        let room = unsafe { libc::malloc(64) }.cast::<oneshot::Sender<()>>();
        let (sender, receiver) = oneshot::channel::<()>();
        // SAFETY: as above.
        unsafe { room.write(sender) };
        // Whoever writes to a static that nobody reads, writes nothing.
        std::hint::black_box(&ON_CS_HEAP).store(room.expose_provenance(), Relaxed);
        one(async move { drop(receiver.await) })
    }),
];

static ON_CS_HEAP: AtomicUsize = AtomicUsize::new(0);
static XORED: AtomicUsize = AtomicUsize::new(0);
static KEPT: Mutex<Vec<AbortHandle>> = Mutex::new(Vec::new());

/// Each could wake, or not, and nothing that can be seen says which.
const OUT_OF_SIGHT: [(&str, Case); 5] = [
    ("a sender by a pointer in other bits", |_| {
        let (sender, receiver) = oneshot::channel::<()>();
        std::hint::black_box(&XORED).store(
            !Box::into_raw(Box::new(sender)).expose_provenance(),
            Relaxed,
        );
        one(async move { drop(receiver.await) })
    }),
    ("a shared sender by a pointer in other bits", |_| {
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        let sender = Arc::new(sender);
        std::hint::black_box(&XORED).fetch_xor(Arc::into_raw(sender).expose_provenance(), Relaxed);
        one(async move { while receiver.recv().await.is_some() {} })
    }),
    ("a waker by a pointer in other bits", |_| {
        one(std::future::poll_fn(|context| {
            let waker = Box::into_raw(Box::new(context.waker().clone()));
            std::hint::black_box(&XORED).fetch_xor(waker.expose_provenance(), Relaxed);
            std::task::Poll::Pending
        }))
    }),
    ("a waker that the kernel has", |_| {
        // As a ring of requests keeps it: a number in a pipe, and nowhere else.
        one(std::future::poll_fn(|context| {
            let waker = std::mem::ManuallyDrop::new(context.waker().clone());
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            let number = waker.data().addr().to_ne_bytes();
            std::io::Write::write_all(&mut writer, &number).expect("there is room");
            PIPES.lock().expect("not poisoned").push((reader, writer));
            std::task::Poll::Pending
        }))
    }),
    ("a handle to abort it", |_| {
        let task = tokio::spawn(pending::<()>());
        KEPT.lock().expect("not poisoned").push(task.abort_handle());
        vec![task]
    }),
];

static PIPES: Mutex<Vec<(std::io::PipeReader, std::io::PipeWriter)>> = Mutex::new(Vec::new());

/// Runs each case on each kind of runtime, looks, and hands over what was seen.
pub(crate) fn each(
    cases: &[(&'static str, Case)],
    is_settled: fn(&Outlooks, &[u64]) -> bool,
    judge: impl Fn(&'static str, Flavour, &Outlooks, &[u64]),
) {
    for flavour in FLAVOURS {
        // One for all: the stack of a thread that has ended is memory that isn't known, and full of addresses.
        let runtime = flavour.runtime();
        for (name, case) in cases {
            let mut kept = Kept::new();
            runtime.block_on(async {
                let tasks = world::far_below(|| case(&mut kept));
                let ids: Vec<u64> = tasks.iter().map(world::id).collect();
                tokio::time::sleep(Duration::from_millis(5)).await;
                let outlooks = world::settled(|outlooks| is_settled(outlooks, &ids)).await;
                judge(name, flavour, &outlooks, &ids);
            });
            drop(kept);
        }
        runtime.shutdown_background();
    }
}

pub(crate) fn none_runs(outlooks: &Outlooks, ids: &[u64]) -> bool {
    let mut ids = ids.iter();
    ids.all(|id| world::of(outlooks, *id).outlook != Outlook::Runs)
}

fn all_stuck(outlooks: &Outlooks, ids: &[u64]) -> bool {
    let mut ids = ids.iter();
    ids.all(|id| world::of(outlooks, *id).is_stuck())
}

/// So often a case is run anew until it is found: what was left on a stack or in a freed block may hide it.
const TRIES: usize = 20;

fn never(rule: Rule) {
    let notes = (rule == Rule::Reach)
        .then(|| Scope::of_process(Detail::Counts).expect("the allocator is ours"));
    each(
        &WITHOUT_A_WAKER,
        all_stuck,
        |name, flavour, outlooks, ids| {
            assert_eq!(outlooks.rule(), rule);
            for id in ids {
                let outlook = &world::of(outlooks, *id).outlook;
                let is = *outlook == Outlook::NeverWakes(Why::NoWaker);
                assert!(is, "{name}, {flavour:?}: {outlook:?}");
            }
        },
    );
    if rule == Rule::Counts {
        // They have wakers, and who holds these isn't known: no word against any.
        each(
            &BY_STUCK_ALONE,
            none_runs,
            |name, flavour, outlooks, ids| {
                for id in ids {
                    let outlook = &world::of(outlooks, *id).outlook;
                    let is = matches!(outlook, Outlook::CanWake(WokenBy::Wakers(1..)));
                    assert!(is, "{name}, {flavour:?}: {outlook:?}");
                }
            },
        );
        return;
    }
    let found = found_stuck(&BY_STUCK_ALONE);
    for (name, _) in BY_STUCK_ALONE {
        assert!(found.contains(name), "{name}: {found:?}");
    }
    drop(notes);
}

/// The cases of which all tasks are found stuck by who holds their wakers, each tried anew until it is.
pub(crate) fn found_stuck(cases: &[(&'static str, Case)]) -> HashSet<&'static str> {
    let found = RefCell::new(HashSet::new());
    for _ in 0..TRIES {
        let left = |(name, _): &&(&'static str, Case)| !found.borrow().contains(name);
        let left: Vec<(&'static str, Case)> = cases.iter().filter(left).copied().collect();
        each(&left, none_runs, |name, _, outlooks, ids| {
            if ids.iter().all(|id| world::of(outlooks, *id).is_stuck()) {
                found.borrow_mut().insert(name);
            }
        });
    }
    found.into_inner()
}

fn look_alikes() {
    let can_wake = |name: &'static str, flavour: Flavour, outlooks: &Outlooks, ids: &[u64]| {
        for id in ids {
            let outlook = &world::of(outlooks, *id).outlook;
            let is = matches!(outlook, Outlook::CanWake(_));
            assert!(is, "{name}, {flavour:?}: {outlook:?}");
        }
    };
    each(&CAN_WAKE, none_runs, can_wake);
    let notes = Scope::of_process(Detail::Counts).expect("the allocator is ours");
    each(&CAN_WAKE, none_runs, can_wake);
    drop(notes);
}

fn out_of_sight() {
    let notes = Scope::of_process(Detail::Counts).expect("the allocator is ours");
    each(&OUT_OF_SIGHT, none_runs, |name, flavour, outlooks, ids| {
        for id in ids {
            let outlook = &world::of(outlooks, *id).outlook;
            // Something that was left behind may lead there as well.
            let is = matches!(outlook, Outlook::NotDecided(_) | Outlook::CanWake(_));
            assert!(is, "{name}, {flavour:?}: {outlook:?}");
        }
    });
    drop(notes);
}

fn woken_by() {
    let notes = Scope::of_process(Detail::Stacks).expect("the allocator is ours");
    let unclear = RefCell::new(Vec::new());
    let expected = |name: &str, by: &WokenBy| match name {
        "a timer" | "an interval" => matches!(by, WokenBy::Timer | WokenBy::Thread),
        "a listening socket" => matches!(by, WokenBy::Socket | WokenBy::Thread),
        "a notice in a static" => matches!(by, WokenBy::Static(name) if name.ends_with("NOTIFY")),
        "a sender in a static" => matches!(by, WokenBy::Static(name) if name.ends_with("SENDERS")),
        _ => true,
    };
    each(&CAN_WAKE, none_runs, |name, flavour, outlooks, ids| {
        for id in ids {
            let outlook = &world::of(outlooks, *id).outlook;
            if *outlook == Outlook::CanWake(WokenBy::Unclear) {
                unclear.borrow_mut().push((name, flavour));
                continue;
            }
            let is = matches!(outlook, Outlook::CanWake(by) if expected(name, by));
            assert!(is, "{name}, {flavour:?}: {outlook:?}");
        }
    });
    // Tasks come to lie where others lay, whose old wakers are left here and there.
    let unclear = unclear.into_inner();
    assert!(unclear.len() <= CAN_WAKE.len() / 2, "{unclear:?}");
    drop(notes);
}

fn holds() {
    let notes = Scope::of_process(Detail::Counts).expect("the allocator is ours");
    for flavour in FLAVOURS {
        let runtime = flavour.runtime();
        let others = Arc::new(vec![1_u8; 500_000]);
        let mut told = Vec::new();
        runtime.block_on(async {
            // Of some, what they hold looks as if a thread held it as well.
            for _ in 0..TRIES {
                let task = world::far_below(|| {
                    let (own, shared) = (vec![1_u8; 70_000], Arc::clone(&others));
                    tokio::spawn(async move {
                        pending::<()>().await;
                        drop((own, shared));
                    })
                });
                let id = world::id(&task);
                let outlooks = world::settled(|outlooks| all_stuck(outlooks, &[id])).await;
                let task = world::of(&outlooks, id);
                told.push((task.held_blocks, task.held_bytes));
            }
        });
        drop(others);
        let is_own =
            |(blocks, bytes): &(u64, u64)| *blocks == 2 && (70_000..72_000).contains(bytes);
        let is_task = |(blocks, bytes): &(u64, u64)| *blocks == 1 && *bytes < 2_000;
        assert!(told.iter().any(is_own), "{told:?}");
        assert!(
            told.iter().all(|told| is_own(told) || is_task(told)),
            "{told:?}"
        );
    }
    drop(notes);
}

fn lines() {
    for flavour in FLAVOURS {
        let runtime = flavour.runtime();
        runtime.block_on(async {
            let line = line!() + 1;
            let task = detectors::tasks::spawn(pending::<()>());
            let id = world::id(&task);
            let outlooks = world::settled(|outlooks| all_stuck(outlooks, &[id])).await;
            let site = world::of(&outlooks, id).site.expect("it is known");
            assert_eq!(
                (site.line(), site.file().ends_with("cases.rs")),
                (line, true)
            );
            assert_eq!(outlooks.stuck_by_site().len(), 1);
            let profile = outlooks.profile();
            assert_eq!(profile.total("goroutineleak").expect("its type"), 1);
        });
    }
}

fn text() {
    for flavour in FLAVOURS {
        let runtime = flavour.runtime();
        runtime.block_on(async {
            let check = TaskCheck::new("zones", &Handle::current()).within(Duration::ZERO);
            check.find_stuck().await.assert_none_stuck();
            detectors::tasks::spawn(tokio::time::sleep(HOUR));
            detectors::tasks::spawn(watch_zone());
            tokio::time::sleep(Duration::from_millis(5)).await;
            let found = check.find_stuck().await;
            let told = found
                .check_none_stuck()
                .expect_err("one is stuck")
                .to_string();
            for part in [
                "zones: expected no task that can never wake, saw 1 task stuck",
                "because: 2 tasks are alive",
                "1 task from",
                "cases.rs:",
                "nobody has a waker of 1 task",
                "stuck: a task that waits",
                "next: ",
            ] {
                assert!(told.contains(part), "{part} isn't in:\n{told}");
            }
            let ignoring = check.clone().ignoring("cases.rs").find_stuck().await;
            ignoring.assert_none_stuck();
            assert_eq!(ignoring.ignored(), 1);
        });
    }
}

async fn watch_zone() {
    pending::<()>().await;
}

fn not_running() {
    let idle = Flavour::Current.runtime();
    let asks = Flavour::Current.runtime();
    let told = asks.block_on(detectors::tasks::outlooks(idle.handle()));
    let told = told
        .expect_err("nobody drives it")
        .to_string()
        .replace('\n', " ");
    assert!(told.contains("ran no new task"), "{told}");
    // It leaves no task behind that waits for ever.
    idle.block_on(async {
        let check = TaskCheck::new("the idle one", &Handle::current());
        check.find().await.assert_none();
    });
}

fn others() {
    let notes = Scope::of_process(Detail::Counts).expect("the allocator is ours");
    let other: Runtime = Flavour::Threads.runtime();
    let (sender, receiver) = oneshot::channel::<()>();
    // The other runtime's task can't wake, and nothing is known of it.
    other.spawn(async move {
        pending::<()>().await;
        drop(sender);
    });
    let runtime = Flavour::Threads.runtime();
    runtime.block_on(async {
        let local = tokio::task::LocalSet::new();
        let task = tokio::spawn(async move { drop(receiver.await) });
        let id = world::id(&task);
        local
            .run_until(async {
                tokio::task::spawn_local(pending::<()>());
                tokio::time::sleep(Duration::from_millis(5)).await;
                let outlooks = world::settled(|outlooks| none_runs(outlooks, &[])).await;
                assert_eq!(outlooks.tasks().len(), 1, "{outlooks:?}");
                assert!(!world::of(&outlooks, id).is_stuck(), "{outlooks:?}");
            })
            .await;
    });
    drop(notes);
}
