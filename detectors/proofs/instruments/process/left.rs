//! What code leaves open.

use super::server::ended;
use detectors::process::{OpenCheck, spawn_thread_with};
use detectors::{Kind, Verdict};
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::Duration;

fn check(name: &str) -> OpenCheck {
    OpenCheck::new(name).expect("Linux tells")
}

fn scratch() -> File {
    tempfile::tempfile().expect("a scratch file")
}

pub(crate) fn nothing() {
    let check = check("a file that is read");
    drop(scratch());
    let left = check.find().expect("Linux tells");
    assert_eq!((left.count(), left.verdict()), (0, Verdict::Steady));
    left.assert_none();
}

/// Another thread closes the file, and only once this one has paused twice: a check that doesn't wait finds it open.
pub(crate) fn late() {
    let check = check("a file that is closed late").ignoring("threads named");
    let file = scratch();
    let before = pauses();
    let closes = std::thread::spawn(move || {
        ended("the check to pause", || pauses() >= before + 2);
        drop(file);
    });
    let left = check.within(Duration::from_mins(1)).find();
    left.expect("Linux tells").assert_none();
    closes.join().expect("it doesn't panic");
}

/// How often the main thread, which runs the test, has given its core away by itself.
fn pauses() -> u64 {
    let id = std::process::id();
    let status = std::fs::read_to_string(format!("/proc/{id}/task/{id}/status"));
    let status = status.expect("Linux tells");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok())
        .expect("a count")
}

pub(crate) fn held_by_a_task() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let check = check("a file of a task").within(Duration::from_mins(1));
        let file = scratch();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            drop(file);
        });
        check.find_async().await.expect("Linux tells").assert_none();
    });
}

pub(crate) fn everything() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let server = listener.local_addr().expect("it is bound");
    let check = check("the import").within(Duration::from_millis(1));
    let files = ["one", "two"].map(|name| File::create(folder.path().join(name)).expect("a file"));
    let connection = TcpStream::connect(server).expect("it listens");
    let (stop, stopped) = channel::<()>();
    let (started, has_started) = channel::<()>();
    let thread = spawn_thread_with(Builder::new().name("importer".to_owned()), move || {
        drop(started);
        let _ = stopped.recv();
    });
    let _ = has_started.recv();

    let left = check.find().expect("Linux tells");
    assert_eq!(left.verdict(), Verdict::Leak);
    let kinds: Vec<(Kind, u64)> = left
        .groups()
        .iter()
        .map(|group| (group.kind, group.count))
        .collect();
    assert_eq!(
        kinds,
        [
            (Kind::Sockets, 1),
            (Kind::Descriptors, 2),
            (Kind::Threads, 1)
        ]
    );
    let complaint = left.check_none().expect_err("something is left");
    let folder = folder.path().display().to_string();
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        snapshot_path => "snapshots",
        filters => vec![
            (&*regex_of(&folder), "/scratch"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (r"after \d+ ms", "after TIME ms"),
            (r"\([^()]*left\.rs:\d+\)", "(left.rs:LINE)"),
            (r"signature [0-9a-f]+", "signature SIGNATURE"),
        ]
    }, {
        insta::assert_snapshot!("left_open", complaint);
    });
    drop((files, connection, stop));
    thread.expect("a thread").join().expect("it doesn't panic");
}

fn regex_of(text: &str) -> String {
    text.replace('.', r"\.")
}

pub(crate) fn ignored() {
    let check = check("a file and a pipe")
        .within(Duration::from_millis(1))
        .ignoring("pipes");
    let pipe = std::io::pipe().expect("a pipe");
    let left = check.find().expect("Linux tells");
    assert_eq!((left.count(), left.ignored()), (0, 2));
    let file = scratch();
    let left = check.find().expect("Linux tells");
    assert_eq!((left.count(), left.ignored()), (1, 2));
    assert!(left.groups()[0].name.starts_with("files in "), "{left}");
    drop((pipe, file));
}
