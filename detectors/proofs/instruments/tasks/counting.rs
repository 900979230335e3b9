//! However a task ends, its site has one less, and the runtime's own count says the same.

use super::subject::{Threads, Way, each, known, until, ways};
use detectors::heap::Detail;
use detectors::{Scope, tasks};
use std::future::pending;
use std::hint::black_box;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The site has so many, at once where the task has just been spawned, and else soon.
#[track_caller]
fn has(way: Way, runtime: &Runtime, tasks: u64) {
    let handle = runtime.handle();
    until(runtime, &format!("{way:?}: {tasks} tasks"), || {
        known(handle) == tasks && tasks::alive(handle) as u64 == tasks
    });
}

pub(crate) fn until_done() {
    each(|way, runtime| {
        let go = Arc::new(Notify::new());
        let wait = Arc::clone(&go);
        let task = way.spawn(runtime.handle(), async move { wait.notified().await });
        assert_eq!(known(runtime.handle()), 1, "{way:?}: it counts at once");
        runtime.block_on(tokio::task::yield_now());
        assert_eq!(known(runtime.handle()), 1, "{way:?}: and while it waits");
        go.notify_one();
        runtime.block_on(task).expect("it doesn't panic");
        has(way, runtime, 0);
    });
}

pub(crate) fn until_it_panics() {
    panic::set_hook(Box::new(|_| {}));
    each(|way, runtime| {
        let task = way.spawn(runtime.handle(), async { panic!("as it should") });
        let ended = runtime.block_on(task).expect_err("it panics");
        assert!(ended.is_panic());
        has(way, runtime, 0);
    });
}

pub(crate) fn until_aborted() {
    each(|way, runtime| {
        let task = way.spawn(runtime.handle(), pending::<()>());
        runtime.block_on(tokio::task::yield_now());
        has(way, runtime, 1);
        task.abort();
        assert!(
            runtime
                .block_on(task)
                .expect_err("it is aborted")
                .is_cancelled()
        );
        has(way, runtime, 0);
    });
}

pub(crate) fn never_polled() {
    for way in ways() {
        // Nothing polls on a current-thread runtime that isn't driven.
        let runtime = way.runtime(Threads::Current);
        let polled = Arc::new(AtomicBool::new(false));
        let poll = Arc::clone(&polled);
        let task = way.spawn(runtime.handle(), async move { poll.store(true, Relaxed) });
        assert_eq!(known(runtime.handle()), 1, "{way:?}");
        task.abort();
        has(way, &runtime, 0);
        assert!(!polled.load(Relaxed), "{way:?}: it was never polled");

        let mut set = JoinSet::new();
        {
            let _inside = runtime.enter();
            way.join(&mut set, runtime.handle(), pending::<()>());
        }
        assert_eq!(known(runtime.handle()), 1, "{way:?}, in a set");
        drop(set);
        has(way, &runtime, 0);
    }
}

pub(crate) fn until_the_runtime_goes() {
    for threads in [Threads::Current, Threads::Many] {
        for way in ways() {
            let runtime = way.runtime(threads);
            let handle = runtime.handle().clone();
            let _task = way.spawn(&handle, pending::<()>());
            assert_eq!(known(&handle), 1);
            drop(runtime);
            assert_eq!(known(&handle), 0, "{way:?}, {threads:?}");
        }
    }
}

/// It is told the end of such a task before its start.
pub(crate) fn refused() {
    for threads in [Threads::Current, Threads::Many] {
        for way in ways() {
            let runtime = way.runtime(threads);
            let handle = runtime.handle().clone();
            drop(runtime);
            let _task = way.spawn(&handle, pending::<()>());
            assert_eq!(known(&handle), 0, "{way:?}, {threads:?}");
        }
    }
}

/// Nobody holds its `JoinHandle`.
pub(crate) fn detached() {
    each(|way, runtime| {
        let go = Arc::new(Notify::new());
        for _ in 0..2 {
            let wait = Arc::clone(&go);
            drop(way.spawn(runtime.handle(), async move { wait.notified().await }));
        }
        has(way, runtime, 2);
        // Each permit that is there wakes one.
        until(runtime, "both are done", || {
            go.notify_one();
            tasks::alive(runtime.handle()) == 0
        });
        has(way, runtime, 0);
    });
}

/// As many threads as it takes to spawn the same line at the same moment, again and again.
pub(crate) fn many_threads() {
    const THREADS: u64 = 4;
    const TASKS: u64 = 500;
    each(|way, runtime| {
        let handle = runtime.handle();
        let spawn = || way.spawn(handle, pending::<()>());
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| (0..TASKS).map(|_| spawn()).collect::<Vec<_>>()))
                .collect();
            let tasks = threads
                .into_iter()
                .map(|thread| thread.join().expect("it doesn't panic"));
            tasks.flatten().collect()
        });
        has(way, runtime, THREADS * TASKS);
        for task in &all {
            task.abort();
        }
        has(way, runtime, 0);
    });
}

/// The tasks' own blocks and no other: the instrument's memory isn't the program's.
pub(crate) fn unseen_by_scopes() {
    const TASKS: usize = 1_000;
    let blocks = |runtime: &Runtime, spawn: &dyn Fn() -> tokio::task::JoinHandle<()>| {
        let mut tasks = Vec::with_capacity(TASKS);
        // Seen once, so that what is made for good is there.
        drop(spawn());
        let scope = Scope::new(Detail::Counts).expect("this file's allocator is the profiling one");
        for _ in 0..TASKS {
            tasks.push(spawn());
        }
        let blocks = scope.read().blocks;
        black_box((runtime, tasks));
        blocks
    };
    let plain = super::subject::plain(Threads::Current);
    let own = blocks(&plain, &|| plain.spawn(pending()));
    for way in ways() {
        let runtime = way.runtime(Threads::Current);
        let with_ours = blocks(&runtime, &|| way.spawn(runtime.handle(), pending()));
        assert_eq!(with_ours, own, "{way:?}");
    }
}
