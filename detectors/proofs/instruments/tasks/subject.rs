//! What the tests spawn, and in which ways.

use detectors::tasks::{self, Builder};
use std::future::Future;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{self, Handle, Runtime};
use tokio::task::{JoinHandle, JoinSet};

/// How a task is spawned and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By our function, on anybody's runtime.
    Wrapped,
    /// By tokio's, on our runtime. Only where tokio has hooks.
    Hooked,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Threads {
    Current,
    Many,
}

/// Every way on every kind of runtime.
pub(crate) fn each(mut test: impl FnMut(Way, &Runtime)) {
    for threads in [Threads::Current, Threads::Many] {
        for way in ways() {
            test(way, &way.runtime(threads));
        }
    }
}

pub(crate) fn ways() -> impl Iterator<Item = Way> {
    [Way::Wrapped, Way::Hooked]
        .into_iter()
        .filter(|way| *way == Way::Wrapped || cfg!(tokio_unstable))
}

impl Way {
    pub(crate) fn runtime(self, threads: Threads) -> Runtime {
        match self {
            Way::Wrapped => plain(threads),
            Way::Hooked => hooked(threads),
        }
    }

    /// Spawns it, on the caller's line.
    #[track_caller]
    pub(crate) fn spawn<F>(self, runtime: &Handle, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self {
            Way::Wrapped => tasks::spawn_on(runtime, future),
            Way::Hooked => runtime.spawn(future),
        }
    }

    #[track_caller]
    pub(crate) fn join<F>(self, set: &mut JoinSet<F::Output>, runtime: &Handle, future: F)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match self {
            Way::Wrapped => set.spawn_on(tasks::tracked(future), runtime),
            Way::Hooked => set.spawn_on(future, runtime),
        };
    }
}

pub(crate) fn plain(threads: Threads) -> Runtime {
    let mut builder = match threads {
        Threads::Current => runtime::Builder::new_current_thread(),
        Threads::Many => runtime::Builder::new_multi_thread(),
    };
    builder
        .enable_all()
        .build()
        .expect("the system gives a runtime its event queue")
}

pub(crate) fn hooked(threads: Threads) -> Runtime {
    let builder = match threads {
        Threads::Current => Builder::new_current_thread(),
        Threads::Many => Builder::new_multi_thread(),
    };
    builder
        .build()
        .expect("the system gives a runtime its event queue")
}

/// How many tasks are known by site.
pub(crate) fn known(runtime: &Handle) -> u64 {
    tasks::by_site(runtime).iter().map(|(_, tasks)| tasks).sum()
}

/// Lets the runtime run until the condition holds.
#[track_caller]
pub(crate) fn until(runtime: &Runtime, what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        runtime.block_on(tokio::task::yield_now());
        thread::sleep(Duration::from_micros(100));
    }
}
