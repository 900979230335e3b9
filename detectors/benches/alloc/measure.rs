//! Runs subjects: their time, their instructions, and what they have resident.

use super::subjects::{Subject, Subjects};
use std::process::{Command, Stdio};

/// Giving memory back and asking for it again is the kernel's time, and comes when it comes: so neither allocator does it
/// while it is timed. glibc's threshold for maps of their own, which would rise by itself otherwise, is where it rises to.
const WHILE_TIMED: [(&str, &str); 4] = [
    ("MALLOC_MMAP_THRESHOLD_", "33554432"),
    ("MALLOC_TRIM_THRESHOLD_", "1073741824"),
    ("MALLOC_TOP_PAD_", "16777216"),
    ("_RJEM_MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1"),
];

/// Under callgrind jemalloc doesn't look at the clock to tidy a thread's cache either: no two runs would be alike.
const WHILE_COUNTED: (&str, &str) = (
    "_RJEM_MALLOC_CONF",
    "dirty_decay_ms:-1,muzzy_decay_ms:-1,experimental_tcache_gc:false",
);

pub(crate) const SETTINGS_IN_WORDS: &str = "\
while timing and counting, neither allocator gives memory back: MALLOC_MMAP_THRESHOLD_ 32 MiB, MALLOC_TRIM_THRESHOLD_ 1 GiB,
MALLOC_TOP_PAD_ 16 MiB; jemalloc's dirty_decay_ms and muzzy_decay_ms -1, and while counting experimental_tcache_gc false";

/// Rounds that take some 50 ms on the bare allocator of a machine of today.
fn rounds_to_time(workload: &str) -> usize {
    match workload {
        "json" => 120,
        "tiny" => 2_000,
        "large" => 20_000,
        "handoff" => 6_000,
        other => unreachable!("no workload named {other}"),
    }
}

/// Rounds of some tens of millions of instructions.
fn rounds_to_count(workload: &str) -> usize {
    match workload {
        "json" => 80,
        "tiny" => 400,
        "large" => 8_000,
        other => unreachable!("no workload named {other}"),
    }
}

/// The medians of each case, all of them taking turns.
pub(crate) fn interleaved<T>(
    cases: &[T],
    turns: usize,
    measure: impl Fn(&T) -> Result<f64, String>,
) -> Result<Vec<f64>, String> {
    let mut measured = vec![Vec::with_capacity(turns); cases.len()];
    for _ in 0..turns {
        for (case, measured) in cases.iter().zip(&mut measured) {
            measured.push(measure(case)?);
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Ok(measured.into_iter().map(median).collect())
}

pub(crate) fn nanoseconds_of_a_round(
    subjects: &Subjects,
    subject: Subject,
    workload: &str,
    threads: usize,
) -> Result<f64, String> {
    let rounds = rounds_to_time(workload) / subject.slower_by();
    let program = Command::new(subjects.path(subject.program)?);
    let mut command = with_work(program, subject, workload, threads, rounds);
    Ok(number(command.envs(WHILE_TIMED))? / rounds as f64)
}

/// Without the settings: what is given back is the point.
pub(crate) fn kilobytes_resident(
    subjects: &Subjects,
    subject: Subject,
    megabytes: usize,
) -> Result<f64, String> {
    let program = Command::new(subjects.path(subject.program)?);
    number(&mut with_work(program, subject, "resident", 1, megabytes))
}

fn with_work(
    mut command: Command,
    subject: Subject,
    workload: &str,
    threads: usize,
    rounds: usize,
) -> Command {
    command
        .arg(workload)
        .arg(threads.to_string())
        .arg(rounds.to_string())
        .arg(subject.mode)
        // Or pprof-alloc leaves the work to jemalloc's own profiler.
        .env("PPROF_ALLOC_BACKEND", "wrapper");
    command
}

/// Runs it: its standard output and its standard error.
fn run(command: &mut Command) -> Result<(String, String), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?} doesn't start: {error}"))?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() {
        Ok((out, err))
    } else {
        Err(format!("{command:?}: {}\n{err}", output.status))
    }
}

fn number(command: &mut Command) -> Result<f64, String> {
    let (out, _) = run(command)?;
    out.trim()
        .parse()
        .map_err(|_| format!("{command:?} printed {out:?}, which is no number"))
}

/// Whether instructions can be counted.
pub(crate) fn has_valgrind() -> bool {
    run(Command::new("valgrind").arg("--version")).is_ok()
}

/// The instructions of 2N rounds less those of N, by N: starting and ending cost nothing then.
pub(crate) fn instructions_of_a_round(
    subjects: &Subjects,
    subject: Subject,
    workload: &str,
) -> Result<f64, String> {
    let rounds = rounds_to_count(workload) / subject.slower_by();
    let of = |rounds: usize| instructions(subjects, subject, workload, rounds);
    Ok((of(2 * rounds)? - of(rounds)?) / rounds as f64)
}

fn instructions(
    subjects: &Subjects,
    subject: Subject,
    workload: &str,
    rounds: usize,
) -> Result<f64, String> {
    let mut program = Command::new("valgrind");
    program
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(subjects.path(subject.program)?);
    let mut command = with_work(program, subject, workload, 1, rounds);
    let (_, err) = run(command.envs(WHILE_TIMED).envs([WHILE_COUNTED]))?;
    err.lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        .ok_or_else(|| format!("{command:?} says no count of instructions:\n{err}"))
}
