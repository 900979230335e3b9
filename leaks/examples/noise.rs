//! One leak beside more and more noise: what a watch reads of it, and what the watch says.
//!
//! `cargo run --example noise` prints the floors and the verdict of each run. `cargo run --example noise -- FILE` also writes to the file what
//! a drawing needs of the runs, as JSON. The entries come and go by a chance that is the same each time, and so the figures are the same.

use detectors::{Evidence, ProfilingAllocator, Watch};
use serde_json::{Value, json};
use std::hint::black_box;
use std::io;

#[global_allocator]
static ALLOCATOR: ProfilingAllocator = ProfilingAllocator::system();

/// Entries that come and go beside the one that stays: so many at most, a run for each.
const NOISE: [usize; 6] = [0, 100, 1_000, 3_000, 10_000, 30_000];

/// Room of the list in which entries stay, so that its own growth isn't in the picture.
const ITERATIONS_MAX: usize = 5_000;

/// Live memory is drawn in so many stretches.
const STRETCHES: u64 = 120;

/// A line of the terminal's.
const WIDTH: usize = 100;

fn main() -> io::Result<()> {
    println!("noise up to  verdict       the floor of each window, KiB");
    let mut runs = Vec::new();
    for noise in NOISE {
        let evidence = Watch::new("one entry stays")
            .warm_up(20)
            .run(|| workload(noise));
        print!("{}", told(noise, &evidence));
        runs.push(recorded(noise, &evidence).to_string());
    }
    match std::env::args_os().nth(1) {
        // A line for each run: a difference shows which.
        Some(file) => std::fs::write(file, format!("[\n{}\n]\n", runs.join(",\n"))),
        None => Ok(()),
    }
}

// ANCHOR: workload
/// Each iteration keeps one entry, and makes others that go with the next: more or fewer, by chance.
fn workload(noise: usize) -> impl FnMut() {
    let mut chance = Chance(7);
    let mut kept = Vec::with_capacity(ITERATIONS_MAX);
    let mut batch = Vec::with_capacity(noise);
    move || {
        kept.push(entry());
        batch.clear();
        batch.extend((0..chance.below(noise)).map(|_| entry()));
    }
}
// ANCHOR_END: workload

#[expect(
    clippy::unnecessary_box_returns,
    reason = "the block is what this makes"
)]
fn entry() -> Box<[u8; 96]> {
    Box::new(black_box([7; 96]))
}

/// Numbers that look like chance and are the same in every run (Marsaglia's xorshift).
struct Chance(u64);

impl Chance {
    /// Less than the bound; 0 where that is 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The lowest bits look least like chance.
        ((self.0 >> 11) as usize).checked_rem(bound).unwrap_or(0)
    }
}

/// The run in words: its verdict, its floors, and why.
fn told(noise: usize, evidence: &Evidence) -> String {
    let floors = evidence.readings.iter();
    let floors: Vec<String> = floors
        .map(|window| format!("{:.0}", window.floor_bytes as f64 / 1_024.0))
        .collect();
    format!(
        "{noise:>11}  {:<12}  {}\n{}",
        evidence.verdict,
        floors.join(", "),
        workbook::say::wrapped(&evidence.because, "             ", WIDTH)
    )
}

/// What a drawing needs of a run: the least and the most of live memory in each stretch of iterations, the windows with their floors, and
/// the verdict.
fn recorded(noise: usize, evidence: &Evidence) -> Value {
    let last = evidence.timeline.last();
    let iterations = last.map_or(0, |sample| sample.iteration);
    let stretch = |number: u64| {
        let after = number * iterations / STRETCHES;
        let to = (number + 1) * iterations / STRETCHES;
        let samples = evidence.timeline.iter();
        let within = samples.filter(|sample| after < sample.iteration && sample.iteration <= to);
        let live = within.map(|sample| sample.bytes);
        Some((live.clone().min()?, live.max()?))
    };
    let windows: Vec<Value> = (evidence.readings.iter())
        .map(|window| json!([window.from, window.to, window.floor_bytes]))
        .collect();
    json!({
        "noise": noise,
        "verdict": evidence.verdict,
        "because": evidence.because,
        "iterations": iterations,
        "windows": windows,
        "live": (0..STRETCHES).filter_map(stretch).collect::<Vec<_>>(),
    })
}
