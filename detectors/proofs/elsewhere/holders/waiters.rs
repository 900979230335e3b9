//! Wakers and waiters that pile up: each poll leaves one, and only an event that never comes takes them away.

use super::{leaks, watch};
use bytes::Bytes;
use detectors::{Class, Evidence};
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// A task that can be woken, as an executor has it.
struct Sleeper(#[expect(dead_code, reason = "what a task is, it has")] [u8; 40]);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {}
}

/// A value that changes never, and whoever waits for it.
#[derive(Default)]
struct Watched {
    list: Mutex<Vec<Waker>>,
    deque: Mutex<VecDeque<Waker>>,
    with_a_number: Mutex<Vec<(u32, Waker)>>,
}

impl Watched {
    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        self.list
            .lock()
            .expect("nobody panics")
            .push(context.waker().clone());
        Poll::Pending
    }

    fn poll_in_turn(&self, context: &Context<'_>) -> Poll<()> {
        let mut deque = self.deque.lock().expect("nobody panics");
        deque.push_back(context.waker().clone());
        Poll::Pending
    }

    fn poll_with_a_number(&self, context: &Context<'_>) -> Poll<()> {
        let mut list = self.with_a_number.lock().expect("nobody panics");
        list.push((7, context.waker().clone()));
        Poll::Pending
    }

    fn change(&self) {
        for waker in self.list.lock().expect("nobody panics").drain(..) {
            waker.wake();
        }
    }
}

const IN_A_QUEUE: &str = "in a queue of wakers";

fn polled(waker: &Waker, poll: fn(&Watched, &Context<'_>) -> Poll<()>) -> Evidence {
    watch("polled").run(|| {
        let watched = Watched::default();
        move || {
            let polled = poll(&watched, &Context::from_waker(waker));
            assert!(polled.is_pending());
        }
    })
}

pub(super) fn wakers() {
    let sleeper = Waker::from(Arc::new(Sleeper([0; 40])));
    let polls = [
        Watched::poll as fn(&Watched, &Context<'_>) -> Poll<()>,
        Watched::poll_in_turn,
        Watched::poll_with_a_number,
    ];
    for waker in [futures_util::task::noop_waker_ref(), &sleeper] {
        for poll in polls {
            let told = leaks(polled(waker, poll), Some(Class::UnboundedQueues));
            let list = told.holders_list().to_string();
            assert!(list.contains(IN_A_QUEUE), "{list}");
        }
    }
    // A runtime's own tasks.
    let evidence = watch("polled by tasks").run_async(async || {
        let watched = Arc::new(Watched::default());
        async move || {
            let watched = Arc::clone(&watched);
            let once = std::future::poll_fn(move |context| {
                assert!(watched.poll(context).is_pending());
                Poll::Ready(())
            });
            once.await;
        }
    });
    leaks(evidence, Some(Class::UnboundedQueues));
}

pub(super) fn woken() {
    let sleeper = Waker::from(Arc::new(Sleeper([0; 40])));
    watch("woken")
        .run(|| {
            let watched = Watched::default();
            let sleeper = &sleeper;
            move || {
                assert!(watched.poll(&Context::from_waker(sleeper)).is_pending());
                watched.change();
            }
        })
        .assert_steady();
}

/// Two words with a table of functions as well: what has a size, and what has functions alone.
pub(super) fn look_alikes() {
    #[track_caller]
    fn is_no_queue(evidence: Evidence) {
        let told = leaks(evidence, None);
        let list = told.holders_list().to_string();
        assert!(!list.contains("in a queue of"), "{list}");
    }
    let number = 7;
    is_no_queue(watch("closures").run(|| {
        let mut all: Vec<Box<dyn Fn() -> u64>> = Vec::new();
        move || all.push(Box::new(move || black_box(number)))
    }));
    let shared: Arc<dyn Fn() -> u64> = Arc::new(move || black_box(number));
    is_no_queue(watch("shared closures").run(|| {
        let mut all = Vec::new();
        let shared = &shared;
        move || all.push(Arc::clone(shared))
    }));
    is_no_queue(watch("errors").run(|| {
        let mut all: Vec<&'static dyn std::error::Error> = Vec::new();
        move || all.push(&std::fmt::Error)
    }));
    is_no_queue(watch("texts of the program's").run(|| {
        let mut all = VecDeque::new();
        move || all.push_back(Bytes::from_static(b"hello"))
    }));
    is_no_queue(watch("numbers").run(|| {
        let mut all: Vec<[u64; 2]> = Vec::new();
        move || all.push(black_box([7, 8]))
    }));
}

/// As tokio had it until 0.2.20: whoever subscribes has a node of its own, and the channel keeps a list of those that waited.
pub(super) fn in_a_channel() {
    let told = leaks(
        watch("a wait that is given up").run(|| {
            let (shutdown, _) = old_tokio::sync::broadcast::channel::<()>(1);
            move || {
                let mut signal = shutdown.subscribe();
                let waited = Box::pin(async move { signal.recv().await.is_ok() });
                poll_once(waited);
            }
        }),
        Some(Class::UnboundedQueues),
    );
    let list = told.holders_list().to_string();
    assert!(
        list.contains("in a queue of tokio::sync::broadcast"),
        "{list}"
    );
    // Receivers that somebody keeps are no queue: nobody waits by them.
    let kept = watch("receivers that are kept").run(|| {
        let (shutdown, _) = old_tokio::sync::broadcast::channel::<()>(1);
        let mut all = Vec::new();
        move || all.push(shutdown.subscribe())
    });
    let told = leaks(kept, None);
    let list = told.holders_list().to_string();
    assert!(!list.contains("in a queue of"), "{list}");
}

fn poll_once(mut future: std::pin::Pin<Box<dyn Future<Output = bool>>>) {
    let polled = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}
