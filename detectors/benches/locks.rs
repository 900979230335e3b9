//! What an instrumented lock costs, as a ratio to std's of the same kind, within one run.

use detectors::contention;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync;
use std::thread;
use std::time::Instant;

const HELP: &str = "\
What an instrumented lock costs, as a ratio to std's of the same kind, within one run.

    cargo bench -p detectors --bench locks [-- --turns N]

    alone       one thread locks and unlocks; nobody waits
    two         two threads lock and unlock, and add to a number meanwhile: as much contention as there can be

std's and ours take turns, and times are medians of these; the spread is that of the middle half of the ratios. The exit status is 0
whatever comes out, and 2 for arguments that don't exist.
";

#[global_allocator]
static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();

const TIMES: u32 = 100_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let turns = match words[..] {
        ["--help" | "-h", ..] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["--bench"] => Some(51),
        ["--turns", turns, "--bench"] => turns.parse().ok().filter(|turns| *turns >= 5),
        // `cargo test --benches` only asks whether it runs.
        [] => {
            println!("run it with `cargo bench -p detectors --bench locks`");
            return ExitCode::SUCCESS;
        }
        _ => None,
    };
    let Some(turns) = turns else {
        eprintln!("--turns takes a number from 5 up, and there is no other argument");
        return ExitCode::from(2);
    };
    println!(
        "{:<26}{:>12}{:>12}{:>9}   middle half",
        "nanoseconds a turn", "std's", "ours", "ratio"
    );
    let std = sync::Mutex::new(0_u64);
    let ours = contention::Mutex::new(0_u64);
    let std_step = || *std.lock().expect("nobody panics") += 1;
    let our_step = || *ours.lock().expect("nobody panics") += 1;
    compare(
        "Mutex, alone",
        turns,
        || alone(std_step),
        || alone(our_step),
    );
    compare("Mutex, two", turns, || two(std_step), || two(our_step));
    let std = sync::RwLock::new(0_u64);
    let ours = contention::RwLock::new(0_u64);
    let std_step = || {
        black_box(*std.read().expect("nobody panics"));
    };
    let our_step = || {
        black_box(*ours.read().expect("nobody panics"));
    };
    compare(
        "RwLock read, alone",
        turns,
        || alone(std_step),
        || alone(our_step),
    );
    let std_step = || *std.write().expect("nobody panics") += 1;
    let our_step = || *ours.write().expect("nobody panics") += 1;
    compare(
        "RwLock write, alone",
        turns,
        || alone(std_step),
        || alone(our_step),
    );
    ExitCode::SUCCESS
}

/// Nanoseconds of one step.
fn alone(step: impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..TIMES {
        step();
    }
    start.elapsed().as_nanos() as f64 / f64::from(TIMES)
}

fn two(step: impl Fn() + Sync) -> f64 {
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..TIMES).for_each(|_| step()));
        }
    });
    start.elapsed().as_nanos() as f64 / f64::from(2 * TIMES)
}

fn compare(what: &str, turns: usize, std: impl Fn() -> f64, ours: impl Fn() -> f64) {
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..turns {
        let (std, ours) = (std(), ours());
        for (times, time) in times.iter_mut().zip([std, ours, ours / std]) {
            times.push(time);
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    let [std, ours, ratio] = times.each_ref().map(|times| times[turns / 2]);
    let (low, high) = (times[2][turns / 4], times[2][turns * 3 / 4]);
    println!("{what:<26}{std:>12.1}{ours:>12.1}{ratio:>9.3}   {low:.3} to {high:.3}");
}
