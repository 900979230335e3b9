//! The same programs under other instruments: the witness, a naive count, dhat with a plain assertion, `LeakSanitizer`, Valgrind.

use super::case::Case;
use super::program::{Built, Program, Variant};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use workbook::problem::{Problem, Result};

const DEADLINE: Duration = Duration::from_mins(5);

/// How many iterations an instrument looks at that judges when the program ends.
const ITERATIONS: &str = "200";

/// What Valgrind and `LeakSanitizer` are told to end with when they found a leak.
const FOUND: i32 = 99;

/// What the others said; `None` where one couldn't be run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Compared {
    pub(super) witness: Witnessed,
    pub(super) naive: Found,
    pub(super) dhat: Option<Found>,
    pub(super) leak_sanitizer: Option<Found>,
    pub(super) valgrind: Option<Found>,
}

/// Growth for each iteration between the 400th and the 800th, in what the report says grows.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Witnessed {
    pub(super) affected: f64,
    pub(super) twin: f64,
    /// The affected program grows as was expected, and the twin by less than a tenth of that.
    pub(super) agrees: bool,
}

/// What one instrument said of a case and its twin.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) caught: bool,
    /// It named a marked line; `None` for an instrument that names none.
    pub(super) named_the_line: Option<bool>,
    pub(super) accused_the_twin: bool,
    /// For the affected program.
    pub(super) seconds: f64,
}

/// One run: whether it found a leak, what it printed, how long it took.
struct Run {
    found: bool,
    output: String,
    seconds: f64,
}

pub(super) fn run(case: &Case, target: &Path) -> Result<Compared> {
    let mut looks = Vec::new();
    for variant in [Variant::Affected, Variant::Twin] {
        let plain = Program::build(case, target, Built::Plain, variant)?;
        looks.push((
            witness(&plain)?,
            valgrind(&plain)?,
            leak_sanitizer(case, target, variant)?,
        ));
    }
    let dhat = if case.report.by_dhat {
        let affected = dhat(&Program::build(
            case,
            target,
            Built::ForDhat,
            Variant::Affected,
        )?)?;
        let twin = dhat(&Program::build(
            case,
            target,
            Built::ForDhat,
            Variant::Twin,
        )?)?;
        Some(found(case, &affected, &twin))
    } else {
        None
    };
    let (Some(twin), Some(affected)) = (looks.pop(), looks.pop()) else {
        return Err(Problem::new("a case has two variants"));
    };
    let both = |affected: Option<Run>, twin: Option<Run>| Some(found(case, &affected?, &twin?));
    Ok(Compared {
        witness: witnessed(case, &affected.0, &twin.0),
        naive: Found {
            caught: affected.0.at_the_end > affected.0.at_the_start,
            named_the_line: None,
            accused_the_twin: twin.0.at_the_end > twin.0.at_the_start,
            seconds: affected.0.seconds,
        },
        dhat,
        leak_sanitizer: both(affected.2, twin.2),
        valgrind: both(affected.1, twin.1),
    })
}

fn found(case: &Case, affected: &Run, twin: &Run) -> Found {
    let names = |text: &str| {
        case.lines.iter().any(|line| {
            let place = format!("main.rs:{line}");
            // `main.rs:14)` and `main.rs:14:9`, and not `main.rs:140`.
            text.match_indices(&place).any(|(at, _)| {
                let next = text[at + place.len()..].chars().next();
                !next.is_some_and(|next| next.is_ascii_digit())
            })
        })
    };
    Found {
        caught: affected.found,
        named_the_line: Some(affected.found && names(&affected.output)),
        accused_the_twin: twin.found,
        seconds: affected.seconds,
    }
}

/// What the witness read.
struct Witness {
    readings: serde_json::Value,
    at_the_start: i64,
    at_the_end: i64,
    seconds: f64,
}

fn witness(program: &Program) -> Result<Witness> {
    let mut command = Command::new(program.path());
    command.arg(program.word()).env("RUST_BACKTRACE", "0");
    let (output, seconds) = timed(command)?;
    let line = output.1.lines().last().unwrap_or_default();
    let said: serde_json::Value = serde_json::from_str(line).map_err(|error| {
        Problem::new(format!(
            "the witness of {} said nothing",
            program.path().display()
        ))
        .because(format!("{error}\n{}", output.1.trim()))
    })?;
    let readings = said["readings"].clone();
    let bytes = |place: usize| readings[place]["bytes"].as_i64().unwrap_or_default();
    Ok(Witness {
        at_the_start: bytes(0),
        // After 200 iterations, as the others.
        at_the_end: bytes(2),
        readings,
        seconds,
    })
}

