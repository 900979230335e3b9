//! `leaks serve`: the service and its debug port, as their users meet them.

use crate::driver::Workbook;
use crate::served::{Answer, Served};
use detectors::Profile;
use detectors::profile::SourcePaths;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::thread;
use std::time::{Duration, Instant};

const PROFILES: [&str; 9] = [
    "heap",
    "allocs",
    "tasks",
    "goroutine",
    "threadcreate",
    "descriptors",
    "sockets",
    "block",
    "mutex",
];

fn types_of(profile: &Profile) -> Vec<String> {
    let types = profile.sample_types();
    types.iter().map(ToString::to_string).collect()
}

#[test]
fn every_profile_is_one_and_gos_pprof_reads_it() {
    let served = Served::start("profiles", &["--debug-port", "0"]);
    for _ in 0..3 {
        let answer = Answer::to(&served.service, "GET /apex/large-07.example", &[]);
        assert_eq!(answer.status, 200, "{}", answer.head);
    }
    let has_go = Command::new("go")
        .arg("version")
        .output()
        .is_ok_and(|output| output.status.success());
    for (name, query) in PROFILES
        .map(|name| (name, ""))
        .into_iter()
        .chain([("profile", "?seconds=1")])
    {
        let answer = served.debug(&format!("GET /debug/pprof/{name}{query}"));
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        Profile::from_bytes(name, &answer.body).unwrap_or_else(|error| panic!("{name}: {error}"));
        if has_go {
            let url = format!("http://{}/debug/pprof/{name}{query}", served.debug);
            let mut go = Command::new("go");
            let scratch =
                tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
            go.args(["tool", "pprof", "-top", "-nodecount=3", &url])
                .env("PPROF_TMPDIR", scratch.path());
            let output = go.output().expect("go");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {errors}");
            assert!(
                String::from_utf8_lossy(&output.stdout).contains("flat%"),
                "{name}"
            );
        }
    }
    let heap = served.debug("GET /debug/pprof/heap?debug=1&gc=1");
    assert!(heap.text().contains("flat"), "{}", heap.text());
    let allocs = served.debug("GET /debug/pprof/allocs");
    let allocs = Profile::from_bytes("allocs", &allocs.body).expect("a profile");
    assert_eq!(allocs.default_sample_type().name, "alloc_space");
}

#[test]
fn a_profile_of_which_nothing_was_seen_yet_is_read_and_says_so() {
    let served = Served::start("nothing", &["--debug-port", "0"]);
    let workbook = Workbook::copy("serve-nothing-read");
    // Nobody has asked the service for anything, so nothing in it has waited.
    let mutex = served.debug("GET /debug/pprof/mutex");
    std::fs::write(workbook.path("mutex.pb.gz"), mutex.body).expect("writable");
    workbook
        .leaks(["top", "mutex.pb.gz"])
        .exits(0)
        .stderr_has("No samples")
        .stderr_has("Give the program some work");
    let text = served.debug("GET /debug/pprof/mutex?debug=1").text();
    assert!(text.contains("give the service some work"), "{text}");
}

#[test]
fn requests_that_wait_for_each_other_are_in_block() {
    let served = Served::start("block", &["--debug-port", "0", "--leak", "global-caches"]);
    let stands = || served.debug("GET /debug/pprof/block?debug=1").text();
    assert!(stands().contains("Not seen: std's"), "{}", stands());
    // The leak has one thread, so whoever comes while it is at work has to wait.
    let deadline = Instant::now() + Duration::from_mins(1);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    Answer::to(&served.service, "GET /apex/customer-0042.example", &[]);
                }
            });
        }
        while !stands().contains("domain_service::leak::Leaks::strike") && Instant::now() < deadline
        {
            thread::yield_now();
        }
        is_over.store(true, Relaxed);
    });
    let block = served.debug("GET /debug/pprof/block");
    let block = Profile::from_bytes("block", &block.body).expect("requests have waited");
    assert_eq!(types_of(&block), ["contentions/count", "delay/nanoseconds"]);
    let top = block.top(None).expect("a type").to_string();
    assert!(top.contains("domain_service::leak::Leaks::strike"), "{top}");
}

