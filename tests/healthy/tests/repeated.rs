//! Each workload is watched again and again beside a busy process, and no watch accuses.
//!
//! `HEALTHY_REPETITIONS` says how often; once, unless told otherwise. The table is printed, and kept in `HEALTHY_TABLE`.

use detectors::{Evidence, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Each workload, with the crates that do its work.
const WORKLOADS: [(&str, &[&str]); 10] = [
    ("broker", &["rumqttd", "rumqttc"]),
    ("cache", &["moka"]),
    ("database", &["redis"]),
    ("http", &["axum", "reqwest"]),
    ("logger", &["tracing-subscriber", "tracing-appender"]),
    ("parser", &["quick-xml"]),
    ("pool", &["r2d2"]),
    ("search", &["tantivy"]),
    ("timers", &["tokio-util"]),
    ("web_socket", &["tokio-tungstenite"]),
];

/// Of a hundred runs, so many may leave it open. Fewer runs show no share.
const INCONCLUSIVE_OF_HUNDRED: usize = 10;

const VERDICTS: [Verdict; 6] = [
    Verdict::Steady,
    Verdict::WarmingUp,
    Verdict::Pressure,
    Verdict::Retention,
    Verdict::Inconclusive,
    Verdict::Leak,
];

#[test]
fn nobody_is_accused() {
    let repetitions = repetitions();
    let _neighbour = BusyNeighbour::start();
    let mut table = format!(
        "| workload | crates | {} | iterations | seconds a run |\n|---|---|",
        words(" | ")
    );
    let _ = writeln!(table, "{}---|---|", "---|".repeat(VERDICTS.len()));
    let (mut wrong, mut open) = (Vec::new(), BTreeMap::new());
    for (name, crates) in WORKLOADS {
        let mut runs = Runs::default();
        for number in 0..repetitions {
            match run(name, number) {
                Ok(Some(seen)) => runs.add(seen),
                Ok(None) => break,
                Err(text) => wrong.push(text),
            }
        }
        let row = format!("| {name} | {} | {} |", versions(crates), runs.row());
        println!("{row}");
        let _ = writeln!(table, "{row}");
        for reason in runs.open {
            *open.entry(format!("{name}: {reason}")).or_insert(0) += 1;
        }
    }
    println!("\n{table}");
    for (reason, times) in &open {
        println!("{times} x {reason}");
    }
    if let Some(path) = std::env::var_os("HEALTHY_TABLE") {
        std::fs::write(&path, &table).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    assert!(
        wrong.is_empty(),
        "{} runs are wrong; the first:\n{}",
        wrong.len(),
        wrong[0]
    );
    let share = open.values().sum::<usize>() * 100;
    let all = repetitions * WORKLOADS.len();
    assert!(
        repetitions < 10 || share <= INCONCLUSIVE_OF_HUNDRED * all,
        "inconclusive in more than {INCONCLUSIVE_OF_HUNDRED} of a hundred runs"
    );
}

/// What the runs of one workload said.
#[derive(Default)]
struct Runs {
    verdicts: BTreeMap<&'static str, usize>,
    iterations: Vec<u64>,
    took: Vec<Duration>,
    /// Why it stayed open, each time.
    open: Vec<String>,
}

impl Runs {
    fn add(&mut self, (evidence, took): (Evidence, Duration)) {
        *self.verdicts.entry(evidence.verdict.as_str()).or_default() += 1;
        self.iterations
            .extend(evidence.readings.last().map(|last| last.to));
        self.took.push(took);
        if evidence.verdict == Verdict::Inconclusive {
            self.open.push(evidence.because);
        }
    }

    /// Its cells; the middle of what differs between runs.
    fn row(&mut self) -> String {
        self.iterations.sort_unstable();
        self.took.sort_unstable();
        let (Some(iterations), Some(took)) = (middle(&self.iterations), middle(&self.took)) else {
            return format!("{}*not run* | ", "| ".repeat(VERDICTS.len()));
        };
        let counts = VERDICTS.map(|verdict| {
            let times = self.verdicts.get(verdict.as_str());
            times.copied().unwrap_or(0).to_string()
        });
        format!(
            "{} | {iterations} | {:.1}",
            counts.join(" | "),
            took.as_secs_f64()
        )
    }
}

fn middle<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len() / 2).copied()
}

/// One watch in a process of its own. `None` where the machine lacks what the workload needs, which its output says.
fn run(name: &str, number: usize) -> Result<Option<(Evidence, Duration)>, String> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}"));
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_watch"))
        .args(["--exact", name, "--nocapture"])
        .env("DETECTORS_OUT", &out)
        .env_remove("RUST_BACKTRACE")
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    let took = started.elapsed();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!(
            "{name}, run {number}, evidence in {}:\n{text}",
            out.display()
        ));
    }
    if text.contains("not run: ") {
        return Ok(None);
    }
    let evidence =
        Evidence::read(out.join(name)).map_err(|error| format!("{name}: {error}\n{text}"))?;
    if evidence.verdict != Verdict::Inconclusive {
        // Only what somebody may want to look at is kept.
        let _ = std::fs::remove_dir_all(&out);
    }
    Ok(Some((evidence, took)))
}

fn repetitions() -> usize {
    let Ok(text) = std::env::var("HEALTHY_REPETITIONS") else {
        return 1;
    };
    text.parse().unwrap_or_else(|_| {
        panic!("HEALTHY_REPETITIONS is `{text}`, which is no number; set it to how often each workload is to run")
    })
}

fn words(between: &str) -> String {
    VERDICTS.map(Verdict::as_str).join(between)
}

/// The crates with their versions in the lock file.
fn versions(crates: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let version = |name: &&str| {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", rest.split_once('"')?.0))
    };
    let versions: Vec<String> = crates.iter().filter_map(version).collect();
    assert_eq!(
        versions.len(),
        crates.len(),
        "{crates:?} in {}",
        path.display()
    );
    versions.join(", ")
}

/// Another process that wants a core for itself, for as long as this value lives.
struct BusyNeighbour(Child);

impl BusyNeighbour {
    fn start() -> Self {
        // It looks for its parent now and then, so that it doesn't outlive one that is killed.
        let spin = "while kill -0 $PPID 2>/dev/null; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; done";
        let mut command = Command::new("sh");
        command.args(["-c", spin]).stdin(Stdio::null());
        BusyNeighbour(command.spawn().expect("a shell to be busy in"))
    }
}

impl Drop for BusyNeighbour {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
