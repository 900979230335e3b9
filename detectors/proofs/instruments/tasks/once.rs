//! A task counts once, for the runtime that runs it, and costs two words at most.

use super::subject::{Threads, hooked, known, plain, until};
use detectors::tasks::{self, Tasks};
use std::future::{Future, pending};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Runtime;

pub(crate) fn wrapped_and_hooked() {
    for threads in [Threads::Current, Threads::Many] {
        let runtime = hooked(threads);
        let mut spawned = vec![tasks::spawn_on(runtime.handle(), pending::<()>())];
        runtime.block_on(async {
            spawned.push(tasks::spawn(pending()));
            spawned.push(tokio::spawn(tasks::tracked(pending())));
        });
        let seen = Tasks::of(runtime.handle());
        let each: Vec<u64> = seen.by_site().iter().map(|(_, tasks)| *tasks).collect();
        assert_eq!((seen.alive(), seen.unknown()), (3, 0), "{seen}");
        assert!(each == [1, 1, 1] || !seen.is_hooked(), "{seen}");
        assert_eq!(known(runtime.handle()), 3, "{seen}");
        for task in spawned {
            task.abort();
        }
        until(&runtime, "all have ended", || known(runtime.handle()) == 0);
    }
}

/// Where there is no runtime yet, nothing can be counted for one.
pub(crate) fn wrapped_outside() {
    for runtime in [plain(Threads::Current), hooked(Threads::Current)] {
        let task = runtime.spawn(tasks::tracked(pending::<()>()));
        until(&runtime, "it is polled", || known(runtime.handle()) == 1);
        runtime.block_on(tokio::task::yield_now());
        assert_eq!(known(runtime.handle()), 1);
        task.abort();
        until(&runtime, "it has ended", || known(runtime.handle()) == 0);
    }
}

pub(crate) fn side_by_side() {
    let (one, other) = (plain(Threads::Current), plain(Threads::Many));
    let spawn = |runtime: &Runtime| tasks::spawn_on(runtime.handle(), pending::<()>());
    let _spawned = [spawn(&one), spawn(&other), spawn(&other)];
    assert_eq!((known(one.handle()), known(other.handle())), (1, 2));
    drop(other);
    assert_eq!(known(one.handle()), 1);
}

/// A future that is larger than what any wrapper could hide.
struct Large([u8; 1_000]);

impl Future for Large {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        black_box(self.0);
        Poll::Pending
    }
}

pub(crate) fn sizes() {
    let wrapped = tasks::tracked(Large([0; 1_000]));
    assert!(
        size_of_val(&wrapped) <= size_of::<Large>() + 16,
        "{}",
        size_of_val(&wrapped)
    );
    let small = tasks::tracked(pending::<()>());
    assert!(size_of_val(&small) <= 16, "{}", size_of_val(&small));

    // What a whole task takes, as its one block: tokio's own, and the pointer.
    let block = |spawn: &dyn Fn()| {
        spawn();
        let scope = detectors::Scope::new(detectors::heap::Detail::Counts)
            .expect("this file's allocator is the profiling one");
        spawn();
        scope.read().total_bytes
    };
    let runtime = plain(Threads::Current);
    let theirs = block(&|| drop(runtime.spawn(Large([0; 1_000]))));
    let ours = block(&|| drop(tasks::spawn_on(runtime.handle(), Large([0; 1_000]))));
    // A task's block is aligned to a cache line or two.
    assert!(
        ours <= theirs + 128,
        "{ours} bytes, where tokio's are {theirs}"
    );
}

/// Each runtime has an entry for each of its sites as long as it lives, and a bounded number of them stay.
pub(crate) fn many_runtimes() {
    let mut most = 0;
    for _ in 0..300 {
        let runtime = plain(Threads::Current);
        let task = tasks::spawn_on(runtime.handle(), async {});
        runtime.block_on(task).expect("it doesn't panic");
        most = most.max(tasks::entries());
    }
    assert!(most <= 64, "{most} entries of 300 runtimes");

    // One that lives through all of this is still counted.
    let long = plain(Threads::Current);
    let _task = tasks::spawn_on(long.handle(), pending::<()>());
    for _ in 0..300 {
        let runtime = plain(Threads::Current);
        drop(tasks::spawn_on(runtime.handle(), async {}));
    }
    assert_eq!(known(long.handle()), 1);
}

#[track_caller]
fn panics_with(text: &str, misuse: impl FnOnce() + std::panic::UnwindSafe) {
    let told = std::panic::catch_unwind(misuse).expect_err("it panics");
    let told = told.downcast_ref::<String>().expect("in words");
    assert!(told.contains(text), "{told}");
}

pub(crate) fn two_baselines() {
    let (one, other) = (plain(Threads::Current), plain(Threads::Current));
    let (one, other) = (Tasks::of(one.handle()), Tasks::of(other.handle()));
    panics_with("the baseline is of runtime", move || {
        drop(one.since(&other));
    });
}
