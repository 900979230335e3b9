//! The incident's processes, and what they tell of themselves: all by their own ports, as anybody could ask them.

use crate::load::{self, Forced, Pace, Pattern, Plan, Targets};
use crate::show::progress::Line;
use reqwest::Client;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use workbook::problem::{Problem, Result};
use workbook::workspace::Workspace;

/// The incident loads this machine alone.
const ITSELF: Forced = Forced {
    is_given: false,
    option: "--force",
};

/// How often the graph has a point.
const EVERY: Duration = Duration::from_millis(250);

/// How long a process may take until it serves.
const START_WITHIN: Duration = Duration::from_secs(30);

/// How long we keep a connection that rests. The debug port ends such a one after 10 s, just when the step that waits 10 s asks again:
/// the question and the end may cross.
const RESTS_AT_MOST: Duration = Duration::from_secs(5);

/// A process of the incident. It ends with this value.
pub(super) struct Process {
    child: Child,
    addresses: Vec<String>,
}

impl Process {
    /// Starts a program that tells its addresses, one in a line, as soon as it serves.
    async fn start(mut command: Command, addresses: usize) -> Result<Self> {
        let name = command.as_std().get_program().to_owned();
        let failed = || Problem::new(format!("can't start {}", Path::new(&name).display()));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed().because(error))?;
        let out = child.stdout.take().ok_or_else(failed)?;
        let mut lines = BufReader::new(out).lines();
        let telling = async {
            let mut told = Vec::new();
            while told.len() < addresses {
                let line = lines.next_line().await?;
                let Some(line) = line else { break };
                let address = line.split_once("http://").map(|(_, rest)| rest);
                let address = address.and_then(|rest| rest.split(['/', ' ']).next());
                told.extend(address.map(str::to_owned));
            }
            std::io::Result::Ok(told)
        };
        let told = tokio::time::timeout(START_WITHIN, telling).await;
        match told {
            Ok(Ok(told)) if told.len() == addresses => Ok(Process {
                child,
                addresses: told,
            }),
            Ok(Ok(_)) => Err(failed().because("it ended before it served; what it said is above")),
            Ok(Err(error)) => Err(failed().because(error)),
            Err(_) => Err(failed().because(format!(
                "it didn't serve within {} s",
                START_WITHIN.as_secs()
            ))),
        }
    }
}

/// Where the programs are, and the search cluster that all services ask.
pub(super) struct Scene {
    this: PathBuf,
    on_jemalloc: PathBuf,
    cluster: Process,
    http: Client,
    began: Instant,
    at_once: u16,
}

/// What a service is started with, beside what all have.
#[derive(Debug, Clone, Copy)]
pub(super) enum On {
    /// The system's allocator.
    Glibc,
    /// jemalloc, with this configuration.
    Jemalloc(&'static str),
}

impl Scene {
    /// `at_once` requests are on their way at the same time, each with a page of thousands of hosts in its hands; and as many
    /// threads answer them.
    pub(super) async fn set(workspace: &Workspace, at_once: u16) -> Result<Self> {
        let this = std::env::current_exe()
            .map_err(|error| Problem::new("can't find this command's own file").because(error))?;
        let on_jemalloc = super::program::ON_JEMALLOC.built(workspace)?;
        let mut cluster = Command::new(&this);
        cluster.args(["cluster", "--port", "0"]);
        Ok(Scene {
            this,
            on_jemalloc,
            cluster: Process::start(cluster, 1).await?,
            http: Client::builder()
                .no_proxy()
                .timeout(Duration::from_mins(1))
                .pool_idle_timeout(RESTS_AT_MOST)
                .build()
                .map_err(|error| Problem::new("can't make an http client").because(error))?,
            began: Instant::now(),
            at_once,
        })
    }

    /// A service that keeps so many bytes of answers, and its graph.
    pub(super) async fn service(&self, on: On, kept: u64) -> Result<Service> {
        let mut command = match on {
            On::Glibc => {
                let mut command = Command::new(&self.this);
                command.arg("serve");
                command
            }
            On::Jemalloc(configuration) => {
                let mut command = Command::new(&self.on_jemalloc);
                command.env("_RJEM_MALLOC_CONF", configuration);
                command
            }
        };
        let search = format!("http://{}", self.cluster.addresses[0]);
        let number = self.at_once.to_string();
        let kept = kept.to_string();
        command.args(["--port", "0", "--debug-port", "0", "--page-size", "10000"]);
        command.args(["--within", "2m"]);
        command.args(["--threads", &number, "--at-once", &number]);
        command.args(["--keep-answers", &kept, "--search-url", &search]);
        let process = Process::start(command, 2).await?;
        let [public, debug] = [0, 1].map(|at| process.addresses[at].clone());
        let http = self.http.clone();
        let graph = Graph::begin(http.clone(), debug.clone(), self.began);
        Ok(Service {
            process,
            public,
            debug,
            http,
            graph,
            at_once: self.at_once,
        })
    }

