//! What it costs to see what C code asks for, beside Valgrind on the same calls: `cargo bench --bench cost`. Ratios to the bare program.

use detectors::heap::Detail;
use detectors::{ProfilingAllocator, Scope};
use std::path::Path;
use std::process::Command;

detectors::foreign_memory!();

#[global_allocator]
static ALLOCATOR: ProfilingAllocator = ProfilingAllocator::system();

const ROUNDS: usize = 50_000;
const TIMES: usize = 5;

fn median(mut of: impl FnMut() -> f64) -> f64 {
    let mut times: Vec<f64> = (0..TIMES).map(|_| of()).collect();
    times.sort_by(f64::total_cmp);
    times[TIMES / 2]
}

/// The bare program's nanoseconds, by itself or under another's eyes.
fn plain(under: &[&str]) -> Option<f64> {
    let program = env!("CARGO_MANIFEST_DIR");
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "-q",
            "--release",
            "--offline",
            "--example",
            "plain",
            "--manifest-path",
        ])
        .arg(format!("{program}/Cargo.toml"))
        .status();
    assert!(
        built.is_ok_and(|built| built.success()),
        "the bare program is built"
    );
    let here = std::env::current_exe().expect("this program has a path");
    let program = here
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."))
        .join("examples/plain");
    let program = program.display().to_string();
    let rounds = ROUNDS.to_string();
    let words: Vec<&str> = under
        .iter()
        .copied()
        .chain([program.as_str(), "time", &rounds])
        .collect();
    let output = Command::new(words[0]).args(&words[1..]).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

fn in_scope(detail: Detail) -> f64 {
    let _scope = Scope::new(detail).expect("the global allocator is a profiling one");
    foreign::time_of_pairs(ROUNDS)
}

fn main() {
    // A scope changes the process for good, so what is without one comes first.
    let bare = median(|| plain(&[]).expect("the bare program prints its time"));
    let without = median(|| foreign::time_of_pairs(ROUNDS));
    let counts = median(|| in_scope(Detail::Counts));
    let stacks = median(|| in_scope(Detail::Stacks));
    let row = |what: &str, time: f64| println!("{what:<44} {time:>10.0} ns {:>8.1}x", time / bare);
    println!("a round: C asks and gives back, and Rust does (medians of {TIMES})");
    row("bare", bare);
    row("the symbols are ours, no scope", without);
    row("in a scope that counts", counts);
    row("in a scope with a stack for each block", stacks);
    for tool in ["memcheck", "dhat", "massif"] {
        let tool_of = format!("--tool={tool}");
        let more: &[&str] = if tool == "memcheck" {
            &["--leak-check=full"]
        } else {
            &[]
        };
        let words: Vec<&str> = ["valgrind", "-q", &tool_of]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        match plain(&words) {
            Some(time) => row(&format!("valgrind {tool}"), time),
            None => println!("valgrind {tool}: can't be run here; apt-get install valgrind"),
        }
    }
}
