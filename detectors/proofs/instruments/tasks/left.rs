//! What is left behind is found with its line, and what isn't left behind is never accused.

use super::subject::{Threads, Way, each, hooked, plain, ways};
use detectors::Verdict;
use detectors::tasks::{TaskCheck, Tasks};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a check waits that is to find something.
const SHORT: Duration = Duration::from_millis(50);

/// A request that starts a watcher, and forgets it.
fn watch_zone(way: Way, runtime: &Handle, changes: &watch::Receiver<u64>) {
    let mut changes = changes.clone();
    way.spawn(
        runtime,
        async move { while changes.changed().await.is_ok() {} },
    );
}

/// The same, with an end: what drops the set ends its watchers.
fn watch_zone_in(
    set: &mut JoinSet<()>,
    way: Way,
    runtime: &Handle,
    changes: &watch::Receiver<u64>,
) {
    let mut changes = changes.clone();
    way.join(set, runtime, async move {
        while changes.changed().await.is_ok() {}
    });
}

fn finds_an_orphan(way: Way, runtime: &Runtime) {
    let (_sender, changes) = watch::channel(0);
    let check = TaskCheck::new("watchers", runtime.handle()).within(SHORT);
    for _ in 0..3 {
        watch_zone(way, runtime.handle(), &changes);
    }
    let left = runtime.block_on(check.find());
    assert_eq!(
        (left.tasks(), left.unknown(), left.verdict()),
        (3, 0, Verdict::Leak),
        "{left}"
    );
    let [(site, 3)] = *left.by_site() else {
        panic!("{left}");
    };
    let site = site.resolve();
    assert!(
        site.frame.function.contains("watch_zone") && site.frame.file.ends_with("left.rs"),
        "{site}"
    );
    assert_eq!(site.origin, detectors::Origin::Own);
    let complaint = left.check_none().expect_err("three are left").to_string();
    assert!(
        complaint.contains("watch_zone") && complaint.contains("orphaned-tasks"),
        "{complaint}"
    );
}

pub(crate) fn orphan() {
    for way in ways() {
        finds_an_orphan(way, &way.runtime(Threads::Current));
    }
}

pub(crate) fn orphan_on_threads() {
    for way in ways() {
        finds_an_orphan(way, &way.runtime(Threads::Many));
    }
}

pub(crate) fn fixed_twin() {
    each(|way, runtime| {
        let (_sender, changes) = watch::channel(0);
        let check = TaskCheck::new("watchers", runtime.handle());
        {
            let _inside = runtime.enter();
            let mut set = JoinSet::new();
            for _ in 0..3 {
                watch_zone_in(&mut set, way, runtime.handle(), &changes);
            }
            runtime.block_on(tokio::task::yield_now());
        }
        let left = runtime.block_on(check.find());
        left.assert_none();
        assert_eq!(left.verdict(), Verdict::Steady);
    });
}

pub(crate) fn late() {
    each(|way, runtime| {
        let check = TaskCheck::new("late", runtime.handle());
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        way.spawn(runtime.handle(), async move {
            tokio::time::sleep(Duration::from_millis(30)).await;
            end.store(true, Relaxed);
        });
        runtime.block_on(check.find()).assert_none();
        assert!(ended.load(Relaxed), "it was waited for");
    });
}

/// A pool that was there before, and still is.
pub(crate) fn before() {
    each(|way, runtime| {
        for _ in 0..4 {
            way.spawn(runtime.handle(), pending::<()>());
        }
        let baseline = Tasks::of(runtime.handle());
        assert_eq!(baseline.alive(), 4);
        let (_sender, changes) = watch::channel(0);
        let check = TaskCheck::new("a pool", runtime.handle());
        runtime.block_on(check.find()).assert_none();

        // A baseline is a value: it can be older than the check.
        watch_zone(way, runtime.handle(), &changes);
        let later = TaskCheck::new("a pool", runtime.handle()).within(SHORT);
        runtime.block_on(later.find()).assert_none();
        let left = runtime.block_on(later.since(baseline).find());
        assert_eq!(left.tasks(), 1, "{left}");
    });
}

/// As many as before, and yet one is new.
pub(crate) fn exchanged() {
    each(|way, runtime| {
        let (_sender, changes) = watch::channel(0);
        let old = way.spawn(runtime.handle(), pending::<()>());
        let check = TaskCheck::new("watchers", runtime.handle()).within(SHORT);
        old.abort();
        watch_zone(way, runtime.handle(), &changes);
        let left = runtime.block_on(check.find());
        assert_eq!(left.tasks(), 1, "{left}");
    });
}

fn a_pool(way: Way, runtime: &Handle) {
    way.spawn(runtime, pending::<()>());
}

