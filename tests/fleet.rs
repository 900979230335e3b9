//! The fleet's configuration, in the tools that it is for: promtool judges the rules, Prometheus scrapes a service by them.
//!
//! Where Prometheus isn't installed the tests say so and pass; with `CI` set they fail.

use crate::driver::real_root;
use crate::served::{Answer, Served};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_mins(2);

fn folder() -> PathBuf {
    real_root().join("leaks/service/fleet")
}

/// Whether the tool is here. In CI it has to be.
fn has(tool: &str) -> bool {
    let is_here = Command::new(tool)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_here {
        assert!(
            std::env::var_os("CI").is_none(),
            "{tool} isn't installed: apt-get install prometheus"
        );
        eprintln!("skipped: {tool} isn't installed");
    }
    is_here
}

fn promtool(folder: &Path, arguments: &[&str]) {
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("promtool");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(
        output.status.success() && !text.contains("FAILED"),
        "promtool {arguments:?}:\n{text}"
    );
}

#[test]
fn the_configuration_is_one_and_each_verdict_has_a_service_that_gets_it() {
    if has("promtool") {
        promtool(&folder(), &["check", "config", "prometheus.yml"]);
        promtool(&folder(), &["check", "rules", "alerts.yml"]);
        promtool(&folder(), &["test", "rules", "alerts_test.yml"]);
    }
    let [rules, tests] = ["alerts.yml", "alerts_test.yml"].map(|file| text(&folder().join(file)));
    for verdict in [
        "steady",
        "warming-up",
        "leak",
        "pressure",
        "retention",
        "inconclusive",
    ] {
        assert!(
            rules.contains(&format!("labels: {{ verdict: {verdict}")),
            "no rule for {verdict}"
        );
        assert!(
            tests.contains(&format!("verdict=\"{verdict}\"")),
            "no proof for {verdict}"
        );
    }
}

/// A rule that asks for a metric that nobody serves is silent for ever.
#[test]
fn every_metric_that_a_rule_asks_for_is_served() {
    let served = Served::start("fleet-metrics", &["--debug-port", "0"]);
    let metrics = served.debug("GET /metrics").text();
    let rules = text(&folder().join("alerts.yml"));
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let mut asked_for: Vec<&str> = rules
        .split(|letter| !is_name(letter))
        .filter(|word| {
            ["heap_", "process_", "tokio_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
        })
        .collect();
    asked_for.sort_unstable();
    asked_for.dedup();
    assert!(asked_for.len() >= 4, "{asked_for:?}");
    for name in asked_for {
        let has_type = metrics.contains(&format!("# TYPE {name} "));
        assert!(has_type, "{name} isn't in /metrics");
    }
}

#[test]
fn every_profile_that_alloy_is_told_to_fetch_is_one() {
    let served = Served::start("fleet-profiles", &["--debug-port", "0"]);
    // Work, so that there are samples: one in 512 KiB on average.
    for _ in 0..3 {
        let answer = Answer::to(&served.service, "GET /apex/large-07.example", &[]);
        assert_eq!(answer.status, 200, "{}", answer.head);
    }
    let configuration = text(&folder().join("profiles.alloy"));
    let paths: Vec<&str> = configuration
        .lines()
        .filter_map(|line| line.trim().strip_prefix("path"))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert_eq!(paths.len(), 5, "{paths:?}");
    for path in paths {
        let is_profile_of_time = path.ends_with("/profile");
        let seconds = if is_profile_of_time { "?seconds=1" } else { "" };
        let answer = served.debug(&format!("GET {path}{seconds}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        detectors::Profile::from_bytes(path, &answer.body)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

#[test]
fn prometheus_scrapes_a_service_and_judges_it() {
    if !has("prometheus") {
        return;
    }
    let served = Served::start("fleet", &["--debug-port", "0"]);
    let prometheus = Prometheus::start(&served.debug);
    let live = prometheus.value("heap_live_bytes");
    let resident = prometheus.value("process_resident_memory_bytes");
    assert!(
        live > 10_000.0 && resident > live,
        "live {live}, resident {resident}"
    );
    // The rules run. What has only been there for seconds can't be judged yet, and isn't.
    assert!(prometheus.value("live:floor_bytes") > 10_000.0);
    let (limit, left) = (
        prometheus.value("process_memory_limit_bytes"),
        prometheus.value("process_memory_headroom_bytes"),
    );
    assert!(0.0 < left && left < limit, "{left} of {limit}");
    assert!((0.0..1.0).contains(&prometheus.value("headroom:share")));
    assert!(prometheus.value("headroom:used_bytes{part=\"live\"}") > 10_000.0);
    assert!(prometheus.value("memory:verdict{verdict=\"inconclusive\"}") > 10_000.0);
    assert!((prometheus.value("up{job=\"services\"}") - 1.0).abs() < f64::EPSILON);
    // A request that needs much for a moment. Somebody else asks first, and takes the peak from nobody.
    let answer = Answer::to(&served.service, "GET /apex/large-07.example", &[]);
    assert_eq!(answer.status, 200, "{}", answer.head);
    served.debug("GET /metrics").text();
    for peak in ["heap_live_peak_bytes", "live:peak_bytes"] {
        prometheus.value(&format!("{peak} > {}", live + 1e6));
    }
}

/// A running Prometheus with the fleet's own configuration, faster and on other ports. It ends with the test.
struct Prometheus {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(debug: &str) -> Self {
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
        let write = |name: &str, changes: &[(&str, &str)]| {
            let mut content = text(&folder().join(name));
            for (from, to) in changes {
                assert!(content.contains(from), "{from} in {name}");
                content = content.replace(from, to);
            }
            fs::write(scratch.path().join(name), content).expect("a writable target");
        };
        write(
            "prometheus.yml",
            &[
                ("127.0.0.1:6060\"", &format!("{debug}\"")),
                ("scrape_interval: 15s", "scrape_interval: 1s"),
            ],
        );
        write("alerts.yml", &[("interval: 1m", "interval: 1s")]);
        let mut child = Command::new("prometheus")
            .args([
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                "--web.listen-address=127.0.0.1:0",
            ])
            .current_dir(scratch.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus");
        let mut log = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut seen = Vec::new();
        let address = loop {
            let line = log
                .next()
                .unwrap_or_else(|| panic!("it ended:\n{}", seen.join("\n")))
                .expect("text");
            // The address that it was given has port 0.
            if let Some((_, address)) = line.split_once("address=127.0.0.1:")
                && address != "0"
            {
                break format!("127.0.0.1:{address}");
            }
            seen.push(line);
        };
        // So that it never waits for somebody to read.
        std::thread::spawn(move || log.for_each(drop));
        Prometheus {
            child,
            address,
            folder: scratch,
        }
    }

    /// The value of a query with one answer, once it has one.
    fn value(&self, query: &str) -> f64 {
        let letters = query.bytes().map(|byte| format!("%{byte:02X}"));
        let request = format!("GET /api/v1/query?query={}", letters.collect::<String>());
        let started = Instant::now();
        loop {
            let text = Answer::to(&self.address, &request, &[]).text();
            let start = text.find('{').unwrap_or(0);
            let end = text.rfind('}').map_or(0, |end| end + 1);
            let answer: serde_json::Value =
                serde_json::from_str(&text[start..end]).unwrap_or_default();
            let value = answer["data"]["result"][0]["value"][1].as_str();
            if let Some(value) = value {
                return value.parse().expect("a number");
            }
            assert!(
                started.elapsed() < DEADLINE,
                "no value of {query} within two minutes, in {}:\n{text}",
                self.folder.path().display()
            );
            // Prometheus needs a processor too.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