    /// Runs this command again, as the reader would, and returns what it printed.
    pub(super) async fn leaks(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.this);
        let output = command
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = output
            .await
            .map_err(|error| Problem::new("can't start this command again").because(error))?;
        if output.status.code().is_none_or(|code| code > 1) {
            let words = String::from_utf8_lossy(&output.stderr);
            // Before its error a command may have told what it does.
            let words = words.rsplit_once("error: ").map_or(&*words, |last| last.1);
            return Err(
                Problem::new(format!("leaks {} failed", arguments.join(" "))).because(words.trim()),
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A running service of the incident.
pub(super) struct Service {
    process: Process,
    /// `127.0.0.1:8080`.
    pub(super) public: String,
    /// `127.0.0.1:6060`.
    pub(super) debug: String,
    http: Client,
    pub(super) graph: Graph,
    at_once: u16,
}

/// Whom the load asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Customers {
    /// A hundred, with thousands of hosts each, from that one on.
    Large(u64),
    /// A thousand, with hundreds of hosts each.
    Usual,
}

impl Service {
    pub(super) fn id(&self) -> u32 {
        self.process.child.id().unwrap_or(0)
    }

    /// What its debug port answers.
    pub(super) async fn get(&self, path: &str) -> Result<Vec<u8>> {
        let asked = self.http.get(format!("http://{}{path}", self.debug));
        read(asked, &self.debug, path).await
    }

    pub(super) async fn post(&self, path: &str) -> Result<String> {
        let asked = self.http.post(format!("http://{}{path}", self.debug));
        let body = read(asked, &self.debug, path).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    pub(super) async fn metrics(&self) -> Result<Metrics> {
        let text = self.get("/metrics").await?;
        Ok(Metrics::of(&String::from_utf8_lossy(&text)))
    }

    /// Load by clients that ask again when they are answered, or by the clock: so many requests, or for so long.
    pub(super) async fn load(
        &self,
        stage: &str,
        customers: Customers,
        pace: Pace,
        count: u64,
        time: Duration,
    ) -> Result<load::Report> {
        let urls: Vec<String> = match customers {
            Customers::Large(first) => (first..100)
                .map(|number| format!("http://{}/apex/large-{number:02}.example", self.public))
                .collect(),
            Customers::Usual => (0..1_000)
                .map(|number| format!("http://{}/apex/customer-{number:04}.example", self.public))
                .collect(),
        };
        let plan = Plan {
            targets: Targets::resolve(&urls, ITSELF).await?,
            pace,
            at_once: self.at_once,
            pattern: Pattern::once(time),
            count_max: count,
            within: Duration::from_mins(2),
        };
        let mut line = Line::new();
        let tell = |progress: load::Progress| {
            let text = format!(
                "{:.0} s · {} answers",
                progress.elapsed.as_secs_f64(),
                progress.answered
            );
            line.draw(stage, &text);
        };
        load::run(&plan, tell, std::future::pending()).await
    }
}

async fn read(asked: reqwest::RequestBuilder, address: &str, path: &str) -> Result<Vec<u8>> {
    let failed = |error: reqwest::Error| {
        Problem::new(format!("http://{address}{path} doesn't answer")).because(error)
    };
    let answer = asked
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    let body = answer.map_err(failed)?.bytes().await.map_err(failed)?;
    Ok(body.to_vec())
}

/// What `/metrics` says at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn of(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Metrics(pairs.collect())
    }

    fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    pub(super) fn resident(&self) -> f64 {
        self.get("process_resident_memory_bytes")
    }

    pub(super) fn lazily_freed(&self) -> f64 {
        self.get("process_lazily_freed_memory_bytes")
    }

    pub(super) fn live(&self) -> f64 {
        self.get("heap_live_bytes")
    }

    /// What the allocator says that it has from the system.
    pub(super) fn mapped(&self) -> f64 {
        self.get("heap_allocator_mapped_bytes")
    }

    pub(super) fn tasks(&self) -> f64 {
        self.get("tokio_tasks_alive")
    }

    pub(super) fn descriptors(&self) -> f64 {
        self.get("process_open_fds")
    }

    /// How many sockets are in that state.
    pub(super) fn in_state(&self, state: &str) -> f64 {
        let sockets = self.sockets().into_iter();
        let counts = sockets.filter_map(|(of, count)| (of == state).then_some(count));
        counts.fold(0.0, |sum, count| sum + count)
    }

    /// TCP sockets by state: `ESTABLISHED`, 4.
    pub(super) fn sockets(&self) -> Vec<(String, f64)> {
        let states = self.0.iter().filter_map(|(name, count)| {
            let state = name.strip_prefix("process_tcp_sockets{state=\"")?;
            Some((state.trim_end_matches("\"}").to_owned(), *count))
        });
        states.collect()
    }
}

/// One moment of a service's graph.
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// Since the incident began.
    pub(super) seconds: f64,
    pub(super) metrics: Metrics,
}

/// A service's memory over time, from its start on.
pub(super) struct Graph {
    points: Arc<Mutex<Vec<Point>>>,
    drawing: AbortHandle,
    began: Instant,
}

impl Graph {
    fn begin(http: Client, debug: String, began: Instant) -> Self {
        let points = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&points);
        let drawing = tokio::spawn(async move {
            let mut tick = interval(EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                tick.tick().await;
                let url = format!("http://{debug}/metrics");
                let Ok(answer) = http.get(url).send().await else {
                    continue;
                };
                let Ok(text) = answer.text().await else {
                    continue;
                };
                let point = Point {
                    seconds: began.elapsed().as_secs_f64(),
                    metrics: Metrics::of(&text),
                };
                into.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(point);
            }
        });
        Graph {
            points,
            drawing: drawing.abort_handle(),
            began,
        }
    }

    /// Draws no further: the service is left alone.
    pub(super) fn stop(&self) {
        self.drawing.abort();
    }

    /// Now, in seconds since the incident began.
    pub(super) fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// The points from that second on.
    pub(super) fn since(&self, seconds: f64) -> Vec<Point> {
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        let later = points.iter().filter(|point| point.seconds >= seconds);
        later.cloned().collect()
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.drawing.abort();
    }
}
