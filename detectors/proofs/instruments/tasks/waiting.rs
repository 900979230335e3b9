//! Where tasks wait.

use super::subject::{Threads, hooked};
use detectors::tasks::{self, await_stacks};
use std::time::Duration;
use tokio::sync::watch;

/// Whether it can be told at all.
const TOLD: bool = cfg!(all(tokio_unstable, target_os = "linux"));

const LONG: Duration = Duration::from_secs(10);

async fn until_changed(mut changes: watch::Receiver<u64>) {
    while changes.changed().await.is_ok() {}
}

pub(crate) fn told() {
    let runtime = hooked(Threads::Current);
    let (_sender, changes) = watch::channel(0);
    for _ in 0..5 {
        tasks::spawn_on(runtime.handle(), until_changed(changes.clone()));
    }
    let told = runtime
        .block_on(async { await_stacks(runtime.handle(), Duration::from_secs(10), 3).await });
    if cfg!(not(tokio_unstable)) {
        let refused = told.expect_err("without taskdump and tokio_unstable nothing is told");
        assert!(refused.to_string().contains("tokio_unstable"), "{refused}");
        return;
    }
    if cfg!(not(target_os = "linux")) {
        assert!(told.expect_err("Linux only").to_string().contains("Linux"));
        return;
    }
    let stacks = told.expect("the runtime answers");
    assert_eq!(stacks.len(), 3, "three of each site: {stacks:?}");
    for stack in &stacks {
        let spawned = stack.site.expect("its runtime remembers it").resolve();
        assert!(spawned.frame.function.ends_with("told"), "{spawned}");
        let own = stack.line().expect("it waits somewhere");
        assert!(
            own.function.contains("until_changed") && own.file.ends_with("waiting.rs"),
            "{stack}"
        );
        assert!(stack.to_string().contains("changed"), "{stack}");
    }
    // The tasks go on as if nothing had happened.
    assert_eq!(detectors::tasks::alive(runtime.handle()), 5);
}

pub(crate) fn on_threads() {
    if !TOLD {
        return;
    }
    let runtime = hooked(Threads::Many);
    let (sender, changes) = watch::channel(0);
    for _ in 0..5 {
        tasks::spawn_on(runtime.handle(), until_changed(changes.clone()));
    }
    let stacks = runtime
        .block_on(await_stacks(runtime.handle(), LONG, usize::MAX))
        .expect("the runtime answers");
    assert_eq!(stacks.len(), 5, "{stacks:?}");
    assert!(
        stacks.iter().all(|stack| stack
            .line()
            .is_some_and(|own| own.function.contains("until_changed"))),
        "{stacks:?}"
    );
    drop(sender);
    super::subject::until(&runtime, "all end", || {
        detectors::tasks::alive(runtime.handle()) == 0
    });
}

pub(crate) fn blocked() {
    if !TOLD {
        return;
    }
    let runtime = hooked(Threads::Many);
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (started, has_started) = std::sync::mpsc::channel::<()>();
    // It blocks its thread, as a task should not.
    runtime.spawn(async move {
        started.send(()).expect("the test waits");
        let _ = wait.recv();
    });
    has_started.recv().expect("it starts");
    let refused = runtime
        .block_on(await_stacks(
            runtime.handle(),
            Duration::from_millis(300),
            1,
        ))
        .expect_err("a thread is blocked");
    assert!(refused.to_string().contains("busy or blocked"), "{refused}");
    drop(release);
}

pub(crate) fn from_outside() {
    if !TOLD {
        return;
    }
    let (one, other) = (hooked(Threads::Current), hooked(Threads::Current));
    let refused = one
        .block_on(await_stacks(other.handle(), LONG, 1))
        .expect_err("another runtime doesn't run meanwhile");
    assert!(refused.to_string().contains("from within"), "{refused}");
}
