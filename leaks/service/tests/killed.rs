//! The search cluster is killed in the middle of a request: the client is told, and all is well once it is back.
//!
//! It is a process of its own, first stopped (so that a question can reach it and no answer can leave it), then killed with
//! SIGKILL: the kernel closes its sockets, and nothing says goodbye.
#![cfg(target_os = "linux")]

use domain_service::{Leaks, Options, Service};
use reqwest::{Response, StatusCode};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_mins(1);

/// A running cluster. It ends with the test.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(port: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_search-cluster"))
            .arg(port)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the cluster's own program");
        let mut url = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut url).expect("text");
        assert!(url.starts_with("http://"), "it came up: {url:?}");
        Process {
            child,
            url: url.trim().to_owned(),
        }
    }

    fn port(&self) -> &str {
        self.url.rsplit(':').next().expect("a port")
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(kill.expect("kill").success());
    }

    /// Stops it, and waits until each of its threads has stopped.
    async fn stop(&self) {
        self.signal("-STOP");
        let threads = format!("/proc/{}/task", self.child.id());
        let is_running = |thread: std::io::Result<std::fs::DirEntry>| {
            let stat = thread.expect("Linux").path().join("stat");
            !std::fs::read_to_string(stat)
                .expect("it is stopped, not gone")
                .contains(") T ")
        };
        until("it doesn't stop", || {
            !std::fs::read_dir(&threads).expect("Linux").any(is_running)
        })
        .await;
    }

    /// Waits until the kernel holds a question that the cluster hasn't read.
    async fn is_asked(&self) {
        let local = format!(":{:04X}", self.port().parse::<u16>().expect("a port"));
        let is_unread = |row: &str| {
            let columns: Vec<&str> = row.split_whitespace().collect();
            let [_, here, _, state, queues, ..] = columns[..] else {
                return false;
            };
            let is_established = state == "01";
            let is_queued = queues
                .split_once(':')
                .is_some_and(|(_, unread)| unread != "00000000");
            here.ends_with(&local) && is_established && is_queued
        };
        let rows = || std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        until("no question reached the cluster", || {
            rows().lines().any(is_unread)
        })
        .await;
    }
}

async fn until(otherwise: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "{otherwise}");
        tokio::task::yield_now().await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn killed_in_the_middle_of_a_request_it_is_a_502_and_well_again_when_it_is_back() {
    on_a_runtime(async {
        let mut cluster = Process::start("0");
        let port = cluster.port().to_owned();
        for is_streaming in [false, true] {
            let options = Options {
                is_streaming,
                ..Options::new(&cluster.url)
            };
            let service = Service::start(options, Leaks::default())
                .await
                .expect("a free port");
            let url = format!("http://{}/apex/customer-0042.example", service.address());
            let get = |url: &str| tokio::spawn(reqwest::get(url.to_owned()));
            // So that the next question goes over a connection that exists.
            assert_eq!(answer(get(&url)).await.status(), StatusCode::OK);

            cluster.stop().await;
            let waiting = get(&url);
            cluster.is_asked().await;
            cluster.signal("-KILL");
            let told = answer(waiting).await;
            assert_eq!(told.status(), StatusCode::BAD_GATEWAY);
            let text = told.text().await.expect("whole");
            assert!(
                text.contains("the search cluster can't be reached"),
                "{text}"
            );
            // And as long as it is gone.
            assert_eq!(answer(get(&url)).await.status(), StatusCode::BAD_GATEWAY);

            drop(cluster);
            cluster = Process::start(&port);
            assert_eq!(answer(get(&url)).await.status(), StatusCode::OK);
        }
    });
}

/// In a stream the status is out already: the client sees that the answer isn't whole.
#[test]
fn killed_in_the_middle_of_a_stream_the_answer_breaks_off() {
    on_a_runtime(async {
        // On a machine that is busy the whole answer can be out before the kill.
        let mut rounds = 0;
        while !breaks_off().await {
            rounds += 1;
            assert!(rounds < 10, "the cluster was never killed in the middle");
        }
    });
}

/// Whether the kill came before the answer was whole. Fails where an answer ends as if it were whole, and isn't.
async fn breaks_off() -> bool {
    let cluster = Process::start("0");
    // Thousands of pages.
    let options = Options {
        is_streaming: true,
        page_size: 1,
        ..Options::new(&cluster.url)
    };
    let service = Service::start(options, Leaks::default())
        .await
        .expect("a free port");
    let url = format!("http://{}/apex/large-07.example", service.address());
    let mut answer = reqwest::get(&url).await.expect("the service answers");
    assert_eq!(answer.status(), StatusCode::OK);
    let mut text = Vec::new();
    while text.is_empty() {
        text.extend(
            answer
                .chunk()
                .await
                .expect("a first page")
                .expect("a first page"),
        );
    }
    cluster.signal("-KILL");
    let to_the_end = async {
        while let Some(chunk) = answer.chunk().await? {
            text.extend(chunk);
        }
        reqwest::Result::Ok(())
    };
    let ended = tokio::time::timeout(DEADLINE, to_the_end).await;
    if ended.expect("it ends").is_err() {
        return true;
    }
    let whole: serde_json::Result<serde_json::Value> = serde_json::from_slice(&text);
    assert!(whole.is_ok(), "an answer that ends as if it were whole");
    false
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

async fn answer(asked: tokio::task::JoinHandle<reqwest::Result<Response>>) -> Response {
    let answered = tokio::time::timeout(DEADLINE, asked).await;
    answered
        .expect("within a minute")
        .expect("it doesn't panic")
        .expect("the service answers")
}
