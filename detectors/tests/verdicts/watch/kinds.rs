//! Tasks, threads, descriptors and sockets that stay, and such that don't.

use detectors::allocator::stats;
use detectors::heap::AllocatorSource;
use detectors::{Class, Evidence, Kind, SiteOutlook, Verdict, Watch};
use std::collections::VecDeque;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// Short, since each iteration opens something: 256 iterations.
fn watch(name: &str) -> Watch {
    Watch::new(name).warm_up(8)
}

#[track_caller]
fn leaks_one(evidence: &Evidence, kind: Kind, class: Option<Class>) {
    let told = format!("{evidence:?}");
    assert_eq!(evidence.verdict, Verdict::Leak, "{told}");
    assert_eq!(evidence.class, class, "{told}");
    let of_kind = evidence
        .findings
        .iter()
        .filter(|finding| finding.kind == kind);
    let each: f64 = of_kind.filter_map(|finding| finding.per_iteration).sum();
    assert!((each - 1.0).abs() < 0.1, "{each} {kind}: {told}");
    let first = evidence.findings.first().map(|finding| finding.kind);
    assert_eq!(first, Some(kind), "what tells most comes first");
}

#[track_caller]
fn is_calm(evidence: &Evidence) {
    evidence.assert_steady();
}

pub(crate) fn waiting_tasks() {
    let evidence = watch("waiting tasks").run_async(async || {
        async || {
            tokio::spawn(std::future::pending::<()>());
        }
    });
    leaks_one(&evidence, Kind::Tasks, Some(Class::OrphanedTasks));
    if cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        let told = outlooks(&evidence);
        let [(_, stuck)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!((stuck.alive, stuck.never_wake), (256, 256), "{told:?}");
    }
}

/// What is told of the tasks that grow: the lines that spawn them, and what may become of them.
fn outlooks(evidence: &Evidence) -> Vec<(u32, SiteOutlook)> {
    let tasks = evidence.findings.iter();
    let tasks = tasks.filter(|finding| finding.kind == Kind::Tasks);
    let told = tasks.map(|finding| {
        let line = finding.at.as_ref().expect("its line").frame.line;
        (line, finding.outlook.clone().expect("its outlook"))
    });
    told.collect()
}

static DOORBELL: Notify = Notify::const_new();

/// All of them stay, and one kind of them is stuck.
pub(crate) fn tasks_that_may_wake() {
    let evidence = watch("doorbells").run_async(async || {
        async || {
            tokio::spawn(DOORBELL.notified());
            tokio::spawn(tokio::time::sleep(Duration::from_hours(1)));
            tokio::spawn(async {
                let (own, answer) = oneshot::channel::<()>();
                let answer = answer.await;
                drop((own, answer));
            });
        }
    });
    assert_eq!(evidence.verdict, Verdict::Leak, "{evidence:?}");
    if !cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        return;
    }
    let mut told = outlooks(&evidence);
    told.sort_by_key(|(line, _)| *line);
    println!("{told:?}");
    let [(_, by_static), (_, by_timer), (_, by_themselves)] = &told[..] else {
        panic!("{told:?}");
    };
    for outlook in [by_static, by_timer] {
        assert_eq!((outlook.alive, outlook.never_wake), (256, 0), "{told:?}");
    }
    let (by, _) = &by_static.woken_by[0];
    assert!(by.ends_with("DOORBELL"), "{told:?}");
    // Old pointers that were copied with their futures may lead from one to the next, so how many are found is chance.
    assert_eq!(by_themselves.alive, 256, "{told:?}");
}

pub(crate) fn late_tasks() {
    is_calm(&watch("late tasks").run_async(async || {
        async || {
            tokio::spawn(tokio::time::sleep(Duration::from_millis(2)));
        }
    }));
}

/// Threads that wait until their sender is gone, which the state keeps.
pub(crate) fn waiting_threads() {
    let evidence = watch("waiting threads").run(|| {
        let mut senders = Vec::with_capacity(1_000);
        move || {
            let (sender, receiver) = channel::<()>();
            senders.push(sender);
            std::thread::Builder::new()
                .stack_size(64 << 10)
                .spawn(move || receiver.recv())
                .expect("a thread");
        }
    });
    leaks_one(&evidence, Kind::Threads, Some(Class::OrphanedTasks));
}

pub(crate) fn joined_threads() {
    is_calm(&watch("joined threads").run(|| {
        || {
            let thread = std::thread::spawn(|| 7);
            thread.join().expect("it ends")
        }
    }));
}

fn open() -> File {
    File::open("/dev/null").expect("a Linux")
}

pub(crate) fn open_files() {
    let evidence = watch("open files").run(|| {
        let mut files = Vec::with_capacity(1_000);
        move || files.push(open())
    });
    leaks_one(&evidence, Kind::Descriptors, Some(Class::DeferredCleanup));
}

pub(crate) fn closed_files() {
    is_calm(&watch("closed files").run(|| || drop(open())));
}

pub(crate) fn pooled_files() {
    is_calm(&watch("a pool of files").run(|| {
        let mut files = VecDeque::with_capacity(9);
        move || {
            files.push_back(open());
            if files.len() > 8 {
                files.pop_front();
            }
        }
    }));
}

