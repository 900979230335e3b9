//! What it costs to ask which of a service's tasks can never wake: how long the answer takes, for how long the process is held, and what
//! memory its copies have for themselves meanwhile.

use detectors::heap::Detail;
use detectors::tasks::{self, Outlooks};
use detectors::{ProfilingAllocator, Scope};
use serde::{Deserialize, Serialize};
use std::fs;
use std::future::pending;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

const HELP: &str = "\
What it costs to ask which of a service's tasks can never wake.

    cargo bench -p detectors --bench outlooks [-- OPTIONS]

    --json   one JSON document on standard output, and nothing else there
    --help   this text

Of the tasks that are alive, one in a hundred is stuck, and the others wait for one notice. The live bytes are blocks of 1 KiB,
and each task has one of them. Each question is asked five times on a runtime with two threads: times are medians, and so is the
memory that a copy of the process has for itself at most, as the kernel tells it five times a second in a turn of its own, since telling
it takes the kernel as long as a copy's walk. 1 GiB is where `leaks triage --url` doesn't ask any more.

The exit status is 0, and 2 for arguments that don't exist.
";

#[global_allocator]
static ALLOCATOR: ProfilingAllocator = ProfilingAllocator::system();

/// What most of them wait for.
static NOTICE: Notify = Notify::const_new();

const TURNS: usize = 5;
const BLOCK_BYTES: usize = 1 << 10;

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    tasks: usize,
    live_mib: usize,
    rule: String,
    answer_ms: f64,
    held_ms: f64,
    copy_mib: f64,
    stuck: usize,
}

fn main() -> ExitCode {
    let (mut json, mut is_bench, mut one) = (false, false, Vec::new());
    for word in std::env::args().skip(1) {
        match word.as_str() {
            // What cargo adds.
            "--bench" => is_bench = true,
            "--json" => json = true,
            _ if is_bench && one.len() < 3 && !word.starts_with('-') => one.push(word),
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!(
                    "there is no argument {other:?}\nnext: cargo bench -p detectors --bench outlooks -- --help"
                );
                return ExitCode::from(2);
            }
        }
    }
    // `cargo test --benches` only asks whether it runs.
    if !is_bench {
        println!("run it with `cargo bench -p detectors --bench outlooks`");
        return ExitCode::SUCCESS;
    }
    if let [tasks, live_mib, rule] = &one[..] {
        let number = |text: &String| text.parse().expect("what this program wrote");
        let notes = (rule == "reach")
            .then(|| Scope::of_process(Detail::Counts).expect("no other scope is open"));
        let row = row(number(tasks), number(live_mib));
        println!(
            "{}",
            serde_json::to_string(&row).expect("a row is plain data")
        );
        drop(notes);
        return ExitCode::SUCCESS;
    }
    let sizes = [("1000", "16"), ("10000", "128"), ("100000", "1024")];
    let rows = ["counts", "reach"].into_iter().flat_map(|rule| {
        let of_size = move |(tasks, live_mib)| in_its_own_process([tasks, live_mib, rule]);
        sizes.into_iter().map(of_size)
    });
    let rows: Vec<Row> = rows.collect();
    if json {
        let text = serde_json::to_string_pretty(&rows).expect("rows are plain data");
        println!("{text}");
    } else {
        print(&rows);
    }
    ExitCode::SUCCESS
}

/// What a larger row has freed isn't all given back, and would be copied with a smaller one.
fn in_its_own_process(row: [&str; 3]) -> Row {
    let program = std::env::current_exe().expect("this program runs");
    let output = Command::new(program).arg("--bench").args(row).output();
    let output = output.expect("this program runs again");
    assert!(output.status.success(), "{row:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("a row")
}

fn print(rows: &[Row]) {
    println!(
        "{:>8} {:>9}  {:<7} {:>11} {:>9} {:>15} {:>6}",
        "tasks", "live, MiB", "rule", "answer, ms", "held, ms", "its copy, MiB", "stuck"
    );
    for row in rows {
        println!(
            "{:>8} {:>9}  {:<7} {:>11.0} {:>9.1} {:>15.1} {:>6}",
            row.tasks, row.live_mib, row.rule, row.answer_ms, row.held_ms, row.copy_mib, row.stuck
        );
    }
}

fn row(tasks: usize, live_mib: usize) -> Row {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system gives a runtime its event queue");
    let blocks = (live_mib << 20) / BLOCK_BYTES;
    let beside: Vec<Vec<u8>> = (tasks..blocks).map(|_| vec![1; BLOCK_BYTES]).collect();
    let (turns, copy): (Vec<Outlooks>, f64) = runtime.block_on(async {
        for task in 0..tasks {
            let own = vec![1_u8; BLOCK_BYTES];
            tokio::spawn(async move {
                if task % 100 == 0 {
                    pending::<()>().await;
                } else {
                    NOTICE.notified().await;
                }
                drop(own);
            });
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked = async || {
            let told = tasks::outlooks(&Handle::current()).await;
            told.expect("this is 64-bit Linux")
        };
        let mut turns = Vec::new();
        for _ in 0..TURNS {
            turns.push(asked().await);
        }
        let copies = Copies::watched();
        asked().await;
        (turns, copies.most())
    });
    runtime.shutdown_background();
    drop(beside);
    let last = turns.last().expect("there are turns");
    Row {
        tasks,
        live_mib,
        rule: format!("{:?}", last.rule()).to_lowercase(),
        answer_ms: median(&turns, |told| told.took().as_secs_f64() * 1e3),
        held_ms: median(&turns, |told| told.paused().as_secs_f64() * 1e3),
        copy_mib: copy / f64::from(1 << 20),
        stuck: last.stuck().count(),
    }
}

fn median(turns: &[Outlooks], of: impl Fn(&Outlooks) -> f64) -> f64 {
    let mut all: Vec<f64> = turns.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Looks what memory this process' children have for themselves.
struct Copies {
    is_over: Arc<AtomicBool>,
    most: Arc<Mutex<f64>>,
    thread: std::thread::JoinHandle<()>,
}

impl Copies {
    fn watched() -> Self {
        let (is_over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(0.0)));
        let (ends, seen) = (Arc::clone(&is_over), Arc::clone(&most));
        let thread = std::thread::spawn(move || {
            while !ends.load(SeqCst) {
                let now = children()
                    .iter()
                    .filter_map(|child| own_bytes(child))
                    .fold(0.0, |sum, own| sum + own);
                let mut most = seen.lock().expect("nobody panics with it");
                *most = now.max(*most);
                drop(most);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Copies {
            is_over,
            most,
            thread,
        }
    }

    fn most(self) -> f64 {
        self.is_over.store(true, SeqCst);
        self.thread.join().expect("it only looks");
        *self.most.lock().expect("nobody panics with it")
    }
}

fn children() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
    let children = threads.filter_map(|thread| {
        let children = thread.ok()?.path().join("children");
        fs::read_to_string(children).ok()
    });
    let children: Vec<String> = children.collect();
    let children = children.iter().flat_map(|all| all.split_whitespace());
    children.map(str::to_owned).collect()
}

/// Bytes that no other process has.
fn own_bytes(process: &str) -> Option<f64> {
    let told = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = told
        .lines()
        .find(|line| line.starts_with("Private_Dirty:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0)
}
