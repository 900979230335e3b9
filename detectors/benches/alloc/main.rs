//! What the profiling allocator costs, and what its peers do: each as a ratio to the same inner allocator, bare.
//!
//! A program has one global allocator, so each subject is a program of its own (`../subjects/`), with the same compiled
//! work in it (`../workloads/`). Times are medians of runs that take turns, so that the machine's moods hit all of
//! them alike. Instructions are valgrind's, of which there are as many on a busy machine as on an idle one.

mod arguments;
mod goals;
mod measure;
mod rows;
mod subjects;

use arguments::{Arguments, Asked};
use rows::Row;
use std::process::ExitCode;
use subjects::{INNERS, Inner, Subject, Subjects};

/// What is timed. The last one has two threads by nature.
const TIMED: [&str; 4] = ["json", "tiny", "large", "handoff"];

/// Megabytes to hold, and the row's name.
const RESIDENT: [(usize, &str); 2] = [(30, "resident-30"), (1_000, "resident-1000")];

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Asked::Run(arguments)) => arguments,
        Ok(Asked::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        // `cargo test --benches` only asks whether it runs.
        Ok(Asked::Nothing) => {
            println!("run it with `cargo bench -p detectors --bench alloc`");
            return ExitCode::SUCCESS;
        }
        Err(complaint) => {
            eprintln!("{complaint}\nnext: cargo bench -p detectors --bench alloc -- --help");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(rows) => {
            if arguments.json {
                println!("{}", rows::json(&rows));
            } else {
                print!("{}", rows::table(&rows, &goals::of(&rows)));
            }
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Vec<Row>, String> {
    let subjects = Subjects::all()?;
    let counts = measure::has_valgrind();
    eprintln!(
        "stacks are taken {}\n{}",
        detectors::allocator::how_stacks_are_taken(),
        measure::SETTINGS_IN_WORDS
    );
    if !counts {
        eprintln!(
            "valgrind is not installed: no instructions are counted, so goals in instructions stay open"
        );
    }
    let mut rows = Vec::new();
    for workload in TIMED.into_iter().filter(|name| arguments.wants(name)) {
        for inner in INNERS {
            eprintln!("{workload} on {}", inner.name());
            rows.extend(time(&subjects, workload, inner, arguments.turns, counts)?);
        }
    }
    if arguments.wants("resident") {
        for (megabytes, workload) in RESIDENT {
            for inner in INNERS {
                eprintln!("{workload} on {}", inner.name());
                rows.extend(hold(&subjects, workload, inner, megabytes)?);
            }
        }
    }
    Ok(rows)
}

/// The rows of one workload on one inner allocator. One and two threads take turns too: a goal compares them.
fn time(
    subjects: &Subjects,
    workload: &'static str,
    inner: Inner,
    turns: usize,
    counts: bool,
) -> Result<Vec<Row>, String> {
    // A pair of threads is one `handoff`.
    let threads: &[(usize, usize)] = if workload == "handoff" {
        &[(1, 2)]
    } else {
        &[(1, 1), (2, 2)]
    };
    let all = Subject::all_on(inner);
    let cases: Vec<(usize, Subject)> = threads
        .iter()
        .flat_map(|&(asked, _)| all.iter().map(move |&subject| (asked, subject)))
        .collect();
    let times = measure::interleaved(&cases, turns, |&(asked, subject)| {
        measure::nanoseconds_of_a_round(subjects, subject, workload, asked)
    })?;
    // Two threads wait for each other as they happen to meet, so no two counts of a `handoff` are alike.
    let instructions: Vec<Option<f64>> = if counts && workload != "handoff" {
        all.iter()
            .map(|&subject| measure::instructions_of_a_round(subjects, subject, workload).map(Some))
            .collect::<Result<_, _>>()?
    } else {
        vec![None; all.len()]
    };
    let mut rows = Vec::new();
    for (&(_, threads), times) in threads.iter().zip(times.chunks(all.len())) {
        for (at, subject) in all.iter().enumerate() {
            let Some(base) = subject.base(&all) else {
                continue;
            };
            let counted = instructions[at].zip(instructions[base]);
            rows.push(Row {
                workload,
                threads,
                inner: inner.name(),
                mode: subject.mode,
                ratio: times[at] / times[base],
                instructions: counted
                    .filter(|_| threads == 1)
                    .map(|(own, bare)| own / bare),
            });
        }
    }
    Ok(rows)
}

/// The rows of what is resident.
fn hold(
    subjects: &Subjects,
    workload: &'static str,
    inner: Inner,
    megabytes: usize,
) -> Result<Vec<Row>, String> {
    const TURNS: usize = 3;
    let cases: Vec<Subject> = Subject::all_on(inner)
        .into_iter()
        .filter(|subject| ["bare", "counting", "sampling"].contains(&subject.mode))
        .filter(|subject| !subject.is_with_profiler())
        .collect();
    let held = measure::interleaved(&cases, TURNS, |&subject| {
        measure::kilobytes_resident(subjects, subject, megabytes)
    })?;
    let rows = cases.iter().enumerate().filter_map(|(at, subject)| {
        let base = subject.base(&cases)?;
        Some(Row {
            workload,
            threads: 1,
            inner: inner.name(),
            mode: subject.mode,
            ratio: held[at] / held[base],
            instructions: None,
        })
    });
    Ok(rows.collect())
}