fn witnessed(case: &Case, affected: &Witness, twin: &Witness) -> Witnessed {
    let growth = |witness: &Witness| {
        let at = |place: usize| {
            witness.readings[place][&case.report.witness.counts]
                .as_f64()
                .unwrap_or_default()
        };
        let rise = (at(4) - at(3)) / 400.0;
        (rise * 100.0).round() / 100.0
    };
    let (affected, twin) = (growth(affected), growth(twin));
    let expected = case.report.witness.per_iteration;
    Witnessed {
        affected,
        twin,
        agrees: affected >= 0.5 * expected && twin < 0.1 * expected,
    }
}

/// dhat's own profile tells the places: the most bytes that are live at the end come first.
fn dhat(program: &Program) -> Result<Run> {
    let scratch = tempfile::tempdir()
        .map_err(|error| Problem::new("can't make a scratch folder").because(error))?;
    let profile = scratch.path().join("dhat-heap.json");
    let mut command = Command::new(program.path());
    command
        .arg(program.word())
        .arg(&profile)
        .env("RUST_BACKTRACE", "0");
    let (output, seconds) = timed(command)?;
    Ok(Run {
        found: output.1.contains("\"fails\": true"),
        output: largest_at_the_end(&profile).unwrap_or_default(),
        seconds,
    })
}

/// The stack of dhat's program point with the most bytes live at the end, as text.
fn largest_at_the_end(profile: &Path) -> Option<String> {
    let text = std::fs::read_to_string(profile).ok()?;
    let profile: serde_json::Value = serde_json::from_str(&text).ok()?;
    let points = profile["pps"].as_array()?;
    let largest = points
        .iter()
        .max_by_key(|point| point["eb"].as_u64().unwrap_or_default())?;
    let frames = largest["fs"].as_array()?.iter();
    let names = frames.filter_map(|frame| {
        let place = usize::try_from(frame.as_u64()?).ok()?;
        profile["ftbl"][place].as_str()
    });
    Some(names.collect::<Vec<_>>().join("\n"))
}

/// `LeakSanitizer` is in the program; it needs the nightly compiler.
fn leak_sanitizer(case: &Case, target: &Path, variant: Variant) -> Result<Option<Run>> {
    if !runs(Command::new("rustup").args(["run", "nightly", "rustc", "--version"])) {
        return Ok(None);
    }
    let program = Program::build(case, target, Built::ForLeakSanitizer, variant)?;
    let mut command = Command::new(program.path());
    command
        .args([program.word(), "run", ITERATIONS])
        // Whole stacks, by the unwinder.
        .env(
            "LSAN_OPTIONS",
            format!("exitcode={FOUND}:max_leaks=20:fast_unwind_on_malloc=0"),
        );
    judged(command)
}

fn valgrind(program: &Program) -> Result<Option<Run>> {
    if !runs(Command::new("valgrind").arg("--version")) {
        return Ok(None);
    }
    let mut command = Command::new("valgrind");
    command
        .args(["--leak-check=full", "--num-callers=40"])
        .arg("--errors-for-leak-kinds=definite")
        .arg("--show-leak-kinds=definite")
        .arg(format!("--error-exitcode={FOUND}"))
        .arg(program.path())
        .args([program.word(), "run", ITERATIONS]);
    judged(command)
}

/// Whether a tool is there and works.
fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// The run of an instrument that judges when the program ends. One that ended in another way has judged nothing.
fn judged(command: Command) -> Result<Option<Run>> {
    let ((status, output), seconds) = timed(command)?;
    Ok(match status {
        Some(0 | FOUND) => Some(Run {
            found: status == Some(FOUND),
            output,
            seconds,
        }),
        _ => None,
    })
}

/// The status and the output of a run, and how long it took.
fn timed(command: Command) -> Result<((Option<i32>, String), f64)> {
    let begun = Instant::now();
    let ended = Program::run(command, DEADLINE)?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok((
        (ended.how.code(), ended.output),
        (seconds * 10.0).round() / 10.0,
    ))
}