pub(crate) fn ignored() {
    each(|way, runtime| {
        let (_sender, changes) = watch::channel(0);
        let check = TaskCheck::new("a pool", runtime.handle())
            .within(SHORT)
            .ignoring("a_pool");
        a_pool(way, runtime.handle());
        let left = runtime.block_on(check.find());
        left.assert_none();
        assert_eq!(left.ignored(), 1);

        watch_zone(way, runtime.handle(), &changes);
        let left = runtime.block_on(check.find());
        assert_eq!((left.tasks(), left.ignored()), (1, 1), "{left}");

        let by_file = check.ignoring("tasks/left.rs");
        runtime.block_on(by_file.find()).assert_none();
    });
}

/// A task of no known site may be the one that is to be ignored, or may not.
pub(crate) fn inconclusive() {
    let runtime = plain(Threads::Current);
    let check = TaskCheck::new("a pool", runtime.handle())
        .within(SHORT)
        .ignoring("a_pool");
    runtime.spawn(pending::<()>());
    let left = runtime.block_on(check.find());
    assert_eq!(
        (left.unknown(), left.verdict()),
        (1, Verdict::Inconclusive),
        "{left}"
    );
    let complaint = left
        .check_none()
        .expect_err("what couldn't be told isn't proved")
        .to_string();
    assert!(
        complaint.contains("saw inconclusive") && complaint.contains("what would settle it"),
        "{complaint}"
    );

    // One that is known isn't excused by one that isn't.
    let (_sender, changes) = watch::channel(0);
    watch_zone(Way::Wrapped, runtime.handle(), &changes);
    let left = runtime.block_on(check.find());
    assert_eq!(left.verdict(), Verdict::Leak, "{left}");
}

pub(crate) fn unknown_sites() {
    let runtime = plain(Threads::Current);
    let check = TaskCheck::new("past the wrapper", runtime.handle()).within(SHORT);
    runtime.spawn(pending::<()>());
    let left = runtime.block_on(check.find());
    assert_eq!(
        (left.tasks(), left.unknown(), left.verdict()),
        (1, 1, Verdict::Leak)
    );
    let complaint = left.check_none().expect_err("one is left").to_string();
    assert!(
        complaint.contains("1 task from an unknown site"),
        "{complaint}"
    );
}

/// Another runtime, on another thread, spawns and ends tasks all the time, at the same lines.
pub(crate) fn neighbour() {
    let stop = Arc::new(AtomicBool::new(false));
    let busy = thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            let every: Vec<Way> = ways().collect();
            for way in every.into_iter().cycle() {
                let runtime = way.runtime(Threads::Current);
                for _ in 0..100 {
                    a_pool(way, runtime.handle());
                }
                if stop.load(Relaxed) {
                    break;
                }
            }
        }
    });
    for _ in 0..20 {
        each(|way, runtime| {
            let check = TaskCheck::new("beside a busy thread", runtime.handle());
            let task = way.spawn(runtime.handle(), async {});
            runtime.block_on(task).expect("it doesn't panic");
            runtime.block_on(check.find()).assert_none();
        });
    }
    stop.store(true, Relaxed);
    busy.join().expect("it doesn't panic");
}

pub(crate) fn text() {
    let runtime = hooked(Threads::Current);
    a_pool(Way::Wrapped, runtime.handle());
    let check = TaskCheck::new("watching zones", runtime.handle())
        .within(SHORT)
        .ignoring("a_pool");
    let (_sender, changes) = watch::channel(0);
    for _ in 0..20 {
        watch_zone(Way::Wrapped, runtime.handle(), &changes);
    }
    a_pool(Way::Wrapped, runtime.handle());
    let left = runtime.block_on(check.find());
    if cfg!(all(tokio_unstable, target_os = "linux")) {
        shows("left", &left.to_string());
    }

    let plain = plain(Threads::Current);
    let check = TaskCheck::new("watching zones", plain.handle())
        .within(SHORT)
        .ignoring("a_pool");
    plain.spawn(pending::<()>());
    let left = plain.block_on(check.find());
    if cfg!(tokio_unstable) {
        shows("inconclusive", &left.to_string());
    }
    let check = TaskCheck::new("watching zones", plain.handle());
    shows("none", &plain.block_on(check.find()).to_string());
}

/// Without what differs from run to run and from machine to machine.
#[track_caller]
fn shows(name: &str, text: &str) {
    insta::with_settings!({
        omit_expression => true,
        filters => [
            (r"\.rs:\d+", ".rs:[LINE]"),
            (r"\(\S*?instruments/", "(instruments/"),
            (r"\(\S*?/tokio-[\d.]+/", "(tokio/"),
            (r"after \d+ ms", "after [TIME] ms"),
            (r"signature [0-9a-f]{16}", "signature [SIGNATURE]"),
        ]
    }, {
        insta::assert_snapshot!(name, text);
    });
}
