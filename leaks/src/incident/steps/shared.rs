//! What several steps do: load, rest, ask the kernel or `leaks triage`, and put figures into a table or a plot.

use crate::incident::others::Others;
use crate::incident::plot::{Colour, Line, Mark};
use crate::incident::scene::{Customers, Metrics, Point, Scene, Service};
use crate::incident::story::Step;
use crate::load::Pace;
use crate::show::progress;
use crate::show::scale::bytes;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use workbook::problem::{Problem, Result};
use workbook::say;

/// The pause of the incident's experiment.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// A load that has this many requests for each client has touched every thread's arena.
pub(super) const ROUNDS: u64 = 4;

/// How wide the book shows what a command printed.
const WIDTH: usize = 90;

/// How often a step is run again after a run that was disturbed.
const REPEATS: usize = 2;

/// Runs a step. When it sees something else than the story says, and other processes used the processor meanwhile, the step is run
/// again, and says so. A run that nobody disturbed is never repeated: then the step doesn't hold.
pub(super) async fn told<T>(run: impl AsyncFnMut() -> Result<(Step, T)>) -> Result<(Step, T)> {
    repeated(run, || {
        let others = Others::now();
        move || others.since()
    })
    .await
}

/// `disturbance` begins with a run, and what it returns tells who disturbed that run.
async fn repeated<T, D: FnOnce() -> Option<String>>(
    mut run: impl AsyncFnMut() -> Result<(Step, T)>,
    disturbance: impl Fn() -> D,
) -> Result<(Step, T)> {
    let mut disturbed: Vec<String> = Vec::new();
    loop {
        let disturbance = disturbance();
        let (mut step, left) = run().await?;
        let by = disturbance().filter(|_| !step.holds);
        let goes_on = by.is_some() && disturbed.len() < REPEATS;
        if let Some(by) = by {
            let number = disturbed.len() + 1;
            disturbed.push(format!("run {number} of this step was disturbed: {by}"));
            workbook::note!(format!(
                "{}: {}. That run saw:\n{}",
                step.title,
                disturbed[number - 1],
                step.evidence
            ));
        }
        if !goes_on {
            step.disturbed = disturbed;
            return Ok((step, left));
        }
    }
}

/// What `leaks triage` said.
pub(super) struct Seen {
    pub(super) word: String,
    pub(super) document: serde_json::Value,
    pub(super) text: String,
}

pub(super) async fn triage(scene: &Scene, arguments: &[&str]) -> Result<Seen> {
    let json = scene
        .leaks(&[arguments, &["--format", "json"]].concat())
        .await?;
    let document: serde_json::Value = serde_json::from_str(&json)
        .map_err(|error| Problem::new("leaks triage didn't answer in JSON").because(error))?;
    let word = document["verdict"].as_str().unwrap_or("").to_owned();
    let because = document["because"].as_str().unwrap_or("");
    let mut text = say::wrapped(&format!("{word}: {because}"), "", WIDTH);
    if let Some(fix) = document["next"].as_str() {
        text += &say::wrapped(fix, "", WIDTH);
    }
    for finding in document["findings"].as_array().into_iter().flatten() {
        let kind = finding["kind"].as_str().unwrap_or("");
        let each = finding["per_second"].as_f64().map(|each| match kind {
            "bytes" => format!("{} a second", bytes(each)),
            _ => format!("{each:.0} {kind} a second"),
        });
        let site = finding["site"]
            .as_str()
            .map(|site| format!(" from\n  {}", from_here(site)))
            .unwrap_or_default();
        let _ = writeln!(text, "{}{site}", each.as_deref().unwrap_or(kind));
    }
    Ok(Seen {
        word,
        document,
        text,
    })
}

/// A site as a reader finds it: its file from here on, or from its library on.
fn from_here(site: &str) -> String {
    let Some((function, file)) = site.split_once(" (/") else {
        return site.to_owned();
    };
    let file = format!("/{file}");
    let of_library = file
        .split_once("/registry/src/")
        .and_then(|(_, rest)| rest.split_once('/'));
    let here = std::env::current_dir().unwrap_or_default();
    let file = match of_library {
        Some((_, file)) => file,
        None => file
            .strip_prefix(&format!("{}/", here.display()))
            .unwrap_or(&file),
    };
    format!("{function} ({file}")
}

/// That many requests, each client asking again when it is answered.
pub(super) async fn load(service: &Service, stage: &str, count: u64) -> Result<String> {
    load_of(service, stage, 0, count).await
}

/// The same, of customers from `first` on.
pub(super) async fn load_of(
    service: &Service,
    stage: &str,
    first: u64,
    count: u64,
) -> Result<String> {
    load_at_most(service, stage, first, count, Duration::from_mins(2)).await
}

