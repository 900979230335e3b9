//! Single readings.

use super::server::ended;
use detectors::process::{Open, OpenCheck, Target, Tcp, TcpState, descriptors, spawn_thread_with};
use detectors::triage::Triage;
use detectors::{Kind, Verdict, Watch};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::Duration;

pub(crate) fn a_file_and_a_pipe() {
    let file = tempfile::NamedTempFile::new().expect("a scratch file");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let target_of = |number: i32| {
        let all = descriptors().expect("Linux tells");
        let found = all
            .into_iter()
            .find(|descriptor| descriptor.number == number);
        found.map(|descriptor| descriptor.target)
    };
    let number = file.as_file().as_raw_fd();
    assert_eq!(
        target_of(number),
        Some(Target::Path(file.path().to_owned()))
    );
    assert_eq!(target_of(reader.as_raw_fd()), Some(Target::Pipe));
    assert_eq!(target_of(writer.as_raw_fd()), Some(Target::Pipe));
    drop(file);
    assert_eq!(target_of(number), None, "closed");
}

pub(crate) fn sockets() {
    listed("127.0.0.1:0");
}

/// Where the machine has no IPv6, there is nothing to see.
pub(crate) fn sockets_of_version_six() {
    if TcpListener::bind("[::1]:0").is_ok() {
        listed("[::1]:0");
    } else {
        println!("not read: this machine has no IPv6");
    }
}

fn listed(address: &str) {
    let listener = TcpListener::bind(address).expect("a port of loopback");
    let server = listener.local_addr().expect("it is bound");
    let client = TcpStream::connect(server).expect("it listens");
    let (accepted, peer) = listener.accept().expect("somebody connects");

    let of = |stream: &dyn AsRawFd| {
        let number = stream.as_raw_fd();
        let all = detectors::process::sockets().expect("Linux tells");
        let found = all.into_iter().find(|socket| socket.descriptor == number);
        found.expect("it is open")
    };
    let row = |stream: &dyn AsRawFd| of(stream).tcp.expect("it is TCP");
    assert_eq!(row(&listener).state, TcpState::Listen);
    assert_eq!(
        of(&listener).to_string(),
        format!("TCP listening on {server}")
    );
    assert_eq!((row(&client).local, row(&client).peer), (peer, server));
    assert!(!row(&client).is_accepted);
    assert_eq!(
        of(&client).to_string(),
        format!("TCP to {server}, ESTABLISHED")
    );
    assert!(row(&accepted).is_accepted);
    assert_eq!(
        of(&accepted).to_string(),
        format!("TCP accepted on {server}, ESTABLISHED")
    );

    drop(accepted);
    ended("the end of the stream to arrive", || {
        row(&client).state == TcpState::CloseWait
    });
    drop(client);
    let is_left = detectors::process::sockets()
        .expect("Linux tells")
        .iter()
        .filter_map(|socket| socket.tcp)
        .any(|tcp: Tcp| tcp.peer == server);
    assert!(
        !is_left,
        "what is closed is no socket of the process any more"
    );
}

pub(crate) fn threads() {
    let (stop, stopped) = channel::<()>();
    let (started, has_started) = channel::<()>();
    let line = line!() + 1;
    let thread = spawn_thread_with(Builder::new().name("watcher".to_owned()), move || {
        drop(started);
        let _ = stopped.recv();
    });
    let thread = thread.expect("a thread");
    let _ = has_started.recv();

    let named = || {
        let all = detectors::process::threads().expect("Linux tells");
        all.into_iter().find(|thread| thread.name == "watcher")
    };
    let watcher = named().expect("it runs");
    let at = watcher
        .spawned_at
        .expect("it was started through the library");
    assert!(
        at.file().ends_with("process/listed.rs") && at.line() == line,
        "{at}"
    );
    let main = detectors::process::threads()
        .expect("Linux tells")
        .remove(0);
    assert_eq!(main.spawned_at, None, "nobody started the main thread");

    drop(stop);
    thread.join().expect("it doesn't panic");
    ended("the thread to be gone", || named().is_none());
}

