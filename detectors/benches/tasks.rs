//! What it costs to count tasks by spawn site, and to read the counts, with 10,000 tasks alive.
//!
//! Ways to spawn take turns within one run, and each is a ratio to `tokio::spawn` on a runtime of tokio's own. Readings are times.

use detectors::tasks::{self, Builder, Tasks, await_stacks};
use serde::Serialize;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::Notify;

const HELP: &str = "\
What it costs to count tasks by spawn site, and to read the counts, with 10,000 tasks alive.

    cargo bench -p detectors --bench tasks [-- OPTIONS]

    --json       one JSON document on standard output, and nothing else there
    --turns N    turns of each way to spawn, at least 11 [default: 51]
    --help       this text

Spawning: 1,000 tasks are spawned, run once and end, while 10,000 others wait, on a current-thread runtime and on one with two
threads. Times are medians of turns that all ways take one after the other; each is a ratio to the first.

    plain              tokio::spawn on a runtime of tokio's own
    wrapped            detectors::tasks::spawn on the same. Goal: at most 1.3, on the current-thread runtime: two threads
                       wait for each other as they happen to meet, and ratios of theirs differ by a half from run to run
    tracked            tokio::spawn(detectors::tasks::tracked(..)) on the same
    hooked, counts     tokio::spawn on a runtime of detectors::tasks::Builder with counts_only
    hooked             the same, and it remembers which task is which
    wrapped, hooked    detectors::tasks::spawn on that one

Reading: the median time of one reading on that last kind of runtime, current-thread, with 10,000 tasks alive at 4 sites. What
resolves names reads this program's debug information each time.

The exit status is 0 whether or not the goal is met, and 2 for arguments that don't exist.
";

/// What those wait for that are alive all the while.
static NEVER: Notify = Notify::const_new();

const ALIVE: usize = 10_000;
const BATCH: u32 = 1_000;
const GOAL: f64 = 1.3;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (mut json, mut is_bench, mut turns) = (false, false, 51);
    let mut complaint = None;
    while let Some(word) = words.next() {
        match word.as_str() {
            // What cargo adds.
            "--bench" => is_bench = true,
            "--json" => json = true,
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            "--turns" => match words.next().and_then(|turns| turns.parse().ok()) {
                Some(asked) if asked >= 11 => turns = asked,
                _ => complaint = Some("--turns takes a number from 11 up".to_owned()),
            },
            other => complaint = Some(format!("there is no argument {other:?}")),
        }
    }
    // `cargo test --benches` only asks whether it runs.
    if !is_bench {
        println!("run it with `cargo bench -p detectors --bench tasks`");
        return ExitCode::SUCCESS;
    }
    if let Some(complaint) = complaint {
        eprintln!("{complaint}\nnext: cargo bench -p detectors --bench tasks -- --help");
        return ExitCode::from(2);
    }
    let report = Report {
        spawns: [Threads::Current, Threads::Two]
            .into_iter()
            .flat_map(|threads| spawns(threads, turns))
            .collect(),
        readings: readings(),
    };
    if json {
        let text = serde_json::to_string_pretty(&report).expect("rows are plain data");
        println!("{text}");
    } else {
        report.print();
    }
    ExitCode::SUCCESS
}

#[derive(Debug, Serialize)]
struct Report {
    spawns: Vec<Spawn>,
    readings: Vec<Reading>,
}

#[derive(Debug, Serialize)]
struct Spawn {
    way: &'static str,
    threads: &'static str,
    nanoseconds: f64,
    ratio: f64,
}

#[derive(Debug, Serialize)]
struct Reading {
    reading: &'static str,
    microseconds: f64,
}

