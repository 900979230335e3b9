//! The tasks as a profile, which any reader of pprof's format shows.

use super::subject::{Threads, hooked};
use detectors::tasks::{TaskCheck, Tasks};
use std::future::pending;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::runtime::Handle;

#[inline(never)]
fn watchers(runtime: &Handle, count: usize) {
    for _ in 0..count {
        runtime.spawn(pending::<()>());
    }
}

#[inline(never)]
fn probers(runtime: &Handle, count: usize) {
    for _ in 0..count {
        runtime.spawn(pending::<()>());
    }
}

pub(crate) fn go_agrees() {
    // Without hooks, tokio's own spawn tells of no site.
    if cfg!(not(tokio_unstable)) {
        return;
    }
    let runtime = hooked(Threads::Current);
    let none = Tasks::of(runtime.handle())
        .profile()
        .expect_err("no task, no profile");
    assert!(none.to_string().contains("the alive tasks"), "{none}");
    watchers(runtime.handle(), 30);
    probers(runtime.handle(), 10);
    let profile = Tasks::of(runtime.handle())
        .profile()
        .expect("there are tasks");
    assert_eq!(profile.total("tasks").expect("its only type"), 40);
    let top = profile.top(None).expect("the default type");
    let flat: Vec<(&str, i64)> = top
        .rows
        .iter()
        .map(|row| (row.function.as_str(), row.flat))
        .collect();
    assert!(
        matches!(flat[..2], [(first, 30), (second, 10)] if first.ends_with("watchers") && second.ends_with("probers")),
        "{top}"
    );
    let frame = profile
        .stacks()
        .next()
        .map(|stack| (stack.frames[0].file.to_owned(), stack.frames[0].line));
    assert!(
        frame
            .is_some_and(|(file, line)| file.ends_with("instruments/tasks/profile.rs") && line > 0)
    );

    let folder = tempfile::tempdir().expect("a folder for the profile");
    let path = folder.path().join("tasks.pb.gz");
    profile.write(&path).expect("the folder has room");
    let go = Command::new("go")
        .args(["tool", "pprof", "-top"])
        .arg(&path)
        .stdin(Stdio::null())
        .output();
    match go {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), top.to_string()),
        Err(_) => eprintln!("go is not installed: not compared with its pprof"),
    }
}

/// What `DETECTORS_OUT` asks for.
pub(crate) fn is_kept() {
    // Without hooks, tokio's own spawn tells of no site.
    if cfg!(not(tokio_unstable)) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the profile");
    // SAFETY: this process runs one test, on this thread.
    unsafe { std::env::set_var("DETECTORS_OUT", folder.path()) };
    let runtime = hooked(Threads::Current);
    let check = TaskCheck::new("watchers", runtime.handle()).within(Duration::from_millis(20));
    watchers(runtime.handle(), 2);
    let complaint = runtime.block_on(check.find()).to_string();
    let path = folder
        .path()
        .join("tasks-a_profile_is_kept_where_it_is_asked_for/tasks.pb.gz");
    let kept = detectors::Profile::read(&path).expect("it was kept");
    assert_eq!(kept.total("tasks").expect("its only type"), 2);
    assert!(
        complaint.ends_with(&format!("go tool pprof -top '{}'", path.display())),
        "{complaint}"
    );
}