#[test]
fn the_cpu_profile_names_the_lines_that_are_busy() {
    let served = Served::start("cpu", &["--debug-port", "0"]);
    let answer = thread::scope(|scope| {
        let taken = scope.spawn(|| served.debug("GET /debug/pprof/profile?seconds=3"));
        while !taken.is_finished() {
            Answer::to(&served.service, "GET /apex/large-07.example", &[]);
        }
        taken.join().expect("it doesn't panic")
    });
    let profile = Profile::from_bytes("profile", &answer.body).expect("it was busy");
    assert_eq!(types_of(&profile), ["samples/count", "cpu/nanoseconds"]);
    let top = profile.top(None).expect("a type").to_string();
    assert!(!top.contains("perf_signal_handler"), "{top}");
    let listing = profile.list(None, "^domain_service::", &SourcePaths::default());
    let listing = listing.expect("the service's own functions were busy");
    let lines = listing.routines.iter().flat_map(|routine| &routine.lines);
    let busy = lines.filter(|line| line.cum > 0).map(|line| &line.text);
    assert!(
        busy.clone().any(|text| text.contains("serde_json::")),
        "{listing}"
    );
}

#[test]
fn a_delta_has_what_changed_in_that_time() {
    let served = Served::start("delta", &["--debug-port", "0", "--leak", "global-caches"]);
    let ask = || Answer::to(&served.service, "GET /apex/customer-0042.example", &[]);
    let allocated = |request: &str| {
        let answer = served.debug(request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let profile = Profile::from_bytes("allocs", &answer.body).expect("a profile");
        profile.total("alloc_space").expect("the type")
    };
    (0..50).for_each(|_| drop(ask()));
    let before = allocated("GET /debug/pprof/allocs");
    let delta = std::thread::scope(|scope| {
        let delta = scope.spawn(|| allocated("GET /debug/pprof/allocs?seconds=2"));
        while !delta.is_finished() {
            ask();
        }
        delta.join().expect("it doesn't panic")
    });
    let after = allocated("GET /debug/pprof/allocs");
    assert!(before > 0 && delta > 0, "{before} {delta}");
    assert!(
        delta <= after - before,
        "{delta} in two seconds, of {before} and {after}"
    );
}

#[test]
fn metrics_have_units_in_their_names_and_memory_can_be_asked_back() {
    let served = Served::start("metrics", &["--debug-port", "0"]);
    let metrics = served.debug("GET /metrics").text();
    for name in [
        "process_resident_memory_bytes",
        "process_lazily_freed_memory_bytes",
        "heap_live_bytes",
        "tokio_tasks_alive",
        "process_open_fds",
        "process_tcp_sockets{state=\"LISTEN\"}",
    ] {
        let line = metrics.lines().find(|line| line.starts_with(name));
        let value = line
            .and_then(|line| line.rsplit(' ').next())
            .and_then(|value| value.parse::<u64>().ok());
        assert!(value.is_some(), "{name} in\n{metrics}");
    }
    if let Ok(mut promtool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .spawn()
    {
        let mut stdin = promtool.stdin.take().expect("it is piped");
        stdin.write_all(metrics.as_bytes()).expect("promtool reads");
        drop(stdin);
        assert!(promtool.wait().expect("promtool").success());
    }
    let freed = served.debug("POST /freememory");
    assert!(freed.text().contains("resident before"), "{}", freed.text());
    assert_eq!(served.debug("GET /freememory").status, 405);
}

#[test]
fn the_sampling_interval_is_told_and_changed() {
    let served = Served::start("sampling", &["--debug-port", "0"]);
    let told = || served.debug("GET /sampling").text();
    assert_eq!(told(), "one sample in 524,288 bytes, on average\n");
    let changed = served.debug("POST /sampling?interval=65536");
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(told(), "one sample in 65,536 bytes, on average\n");
    for wrong in [
        "",
        "?interval=0",
        "?interval=4095",
        "?interval=many",
        "?rate=65536",
    ] {
        let refused = served.debug(&format!("POST /sampling{wrong}"));
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
        assert!(
            refused.text().contains("interval=BYTES"),
            "{}",
            refused.text()
        );
    }
    assert_eq!(told(), "one sample in 65,536 bytes, on average\n");
}

#[test]
fn nobody_else_may_ask() {
    let served = Served::start("others", &["--debug-port", "0"]);
    let ask = |headers: &[&str]| Answer::to(&served.debug, "GET /metrics", headers).status;
    assert_eq!(ask(&[]), 200);
    assert_eq!(ask(&["Host: rebound.example"]), 403);
    assert_eq!(ask(&["Origin: http://page.example"]), 403);
    assert_eq!(served.debug("GET /debug/pprof/nothing").status, 404);
    assert_eq!(served.debug("GET /debug/pprof/heap?seconds=x").status, 400);
}

#[test]
fn a_port_that_others_reach_needs_a_token() {
    let workbook = Workbook::copy("serve-wide");
    let refused = workbook.leaks(["serve", "--port", "0", "--debug-address", "0.0.0.0:0"]);
    assert!(
        refused.exits(2).stderr().contains("--debug-token-file"),
        "{}",
        refused.stderr()
    );

    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
    let file = folder.path().join("token");
    let path = file.to_str().expect("a path of letters");
    let wide = [
        "serve",
        "--port",
        "0",
        "--debug-address",
        "0.0.0.0:0",
        "--debug-token-file",
        path,
    ];
    std::fs::write(&file, "short\n").expect("writable");
    assert!(
        workbook
            .leaks(wide)
            .exits(2)
            .stderr()
            .contains("16 are the least")
    );

    std::fs::write(&file, "0123456789abcdef\n").expect("writable");
    let served = Served::start("token", &wide[3..]);
    let debug = served.debug.replace("0.0.0.0", "127.0.0.1");
    let ask = |headers: &[&str]| Answer::to(&debug, "GET /metrics", headers);
    assert_eq!(ask(&[]).status, 401);
    assert!(ask(&[]).head.to_lowercase().contains("www-authenticate"));
    assert_eq!(ask(&["Authorization: Bearer 0123456789abcdeX"]).status, 401);
    assert_eq!(ask(&["Authorization: Bearer 0123456789abcdef"]).status, 200);
    // `any:0123456789abcdef`, as `go tool pprof http://any:TOKEN@host/` sends it.
    assert_eq!(
        ask(&["Authorization: Basic YW55OjAxMjM0NTY3ODlhYmNkZWY="]).status,
        200
    );
}

#[test]
fn a_leak_on_demand_is_in_the_profile_by_its_line() {
    let served = Served::start(
        "leak",
        &[
            "--debug-port",
            "0",
            "--leak",
            "retained-capacity",
            "--leak",
            "orphaned-tasks",
        ],
    );
    // 16 KiB stay of each: twelve times what lies between two samples on average.
    for _ in 0..400 {
        let answer = Answer::to(&served.service, "GET /apex/customer-0042.example", &[]);
        assert_eq!(answer.status, 200);
    }
    let heap = served.debug("GET /debug/pprof/heap?debug=1").text();
    assert!(heap.contains("retained_capacity::leaky"), "{heap}");
    let tasks = served.debug("GET /debug/pprof/tasks?debug=1").text();
    assert!(tasks.contains("orphaned_tasks::leaky"), "{tasks}");
    let unknown = Workbook::copy("serve-unknown").leaks(["serve", "--leak", "no-such"]);
    assert!(unknown.exits(2).stderr().contains("global-caches"));
}

/// Asks from four sides until the service has ended, or has answered so often; tells how often it has.
#[cfg(target_os = "linux")]
fn load(served: &mut Served, answers_max: u32) -> (u32, Option<ExitStatus>) {
    let service = &served.service;
    let (is_over, answers) = (&AtomicBool::new(false), &AtomicU32::new(0));
    let deadline = Instant::now() + Duration::from_mins(5);
    let ask = move || {
        let mut stream = TcpStream::connect(service)?;
        let request = "GET /apex/unknown.example HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes())?;
        stream.read_to_end(&mut Vec::new())
    };
    let ended = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                while !is_over.load(Relaxed) {
                    // It fails when the service ends in the middle.
                    answers.fetch_add(u32::from(ask().is_ok_and(|bytes| bytes > 0)), Relaxed);
                }
            });
        }
        let ended = loop {
            let ended = served.child.try_wait().expect("our child");
            if ended.is_some() || answers.load(Relaxed) >= answers_max || Instant::now() > deadline
            {
                break ended;
            }
            thread::sleep(Duration::from_millis(5));
        };
        is_over.store(true, Relaxed);
        ended
    });
    (answers.load(Relaxed), ended)
}