/// Sockets by themselves tell no class: nobody holds a response.
pub(crate) fn open_sockets() {
    let evidence = watch("open sockets").run(|| {
        let mut sockets = Vec::with_capacity(1_000);
        move || sockets.push(std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket"))
    });
    leaks_one(&evidence, Kind::Sockets, None);
}

pub(crate) fn closed_sockets() {
    is_calm(&watch("closed sockets").run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        move || {
            let mut client = TcpStream::connect(address).expect("a connection");
            let (server, _) = listener.accept().expect("the same connection");
            client.write_all(b"GET").expect("it is open");
            drop((client, server));
        }
    }));
}

pub(crate) fn texts() {
    let evidence = watch("waiting tasks").run_async(async || {
        async || {
            tokio::spawn(std::future::pending::<()>());
        }
    });
    let table = evidence.windows_table().to_string();
    assert!(table.contains("tasks"), "{table}");
    assert!(table.contains("+96"), "the last window's rise: {table}");
    assert!(
        evidence.because.starts_with("1 task and "),
        "{}",
        evidence.because
    );
    let json = serde_json::to_value(&evidence).expect("JSON");
    assert_eq!(json["findings"][0]["kind"], "tasks");
    assert_eq!(json["readings"][0]["floor_counts"]["tasks"], 13);
    let unread: Vec<&str> = json["not_read"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|not_read| not_read["kind"].as_str())
        .collect();
    assert!(unread.is_empty(), "{unread:?}");
}

/// What is told apart within a kind is named: descriptors by folder, sockets by peer and state.
pub(crate) fn names() {
    let named = |evidence: &Evidence, kind| {
        let mut findings = evidence.findings.iter();
        let found = findings.find(|finding| finding.kind == kind);
        found
            .and_then(|finding| finding.site.clone())
            .unwrap_or_default()
    };
    let files = watch("open files").run(|| {
        let mut files = Vec::with_capacity(1_000);
        move || files.push(open())
    });
    assert_eq!(named(&files, Kind::Descriptors), "files in /dev");

    let sockets = watch("open connections").run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut clients = Vec::with_capacity(1_000);
        move || {
            clients.push((
                TcpStream::connect(address).expect("room"),
                listener.accept().expect("it"),
            ));
        }
    });
    let both: Vec<String> = sockets
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::Sockets)
        .filter_map(|finding| finding.site.clone())
        .collect();
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(
        both[0].starts_with("TCP accepted on 127.0.0.1:"),
        "{both:?}"
    );
    assert!(both[1].starts_with("TCP to 127.0.0.1:"), "{both:?}");
    assert!(
        both.iter().all(|name| name.ends_with(", ESTABLISHED")),
        "{both:?}"
    );
}

/// The bug: room for every reading of the longest run was taken before the first iteration: 11.7 GB.
pub(crate) fn many_windows_need_little_room() {
    const ROOM_MAX: u64 = 8 << 20;
    for (warm_up, windows) in [(50, 20), (u64::MAX, 3), (u64::MAX / 16, 3)] {
        let before = stats().live_bytes;
        let evidence = Watch::new("calm")
            .warm_up(warm_up)
            .windows(windows)
            .deadline(Duration::from_millis(100))
            .run(|| || drop(black_box(vec![0_u8; 64])));
        let room = stats().peak_bytes.saturating_sub(before);
        assert!(room <= ROOM_MAX, "{room} bytes for {warm_up} << {windows}");
        assert_ne!(evidence.verdict, Verdict::Leak);
    }
}

pub(crate) fn more_windows_than_can_be() {
    drop(Watch::new("for ever").windows(64));
}

/// A run of twice as many iterations as readings are kept: 32,768.
pub(crate) fn a_long_run_keeps_few_readings() {
    const ITERATIONS: u64 = 8 << 12;
    const KEPT_MAX: usize = 16_384;
    const BURST: u64 = 25_001;
    let evidence = watch("a long run")
        .windows(12)
        .heap_source(AllocatorSource::of_thread())
        .run(|| {
            let mut log = Vec::with_capacity(2 << 15);
            let mut iteration = 0;
            let mut burst: Vec<u8> = Vec::new();
            move || {
                iteration += 1;
                log.push(Box::new(iteration));
                burst.clear();
                burst.shrink_to_fit();
                if iteration == BURST {
                    burst.reserve_exact(8 << 20);
                }
            }
        });
    assert_eq!(evidence.verdict, Verdict::Leak, "{}", evidence.because);
    let each = |kind| {
        let of_kind = evidence.findings.iter().filter(|found| found.kind == kind);
        of_kind.filter_map(|found| found.per_iteration).sum::<f64>()
    };
    assert_eq!((each(Kind::Blocks), each(Kind::Bytes)), (1.0, 8.0));
    assert_eq!(evidence.readings.len(), 12);

    let timeline = &evidence.timeline;
    assert!(timeline.len() <= KEPT_MAX, "{} readings", timeline.len());
    assert!(timeline.len() > KEPT_MAX / 4, "{} readings", timeline.len());
    assert!(timeline.is_sorted_by(|one, next| one.iteration < next.iteration));
    let ends = [timeline.first(), timeline.last()].map(|end| end.map(|sample| sample.iteration));
    assert_eq!(ends, [Some(1), Some(ITERATIONS)]);
    let highest = timeline.iter().max_by_key(|sample| sample.bytes);
    assert_eq!(
        highest.map(|sample| sample.iteration),
        Some(BURST),
        "a short peak stays"
    );
    // No stretch of the run is without readings.
    let gap = timeline
        .windows(2)
        .map(|pair| pair[1].iteration - pair[0].iteration)
        .max();
    assert!(
        gap <= Some(2 * ITERATIONS / (KEPT_MAX as u64 / 4)),
        "{gap:?}"
    );
}