impl Report {
    fn print(&self) {
        println!(
            "{:<18}{:<16}{:>12}{:>9}  goal",
            "way", "threads", "ns a task", "ratio"
        );
        for Spawn {
            way,
            threads,
            nanoseconds,
            ratio,
        } in &self.spawns
        {
            let is_alone = *threads == Threads::Current.name();
            let goal = match (*way, *ratio <= GOAL) {
                ("wrapped", true) if is_alone => "<= 1.3 met",
                ("wrapped", false) if is_alone => "<= 1.3 NOT MET",
                _ => "",
            };
            let line = format!("{way:<18}{threads:<16}{nanoseconds:>12.0}{ratio:>9.2}  {goal}");
            println!("{}", line.trim_end());
        }
        println!("\n{:<46}{:>14}", "reading, 10,000 tasks at 4 sites", "µs");
        for Reading {
            reading,
            microseconds,
        } in &self.readings
        {
            println!("{reading:<46}{microseconds:>14.2}");
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Threads {
    Current,
    Two,
}

impl Threads {
    fn name(self) -> &'static str {
        match self {
            Threads::Current => "current-thread",
            Threads::Two => "two",
        }
    }

    fn plain(self) -> Runtime {
        let mut builder = match self {
            Threads::Current => runtime::Builder::new_current_thread(),
            Threads::Two => runtime::Builder::new_multi_thread(),
        };
        builder
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("the system gives a runtime its event queue")
    }

    fn hooked(self, change: fn(Builder) -> Builder) -> Runtime {
        let builder = match self {
            Threads::Current => Builder::new_current_thread(),
            Threads::Two => Builder::new_multi_thread().configure(|tokio| {
                tokio.worker_threads(2);
            }),
        };
        change(builder)
            .build()
            .expect("the system gives a runtime its event queue")
    }
}

/// Spawns a batch of tasks that end at once.
type Batch = fn();

fn spawns(threads: Threads, turns: usize) -> Vec<Spawn> {
    let by_tokio: Batch = || (0..BATCH).for_each(|_| drop(tokio::spawn(async {})));
    let by_us: Batch = || (0..BATCH).for_each(|_| drop(tasks::spawn(async {})));
    let tracked: Batch = || (0..BATCH).for_each(|_| drop(tokio::spawn(tasks::tracked(async {}))));
    let ways: [(&str, Runtime, Batch); 6] = [
        ("plain", threads.plain(), by_tokio),
        ("wrapped", threads.plain(), by_us),
        ("tracked", threads.plain(), tracked),
        (
            "hooked, counts",
            threads.hooked(Builder::counts_only),
            by_tokio,
        ),
        ("hooked", threads.hooked(|builder| builder), by_tokio),
        ("wrapped, hooked", threads.hooked(|builder| builder), by_us),
    ];
    for (_, runtime, _) in &ways {
        wait_in(runtime);
    }
    let mut times = vec![Vec::with_capacity(turns); ways.len()];
    for _ in 0..turns {
        for (&(_, ref runtime, batch), times) in ways.iter().zip(&mut times) {
            times.push(time(|| {
                // From within, as a service spawns; from outside, threads would be woken for each.
                let parent = runtime.spawn(async move {
                    batch();
                    let handle = Handle::current();
                    while tasks::alive(&handle) > ALIVE + 1 {
                        tokio::task::yield_now().await;
                    }
                });
                runtime.block_on(parent).expect("it doesn't panic");
            }));
        }
    }
    let medians: Vec<f64> = times
        .into_iter()
        .map(|times| median(times) / f64::from(BATCH))
        .collect();
    ways.iter()
        .zip(&medians)
        .map(|((way, ..), seconds)| Spawn {
            way,
            threads: threads.name(),
            nanoseconds: seconds * 1e9,
            ratio: seconds / medians[0],
        })
        .collect()
}

/// The tasks that are alive all the while, at four sites.
fn wait_in(runtime: &Runtime) {
    let sites: [fn(&Handle); 4] = [
        |runtime| drop(tasks::spawn_on(runtime, NEVER.notified())),
        |runtime| drop(tasks::spawn_on(runtime, NEVER.notified())),
        |runtime| drop(tasks::spawn_on(runtime, NEVER.notified())),
        |runtime| drop(tasks::spawn_on(runtime, NEVER.notified())),
    ];
    for spawn in sites {
        (0..ALIVE / sites.len()).for_each(|_| spawn(runtime.handle()));
    }
    runtime.block_on(tokio::task::yield_now());
    assert_eq!(tasks::alive(runtime.handle()), ALIVE);
    assert_eq!(tasks::by_site(runtime.handle()).len(), sites.len());
}

fn readings() -> Vec<Reading> {
    let runtime = Threads::Current.hooked(|builder| builder);
    wait_in(&runtime);
    let handle = runtime.handle();
    let now = Tasks::of(handle);
    let baseline = now.clone();
    let reading = |reading, repetitions: u32, read: &dyn Fn()| {
        let times = (0..11).map(|_| time(|| (0..repetitions).for_each(|_| read())));
        Reading {
            reading,
            microseconds: median(times.collect()) / f64::from(repetitions) * 1e6,
        }
    };
    let dump = || {
        let stacks = await_stacks(handle, Duration::from_mins(1), 1);
        drop(black_box(runtime.block_on(stacks)));
    };
    vec![
        reading("alive", 10_000, &|| {
            black_box(tasks::alive(handle));
        }),
        reading("by_site", 1_000, &|| {
            drop(black_box(tasks::by_site(handle)));
        }),
        reading("Tasks::of", 1_000, &|| drop(black_box(Tasks::of(handle)))),
        reading("since a baseline", 1_000, &|| {
            drop(black_box(now.since(&baseline)));
        }),
        reading("a site's names", 1, &|| {
            drop(black_box(now.by_site()[0].0.resolve()));
        }),
        reading("a profile, with names", 1, &|| {
            drop(black_box(now.profile()));
        }),
        reading("await_stacks, one of each site, with names", 1, &dump),
    ]
}

fn time(run: impl FnOnce()) -> f64 {
    let started = Instant::now();
    run();
    started.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