#[cfg(target_os = "linux")]
#[test]
fn a_service_whose_memory_is_full_says_what_it_held() {
    use std::os::unix::process::ExitStatusExt;
    const SIGABRT: i32 = 6;
    let limited = ["--debug-port", "0", "--memory-limit", "80MB"];
    // One turn of the leak for each time that it is named.
    let leaky = [&limited[..], &["--leak", "global-caches"].repeat(4)].concat();

    let mut served = Served::start_with("full", &leaky, Stdio::piped());
    let mut stderr = served.child.stderr.take().expect("it is piped");
    let told = thread::spawn(move || std::io::read_to_string(&mut stderr));
    let (answers, ended) = load(&mut served, u32::MAX);
    let ended = ended.expect("the leak fills 80 MB within minutes");
    let told = told.join().expect("it doesn't panic").expect("text");
    assert_eq!(ended.signal(), Some(SIGABRT), "{told}");

    let line_with = |what: &str| {
        let line = told.lines().find(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("no {what:?} in\n{told}"))
    };
    let figure = |what: &str| {
        let figure = line_with(what).trim().split(' ').next().expect("a figure");
        figure.replace(',', "").parse::<u64>().expect("a figure")
    };
    line_with("Memory is full: a request for");
    line_with("of 80,000,000 at most");
    let used = figure("bytes are what it may write to (RLIMIT_DATA)");
    assert!((70_000_000..=80_000_000).contains(&used), "{told}");
    assert!(figure("bytes are live, in") > 5_000_000, "{told}");
    assert_eq!(told.matches("Memory is full").count(), 1, "once\n{told}");
    let mut table = told.lines().skip_while(|line| !line.contains("flat%"));
    let first = table.nth(1).expect("a first row");
    assert!(first.contains("global_caches::"), "{told}");
    line_with("live blocks");

    // As many answers without the leak fill nothing.
    let mut steady = Served::start_with("not-full", &limited, Stdio::null());
    let (_, ended) = load(&mut steady, answers);
    assert_eq!(ended, None, "it is alive after {answers} requests");

    let workbook = Workbook::copy("serve-small");
    let small = workbook.leaks(["serve", "--memory-limit", "1MB"]);
    assert!(
        small.exits(2).stderr().contains("50MB or more"),
        "{}",
        small.stderr()
    );
}

#[cfg(unix)]
#[test]
fn an_interrupt_or_an_orchestrator_ends_it_well() {
    for signal in ["-INT", "-TERM"] {
        let mut served = Served::start("interrupt", &["--debug-port", "0"]);
        let process = served.child.id().to_string();
        let kill = Command::new("kill").args([signal, &process]).status();
        assert!(kill.expect("kill").success());
        assert_eq!(served.ended().code(), Some(0), "{signal}");
    }
}
