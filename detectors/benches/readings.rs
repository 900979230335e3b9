//! What one reading of each instrument costs, beside what the standard library needs to count the same entries of `/proc`.

use detectors::heap::{AllocatorSource, Detail};
use detectors::process::{Open, descriptors, sockets, spawn_thread, threads};
use detectors::{ProfilingAllocator, Scope, Verdict, Watch, tasks};
use serde::Serialize;
use std::fs::File;
use std::hint::black_box;
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

const HELP: &str = "\
What one reading of each instrument costs.

    cargo bench -p detectors --bench readings [-- OPTIONS]

    --json   one JSON document on standard output, and nothing else there
    --help   this text

Open meanwhile: 1,000 files, 500 TCP connections to this process itself (1,001 sockets), 1,000 threads, 10,000 tasks; live
meanwhile: 64 MiB in blocks of 1 KiB. Times are medians of 21. The ratio is to the least that does the same by the standard
library: counting the entries of the folder in /proc, one folder for each kind. A heap reading has no such peer.

The exit status is 0, and 2 for arguments that don't exist or where the system refuses so many descriptors.
";

#[global_allocator]
static ALLOCATOR: ProfilingAllocator = ProfilingAllocator::system();

const FILES: usize = 1_000;
const CONNECTIONS: usize = 500;
const THREADS: usize = 1_000;
const TASKS: usize = 10_000;
const BLOCKS: usize = 64 << 10;

fn main() -> ExitCode {
    let (mut json, mut is_bench) = (false, false);
    for word in std::env::args().skip(1) {
        match word.as_str() {
            // What cargo adds.
            "--bench" => is_bench = true,
            "--json" => json = true,
            "--help" | "-h" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!(
                    "there is no argument {other:?}\nnext: cargo bench -p detectors --bench readings -- --help"
                );
                return ExitCode::from(2);
            }
        }
    }
    // `cargo test --benches` only asks whether it runs.
    if !is_bench {
        println!("run it with `cargo bench -p detectors --bench readings`");
        return ExitCode::SUCCESS;
    }
    match rows() {
        Ok(rows) if json => {
            println!(
                "{}",
                serde_json::to_string_pretty(&rows).expect("rows are plain data")
            );
            ExitCode::SUCCESS
        }
        Ok(rows) => {
            print(&rows);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!(
                "can't open what is to be read: {error}\nnext: raise the limit, `ulimit -n 8192`"
            );
            ExitCode::from(2)
        }
    }
}

#[derive(Debug, Serialize)]
struct Row {
    reading: &'static str,
    microseconds: f64,
    /// To counting the folder's entries.
    ratio: Option<f64>,
}

fn print(rows: &[Row]) {
    println!("{:<58}{:>12}{:>9}", "reading", "µs", "ratio");
    for Row {
        reading,
        microseconds,
        ratio,
    } in rows
    {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        println!(
            "{}",
            format!("{reading:<58}{microseconds:>12.1}{ratio:>9}").trim_end()
        );
    }
}

fn rows() -> std::io::Result<Vec<Row>> {
    let files = (0..FILES)
        .map(|_| File::open("/dev/null"))
        .collect::<Result<Vec<_>, _>>()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    let mut connections = Vec::with_capacity(2 * CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push(TcpStream::connect(server)?);
        connections.push(listener.accept()?.0);
    }
    let waiting: Vec<Sender<()>> = (0..THREADS).map(|_| waiting_thread()).collect();

    let descriptor_entries = time(|| entries("/proc/self/fd"));
    let thread_entries = time(|| entries("/proc/self/task"));
    let by = |reading, seconds: f64, peer: Option<f64>| Row {
        reading,
        microseconds: seconds * 1e6,
        ratio: peer.map(|peer| seconds / peer),
    };
    let mut rows = vec![
        by(
            "entries of /proc/self/fd, by the standard library",
            descriptor_entries,
            None,
        ),
        by(
            "entries of /proc/self/task, by the standard library",
            thread_entries,
            None,
        ),
        by(
            "descriptors, each with what it stands for",
            time(|| drop(black_box(descriptors()))),
            Some(descriptor_entries),
        ),
        by(
            "sockets, by peer and state",
            time(|| drop(black_box(sockets()))),
            Some(descriptor_entries),
        ),
        by(
            "threads, by name and spawn site",
            time(|| drop(black_box(threads()))),
            Some(thread_entries),
        ),
        by(
            "all three in groups: Open::now",
            time(|| drop(black_box(Open::now()))),
            Some(descriptor_entries + thread_entries),
        ),
    ];
    let (few, many) = watched(&waiting);
    rows.push(by(
        "what an iteration of a watch pays for all of these",
        (many - few).max(0.0),
        Some(descriptor_entries + thread_entries),
    ));
    drop((files, connections, waiting));
    rows.extend(of_tasks().map(|(reading, seconds)| by(reading, seconds, None)));
    rows.extend(of_the_heap().map(|(reading, seconds)| by(reading, seconds, None)));
    Ok(rows)
}

fn waiting_thread() -> Sender<()> {
    let (stop, stopped) = channel::<()>();
    drop(spawn_thread(move || {
        let _ = stopped.recv();
    }));
    stop
}

fn entries(folder: &str) {
    black_box(std::fs::read_dir(folder).map(Iterator::count).ok());
}

/// An iteration of a watch in a scope, which reads the heap alone, and of one that reads what the process has open.
fn watched(open: &[Sender<()>]) -> (f64, f64) {
    assert_eq!(open.len(), THREADS);
    let each = |watch: Watch| {
        let started = Instant::now();
        let evidence = watch.run(|| || drop(black_box(vec![0_u8; 64])));
        assert!(evidence.verdict != Verdict::Leak, "{}", evidence.because);
        started.elapsed().as_secs_f64() / evidence.timeline.len() as f64
    };
    let all = Watch::new("all").heap_source(AllocatorSource::of_process());
    (each(Watch::new("heap alone")), each(all))
}

fn of_tasks() -> impl Iterator<Item = (&'static str, f64)> {
    let runtime = tasks::Builder::new_current_thread()
        .build()
        .expect("the system gives a runtime its event queue");
    (0..TASKS).for_each(|_| drop(runtime.spawn(std::future::pending::<()>())));
    let handle = runtime.handle();
    [
        (
            "tasks alive, 10,000 of them",
            time(|| {
                black_box(tasks::alive(handle));
            }),
        ),
        (
            "tasks by spawn site",
            time(|| drop(black_box(tasks::by_site(handle)))),
        ),
    ]
    .into_iter()
}

fn of_the_heap() -> impl Iterator<Item = (&'static str, f64)> {
    let scope = Scope::new(Detail::Stacks).expect("a scope is free");
    let blocks: Vec<Box<[u8]>> = (0..BLOCKS)
        .map(|_| vec![1; 1 << 10].into_boxed_slice())
        .collect();
    let counts = time(|| {
        black_box(scope.read());
    });
    let sites = time(|| drop(black_box(scope.sites())));
    let profile = time(|| drop(black_box(scope.profile())));
    drop((blocks, scope));
    [
        ("live bytes and blocks of a scope, 64 MiB live", counts),
        ("the same by site", sites),
        ("the same as a profile, with names", profile),
    ]
    .into_iter()
}

/// The median of 21, in seconds.
fn time(run: impl Fn()) -> f64 {
    let once = || {
        let started = Instant::now();
        run();
        started.elapsed().as_secs_f64()
    };
    let mut times: Vec<f64> = (0..21).map(|_| once()).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
