//! `leaks load`: against servers that answer as a test says, over real sockets, and against the story's service.

use crate::driver::{Ran, Workbook, ended};
use crate::served::Served;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// How long the clock of the open loop is held up.
const STALL: Duration = Duration::from_secs(1);

/// A server that gives each connection, by its number, to a function. Its threads end with the process.
struct Server {
    address: String,
    /// When each connection came.
    connected: Receiver<Instant>,
}

impl Server {
    fn start(answer: impl Fn(usize, TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (sender, connected) = mpsc::channel();
        thread::spawn(move || {
            // The command's first connection only shows that somebody is there.
            for (number, stream) in listener.incoming().skip(1).flatten().enumerate() {
                let _ = sender.send(Instant::now()); // fails when the test is done
                let answer = answer.clone();
                thread::spawn(move || {
                    read_head(&stream);
                    answer(number, stream);
                });
            }
        });
        Server { address, connected }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

fn read_head(mut stream: &TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
}

/// Answers, and closes: so each request has a connection of its own.
fn say(mut stream: TcpStream, status: &str, more: &str) {
    let text = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{more}\r\n\r\n");
    let _ = stream.write_all(text.as_bytes()); // fails when the command has gone
}

const EMPTY: &str = "content-length: 0";

fn load(name: &str, url: &str, arguments: &[&str]) -> Ran {
    Workbook::copy(&format!("load-{name}")).leaks([&["load", "--url", url], arguments].concat())
}

#[test]
fn it_reports_what_the_service_answered() {
    let served = Served::start("load", &["--debug-port", "0"]);
    let url = format!(
        "http://localhost:{}/apex/customer-0042.example",
        port(&served.service)
    );
    let ran = load(
        "report",
        &url,
        &["--count", "40", "--at-once", "2", "--for", "1h"],
    );
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"Load: \d+\.\d s", "Load: [n] s");
    settings.add_filter(r"(?m)^(  200 +40)[ \d.]+$", "$1 [latencies]");
    settings.add_filter(
        r"[\d.]+ answers a second, .* of bodies",
        "[n] answers a second, [size] of bodies",
    );
    settings.bind(|| insta::assert_snapshot!(ran.exits(0).snapshot()));
}

#[test]
fn each_outcome_is_counted_once_and_by_its_reason() {
    let server = Server::start(|number, stream| match number {
        0 | 1 => say(stream, "200 OK", EMPTY),
        2 => say(stream, "503 Service Unavailable", EMPTY),
        3 => say(stream, "404 Not Found", EMPTY),
        // To another machine, where the load must not follow.
        4 => say(
            stream,
            "302 Found",
            "location: http://192.0.2.1/\r\ncontent-length: 0",
        ),
        5 => say(stream, "200 OK", "content-length: 10\r\n\r\nhalf"),
        6 => drop(stream),
        _ => {
            let _ = (&stream).read(&mut [0]); // until the command gives up
        }
    });
    let arguments = [
        "--count",
        "8",
        "--at-once",
        "1",
        "--for",
        "1h",
        "--within",
        "3s",
        "--format",
        "json",
    ];
    let report = load("outcomes", &server.url(), &arguments).exits(0).json();
    let load = &report["loads"][0];
    assert_eq!(report["begun"], 8, "{load:#}");
    for (answer, requests) in [
        ("200", 2),
        ("503", 1),
        ("other", 2),
        ("unanswered", 0),
        ("unsent", 0),
    ] {
        assert_eq!(load[answer]["requests"], requests, "{answer} in {load:#}");
    }
    assert_eq!(load["without_retry_after"], 1, "{load:#}");
    assert_eq!(
        load["other_statuses"],
        serde_json::json!({ "302": 1, "404": 1 })
    );
    let failed: Vec<_> = load["failed"].as_array().expect("a list").iter().collect();
    let failed: Vec<_> = failed
        .iter()
        .map(|failed| (&failed["reason"], &failed["requests"]))
        .collect();
    assert_eq!(
        failed,
        [
            (&"too-late".into(), &1.into()),
            (&"broken-off".into(), &2.into())
        ]
    );
}

/// The bug that this guards against is "coordinated omission": the service stalls, a client waits for it, and the requests that
/// were due meanwhile are sent late and look fast.
///
/// Fifty requests are due in half a second; the first is answered after a second. So each of them had to wait for at least half a
/// second, though the service itself took a moment for all but one.
#[test]
fn a_stall_is_in_the_latency_of_all_that_were_due_meanwhile() {
    let server = Server::start(|number, stream| {
        if number == 0 {
            thread::sleep(STALL); // the fault itself
        }
        say(stream, "200 OK", EMPTY);
    });
    let arguments = [
        "--count",
        "50",
        "--at-once",
        "1",
        "--for",
        "1h",
        "--format",
        "json",
    ];
    let open = [&["--rate", "100"][..], &arguments].concat();
    let report = load("open", &server.url(), &open).exits(0).json();
    let p50 = report["loads"][0]["200"]["latency_ms"]["p50"].as_f64();
    assert!(p50 >= Some(500.0), "{report:#}");
}

#[test]
fn what_was_due_and_never_sent_is_told_with_how_long_it_waited() {
    // Never answers: one client gets no further than its first request.
    let server = Server::start(|_, stream| {
        let _ = (&stream).read(&mut [0]);
    });
    let arguments = [
        "--rate",
        "100",
        "--at-once",
        "1",
        "--for",
        "500ms",
        "--within",
        "500ms",
        "--format",
        "json",
    ];
    let report = load("unsent", &server.url(), &arguments).exits(0).json();
    let load = &report["loads"][0];
    assert_eq!(load["failed"][0]["reason"], "too-late", "{load:#}");
    assert_eq!(load["failed"][0]["requests"], 1, "{load:#}");
    assert_eq!(load["unsent"]["requests"], 49, "{load:#}");
    let longest = load["unsent"]["latency_ms"]["max"].as_f64();
    assert!(longest > Some(480.0) && longest < Some(500.0), "{load:#}");
}

#[test]
fn a_pattern_rests_between_its_loads_and_reports_each() {
    let server = Server::start(|_, stream| say(stream, "200 OK", EMPTY));
    let arguments = [
        "--pattern",
        "500ms/700ms/500ms",
        "--at-once",
        "2",
        "--format",
        "json",
    ];
    let report = load("pattern", &server.url(), &arguments).exits(0).json();
    let loads = report["loads"].as_array().expect("a list");
    let answered: Vec<u64> = loads
        .iter()
        .filter_map(|load| load["200"]["requests"].as_u64())
        .collect();
    assert!(
        answered.len() == 2 && answered.iter().all(|requests| *requests > 0),
        "{report:#}"
    );
    let times: Vec<Instant> = server.connected.try_iter().collect();
    assert_eq!(times.len() as u64, answered.iter().sum::<u64>());
    let first = usize::try_from(answered[0]).expect("a few");
    assert!(
        times[first] - times[first - 1] >= Duration::from_millis(600),
        "{times:?}"
    );
}

#[test]
fn several_urls_are_asked_in_turn() {
    let [first, second] = [(); 2].map(|()| Server::start(|_, stream| say(stream, "200 OK", EMPTY)));
    let arguments = ["--url", &second.url(), "--count", "10", "--for", "1h"];
    load("turns", &first.url(), &arguments).exits(0);
    assert_eq!(first.connected.try_iter().count(), 5);
    assert_eq!(second.connected.try_iter().count(), 5);
}

#[test]
fn another_machine_is_loaded_only_by_force() {
    for url in ["http://192.0.2.1/", "http://[2001:db8::1]:8080/"] {
        load("elsewhere", url, &[])
            .exits(2)
            .stderr_has("a machine that isn't this one")
            .stderr_has("--force");
    }
    // An address that isn't loopback, and reaches this machine all the same.
    let server = Server::start(|_, stream| say(stream, "200 OK", EMPTY));
    let url = server.url().replace("127.0.0.1", "0.0.0.0");
    load("forced", &url, &["--count", "1"]).exits(2);
    load("forced", &url, &["--count", "1", "--force"])
        .exits(0)
        .stdout_has("200 ");
}

#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    let server = Server::start(|_, stream| say(stream, "200 OK", EMPTY));
    let workbook = Workbook::copy("load-proxy");
    let mut command = workbook.command(["load", "--count", "1", "--url", &server.url()]);
    command
        .env("http_proxy", "http://192.0.2.1:1")
        .env("HTTP_PROXY", "http://192.0.2.1:1");
    workbook
        .run(command)
        .exits(0)
        .stdout_has("200                        1");
}

#[test]
fn nobody_there_or_a_wrong_word_is_told_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let url = format!("http://{}/", free.local_addr().expect("it is bound"));
    drop(free);
    load("nobody", &url, &[])
        .exits(2)
        .stderr_has("Connection refused")
        .stderr_has("leaks serve");
    for (wrong, told) in [
        (["--pattern", "1s/2s"], "an odd number"),
        (["--for", "10"], "10s"),
        (["--rate", "0"], "requests can begin each second"),
        (["--at-once", "0"], "1..=1000"),
        (["--count", "0"], "1..="),
        (["--url", "https://localhost/"], "http alone"),
        (["--url", "no url"], "A URL looks like"),
    ] {
        load("wrong", "http://127.0.0.1/", &wrong)
            .exits(2)
            .stderr_has(told);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_with_the_report_so_far() {
    let server = Server::start(|_, stream| {
        let _ = (&stream).read(&mut [0]); // never answers
    });
    let workbook = Workbook::copy("load-interrupt");
    let mut command = workbook.command([
        "load",
        "--for",
        "1h",
        "--within",
        "1h",
        "--at-once",
        "3",
        "--url",
        &server.url(),
    ]);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("the command");
    for _ in 0..3 {
        server
            .connected
            .recv_timeout(Duration::from_mins(1))
            .expect("three clients");
    }
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill").success());
    let output = ended(child, "load");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("cut off                    3"), "{text}");
    assert!(text.contains("It was ended early"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn bodies_are_read_and_not_kept() {
    const BODY: usize = 256 << 20;
    let (sender, sent) = mpsc::channel();
    let server = Server::start(move |_, mut stream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", BODY + 1);
        let _ = stream.write_all(head.as_bytes());
        let piece = vec![0; 1 << 20];
        for _ in 0..BODY / piece.len() {
            let _ = stream.write_all(&piece); // returns when the command has read all but what the kernel holds
        }
        let _ = sender.send(());
        let _ = stream.read(&mut [0]); // the last byte never comes
    });
    let workbook = Workbook::copy("load-bodies");
    let mut command = workbook.command([
        "load",
        "--count",
        "1",
        "--for",
        "1h",
        "--within",
        "1h",
        "--url",
        &server.url(),
    ]);
    let mut child = command
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the command");
    sent.recv_timeout(Duration::from_mins(2))
        .expect("the body is read");
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    let peak_kib: usize = peak
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    assert!(
        peak_kib < 100 << 10,
        "a peak of {peak_kib} KiB while a body of {} KiB was read",
        BODY >> 10
    );
}

fn port(address: &str) -> &str {
    address.rsplit(':').next().expect("a port")
}