/// Its fifteen bytes end inside a letter, as the kernel has room for no more.
const CUT: &str = "наблюда";
const WHOLE: &str = "наблюдатель";

/// The bug: what had such a name was no thread, and its process couldn't be looked at.
pub(crate) fn names_that_are_cut() {
    let (stop, stopped) = channel::<()>();
    let (started, has_started) = channel::<()>();
    let check = OpenCheck::new("an observer")
        .expect("Linux tells")
        .within(Duration::ZERO);
    let thread = Builder::new().name(WHOLE.to_owned()).spawn(move || {
        drop(started);
        let _ = stopped.recv();
    });
    let _ = has_started.recv();
    let all = detectors::process::threads().expect("Linux tells");
    let cut: Vec<&str> = all.iter().map(|thread| &*thread.name).collect();
    assert_eq!(cut.last(), Some(&&*format!("{CUT}\u{fffd}")), "{cut:?}");
    let left = check.find().expect("Linux tells");
    assert_eq!(left.count(), 1, "{left}");
    assert!(left.to_string().contains(CUT), "{left}");
    drop(stop);
    thread.expect("a thread").join().expect("it doesn't panic");
}

pub(crate) fn a_process_whose_name_is_cut() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let program = folder.path().join(WHOLE);
    std::fs::write(&program, "#!/bin/sh\nread line\n").expect("a script");
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, all).expect("it is ours");
    let child = Command::new(&program).stdin(Stdio::piped()).spawn();
    let mut child = child.expect("it can be run");
    ended("the shell to be named after its script", || {
        let name = std::fs::read(format!("/proc/{}/comm", child.id()));
        name.is_ok_and(|name| name.starts_with(CUT.as_bytes()))
    });
    let found = Triage::of_pid(child.id()).map(|triage| {
        let mut triage = triage.for_exactly(Duration::from_secs(1));
        let evidence = triage.find();
        let evidence = evidence.expect("it lives");
        (triage.name(), evidence)
    });
    let open = Open::of_pid(child.id());
    drop(child.stdin.take());
    child.wait().expect("it is ours");
    let (name, evidence) = found.expect("it can be looked at");
    assert!(name.contains(CUT), "{name}");
    let now = evidence.timeline.last().expect("a reading");
    assert!(now.highest.is_some() && now.shared.is_some(), "{now:?}");
    let threads = open.expect("Linux tells").count(Kind::Threads);
    assert_eq!(threads, 1);
}

pub(crate) fn compared() {
    let before = Open::now().expect("Linux tells");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let files: Vec<_> = (0..3)
        .map(|_| tempfile::tempfile().expect("a file"))
        .collect();
    let after = Open::now().expect("Linux tells");
    let more: Vec<(Kind, u64)> = after
        .since(&before)
        .into_iter()
        .map(|group| (group.kind, group.count))
        .collect();
    assert_eq!(more, [(Kind::Sockets, 1), (Kind::Descriptors, 3)]);
    assert_eq!(
        after.count(Kind::Descriptors) - before.count(Kind::Descriptors),
        3
    );
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    assert!(
        after
            .to_string()
            .contains(&format!("TCP listening on {address}"))
    );
    drop((listener, files));
    assert_eq!(Open::now().expect("Linux tells").since(&before), []);
}

pub(crate) fn growing_threads() {
    let evidence = Watch::new("watchers").warm_up(8).run(|| {
        let mut senders = Vec::with_capacity(1_000);
        move || {
            let (stop, stopped) = channel::<()>();
            senders.push(stop);
            let waits = move || {
                let _ = stopped.recv();
            };
            let small = Builder::new().stack_size(64 << 10);
            drop(spawn_thread_with(small, waits).expect("a thread"));
        }
    });
    assert_eq!(evidence.verdict, Verdict::Leak);
    let first = evidence.findings.first().expect("a finding");
    assert_eq!(first.kind, Kind::Threads);
    let site = first.at.as_ref().expect("its site").to_string();
    assert!(
        site.contains("listed::growing_threads") && site.contains("listed.rs"),
        "{site}"
    );
}