/// As many requests as are answered in that time.
pub(super) async fn load_for(service: &Service, stage: &str, time: Duration) -> Result<String> {
    load_at_most(service, stage, 0, 1_000, time).await
}

async fn load_at_most(
    service: &Service,
    stage: &str,
    first: u64,
    count: u64,
    time: Duration,
) -> Result<String> {
    let report = service
        .load(stage, Customers::Large(first), Pace::Closed, count, time)
        .await?;
    let load = &report.loads[0];
    let other = report.begun - load.ok.requests;
    Ok(format!(
        "{} answers in {:.0} s, {other} other outcomes",
        load.ok.requests, load.lasted_seconds
    ))
}

/// A pause that belongs to the experiment.
pub(super) async fn rest(stage: &str, time: Duration) {
    let mut line = progress::Line::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let left = end.saturating_duration_since(Instant::now());
        line.draw(stage, &format!("{:.0} s left", left.as_secs_f64().ceil()));
        sleep(left.min(Duration::from_secs(1))).await;
    }
}

/// A figure in kibibytes from `/proc/ID`, in bytes.
pub(super) fn kernel(id: u32, file: &str, field: &str) -> Result<f64> {
    let path = format!("/proc/{id}/{file}");
    let failed = || Problem::new(format!("can't read {field} in {path}"));
    let text = std::fs::read_to_string(&path).map_err(|error| failed().because(error))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim().strip_suffix("kB"));
    let number: Option<f64> = number.and_then(|number| number.trim().parse().ok());
    number.map(|kib| kib * 1_024.0).ok_or_else(failed)
}

pub(super) fn resident_and_live(points: &[Point]) -> Vec<Line<'static>> {
    vec![
        Line {
            name: "resident",
            colour: Colour::Resident,
            points: each(points, Metrics::resident),
        },
        Line {
            name: "live",
            colour: Colour::Live,
            points: each(points, Metrics::live),
        },
    ]
}

pub(super) fn each(points: &[Point], figure: impl Fn(&Metrics) -> f64) -> Vec<(f64, f64)> {
    points
        .iter()
        .map(|point| (point.seconds, figure(&point.metrics)))
        .collect()
}

pub(super) fn mark(seconds: f64, words: &str) -> Mark {
    Mark {
        seconds,
        words: words.to_owned(),
    }
}

/// A row for each moment: what is resident, lazily freed and live, and what the allocator has from the system.
pub(super) fn table(rows: &[(&str, &Metrics)]) -> String {
    let mut text = format!(
        "{:>10} {:>12} {:>10} {:>16}\n",
        "resident", "lazily freed", "live", "allocator has"
    );
    for (when, metrics) in rows {
        let _ = writeln!(
            text,
            "{:>10} {:>12} {:>10} {:>16}  {when}",
            bytes(metrics.resident()),
            bytes(metrics.lazily_freed()),
            bytes(metrics.live()),
            bytes(metrics.mapped())
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{REPEATS, repeated};
    use crate::incident::story::Step;
    use workbook::problem::Result;

    fn step(holds: bool) -> Step {
        Step {
            title: "A step",
            question: "Does it hold?",
            commands: Vec::new(),
            evidence: String::new(),
            conclusion: String::new(),
            holds,
            disturbed: Vec::new(),
            plot: None,
        }
    }

    /// How often a step was run that holds from its `holds_from`th run on, and what it says of those before.
    fn runs(holds_from: usize, by: Option<&str>) -> Result<(usize, Step)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            let mut run = 0;
            let one = async || {
                run += 1;
                Ok((step(run >= holds_from), run))
            };
            let (step, run) = repeated(one, || || by.map(str::to_owned)).await?;
            Ok((run, step))
        })
    }

    #[test]
    fn a_disturbed_step_is_run_again_and_says_who_disturbed_it() {
        let (run, step) = runs(3, Some("a compiler")).expect("it runs");
        assert!(step.holds);
        assert_eq!(run, 3);
        assert_eq!(step.disturbed.len(), 2);
        assert_eq!(
            step.disturbed[1],
            "run 2 of this step was disturbed: a compiler"
        );
    }

    #[test]
    fn a_step_that_nobody_disturbed_is_not_run_again() {
        let (run, step) = runs(2, None).expect("it runs");
        assert!(!step.holds && step.disturbed.is_empty());
        assert_eq!(run, 1);
    }

    #[test]
    fn a_step_that_is_always_disturbed_ends_and_says_so() {
        let (run, step) = runs(usize::MAX, Some("a compiler")).expect("it runs");
        assert!(!step.holds);
        assert_eq!((run, step.disturbed.len()), (REPEATS + 1, REPEATS + 1));
    }

    #[test]
    fn a_step_that_holds_names_nobody() {
        let (run, step) = runs(1, Some("a compiler")).expect("it runs");
        assert!(step.holds && step.disturbed.is_empty());
        assert_eq!(run, 1);
    }
}
