//! A look that puts load on the service by itself, where nobody else does.

use super::leaks;
use crate::driver::{Workbook, ended};
use crate::served::Served;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A server that answers each request with nothing, and counts them. Its threads end with the process.
pub(super) struct Empty {
    pub(super) url: String,
    answered: Arc<AtomicU64>,
}

impl Empty {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("it is bound");
        let answered = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&answered);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || {
                    let mut request = [0; 4_096];
                    // A client that has gone asks no more.
                    while stream.read(&mut request).is_ok_and(|read| read > 0) {
                        counted.fetch_add(1, Ordering::Relaxed);
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        if stream.write_all(answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Empty {
            url: format!("http://{address}/{{n}}"),
            answered,
        }
    }
}

#[test]
fn a_service_that_nobody_asks_leaks_under_the_looks_own_load() {
    let served = Served::start("loaded", &["--debug-port", "0", "--leak", "global-caches"]);
    let (debug, asked) = (
        format!("http://{}", served.debug),
        format!("http://{}/apex/customer-0042.example", served.service),
    );
    let look = [
        "triage",
        "--url",
        &debug,
        "--load",
        "40",
        "--load-url",
        &asked,
    ];
    let ran = leaks(&[&look[..], &["--format", "json"]].concat());
    let answer = ran.exits(0).json();
    assert_eq!(answer["verdict"], "leak", "{}", answer["because"]);
    let first = &answer["findings"][0];
    let figure = |name: &str| first[name].as_f64().unwrap_or_default();
    let load = &answer["load"];
    let answers = load["answered_per_second"].as_f64().unwrap_or_default();
    assert!((35.0..42.0).contains(&answers), "{load}");
    let told = figure("per_second") / figure("per_iteration");
    assert!((told - answers).abs() < 0.01, "{first}: {answers}");
    assert_eq!(load["failed"], serde_json::json!([]), "{load}");
    assert!(load["stopped_because"].is_null());
    assert!(load["200"]["requests"].as_u64() > Some(100), "{load}");
}

#[test]
fn a_person_reads_whose_the_load_was() {
    let (served, empty) = (
        Served::start("loaded-text", &["--debug-port", "0"]),
        Empty::start(),
    );
    let debug = format!("http://{}", served.debug);
    let ran = leaks(&[
        "triage",
        "--url",
        &debug,
        "--for",
        "2s",
        "--load",
        "50",
        "--load-url",
        &empty.url,
    ]);
    ran.exits(0)
        .stderr_has("under 50 requests a second of its own")
        .stdout_has("This look put 50 requests a second on");
    // It began before the look, and ended with it.
    let answered = empty.answered.load(Ordering::Relaxed);
    assert!(answered > 100, "{answered}");
}

#[test]
fn the_load_ends_at_ctrl_c() {
    let (served, empty) = (
        Served::start("loaded-end", &["--debug-port", "0"]),
        Empty::start(),
    );
    let debug = format!("http://{}", served.debug);
    let mut command = Workbook::copy("loaded-end").command([
        "triage",
        "--url",
        &debug,
        "--for",
        "10m",
        "--load",
        "50",
        "--load-url",
        &empty.url,
    ]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command");
    let deadline = Instant::now() + Duration::from_mins(2);
    while empty.answered.load(Ordering::Relaxed) < 20 {
        assert!(Instant::now() < deadline, "nobody asks");
        std::thread::sleep(Duration::from_millis(10));
    }
    let id = child.id().to_string();
    let told = Command::new("kill").args(["-INT", &id]).status();
    assert!(told.is_ok_and(|status| status.success()));
    let output = ended(child, "triage");
    assert_eq!(output.status.code(), Some(130));
}

#[test]
fn a_load_is_refused_with_what_would_do() {
    let url = ["triage", "--url", "http://127.0.0.1:1"];
    let refused = |more: &[&str], says: &str| {
        leaks(&[&url[..], more].concat()).exits(2).stderr_has(says);
    };
    refused(&["--load", "40"], "--load-url <URL>");
    refused(
        &["--load-url", "http://127.0.0.1:1/"],
        "--load <PER_SECOND>",
    );
    refused(
        &["--load", "0", "--load-url", "http://127.0.0.1:1/"],
        "0.01 to 100000",
    );
}

/// The service is there, and its load would reach another machine, or nobody.
#[test]
fn another_machine_is_loaded_only_where_it_is_agreed_to() {
    let served = Served::start("loaded-else", &["--debug-port", "0"]);
    let debug = format!("http://{}", served.debug);
    let look = ["triage", "--url", &debug, "--load", "40", "--load-url"];
    // For documentation: nobody has it.
    leaks(&[&look[..], &["http://192.0.2.1/"]].concat())
        .exits(2)
        .stderr_has("it loads a machine that isn't this one")
        .stderr_has("--load-force");
    leaks(&[&look[..], &["http://127.0.0.1:1/"]].concat())
        .exits(2)
        .stderr_has("no request can be sent");
}
