//! `leaks incident`: the story that the workbook grew from, by real processes, from the climbing graph to its cause.

mod page;
mod plot;
mod program;
mod scene;
mod steps;

use crate::args::{Format, IncidentArgs};
use crate::problem::{Problem, Result};
use crate::say::{self, BAD, BOLD, DIM, GOOD};
use crate::workspace::Workspace;
use crate::{Ending, files, report};
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// How large the incident is.
struct Size {
    /// Requests on their way at the same time.
    at_once: u16,
    /// Answers that the service keeps, in bytes.
    kept_bytes: u64,
    /// How much is to be resident, and live at most, in bytes.
    resident_from: f64,
    live_to: f64,
}

const WHOLE: Size = Size {
    at_once: 6,
    kept_bytes: 2_000_000,
    resident_from: 350e6,
    live_to: 8e6,
};

/// The same relations: what is resident is more than ten times what is live.
const SHORT: Size = Size {
    at_once: 3,
    kept_bytes: 2_000_000,
    resident_from: 120e6,
    live_to: 8e6,
};

/// One step of the story.
#[derive(Debug, Serialize)]
struct Step {
    title: &'static str,
    question: &'static str,
    /// What was run, as a reader could type it.
    commands: Vec<String>,
    evidence: String,
    conclusion: String,
    /// Whether what was seen is what the conclusion says.
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    plot: Option<&'static str>,
}

/// All that was seen.
#[derive(Debug, Default, Serialize)]
struct Story {
    /// What `leaks triage` said, which was told nothing.
    verdict: String,
    class: Option<String>,
    findings: serde_json::Value,
    readings: serde_json::Value,
    /// What it said of the control run.
    control: String,
    steps: Vec<Step>,
    #[serde(skip)]
    plots: Vec<(&'static str, String)>,
    #[serde(skip)]
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Story {
    fn plot(&mut self, name: &'static str, svg: String) {
        self.plots.push((name, svg));
    }
}

/// Status 0 when each step saw what the story says, 1 when one didn't.
pub(crate) fn incident(
    workspace: &Workspace,
    args: &IncidentArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    if !cfg!(target_os = "linux") {
        return Err(Problem::new("the incident needs Linux")
            .because("its evidence is what Linux' kernel says of a process")
            .next("Read its page in the book: leaks book --open"));
    }
    let size = if args.short { &SHORT } else { &WHOLE };
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| workspace.root.join("target/leaks/incident"));
    files::make_folder(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new("can't start the incident").because(error))?;
    let began = Instant::now();
    let is_text = args.format == Format::Text;
    let story = runtime.block_on(async {
        let asked_to_end = domain_service::serve::asked_to_end()?;
        let telling = async {
            let scene = scene::Scene::set(workspace, size.at_once).await?;
            steps::tell(&scene, size, |step, story| {
                if is_text {
                    print(step, story.steps.len(), out)?;
                }
                Ok(())
            })
            .await
        };
        // Every process ends with its value, so dropping the story's future ends them all.
        tokio::select! {
            story = telling => story,
            () = asked_to_end => Err(Problem::Interrupted),
        }
    })?;
    write(&story, &folder)?;
    let failed: Vec<usize> = (1..)
        .zip(&story.steps)
        .filter_map(|(number, step)| (!step.holds).then_some(number))
        .collect();
    if is_text {
        end(&story, &failed, began.elapsed().as_secs(), &folder, out)?;
    } else {
        report::json(&story, out)?;
    }
    Ok(if failed.is_empty() {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    })
}

fn print(step: &Step, number: usize, out: &mut dyn Write) -> Result<()> {
    let width = say::width().min(100);
    writeln!(out, "\n{BOLD}{number}. {}{BOLD:#}", step.title)?;
    writeln!(out, "{}", say::wrapped(step.question, "", width))?;
    for command in &step.commands {
        writeln!(out, "  {DIM}$ {command}{DIM:#}")?;
    }
    for line in step.evidence.lines() {
        writeln!(out, "  {line}")?;
    }
    if !step.holds {
        writeln!(
            out,
            "{BAD}This run doesn't show what the story concludes here:{BAD:#}"
        )?;
    }
    writeln!(out, "{}", say::wrapped(&step.conclusion, "", width))?;
    out.flush()?;
    Ok(())
}

fn end(
    story: &Story,
    failed: &[usize],
    seconds: u64,
    folder: &Path,
    out: &mut dyn Write,
) -> Result<()> {
    writeln!(out)?;
    let (verdict, control) = (&story.verdict, &story.control);
    if failed.is_empty() {
        writeln!(
            out,
            "{GOOD}{verdict}{GOOD:#}; and of the control run: {control}. {} steps in {seconds} s.",
            story.steps.len()
        )?;
    } else {
        let failed: Vec<String> = failed.iter().map(usize::to_string).collect();
        writeln!(
            out,
            "{BAD}Not every step saw what the story says:{BAD:#} {}. Was the machine busy? Run it again.",
            failed.join(", ")
        )?;
    }
    writeln!(
        out,
        "Its page, with plots: {}",
        say::path(&folder.join("index.html"))
    )?;
    writeln!(
        out,
        "Next: {}",
        say::command("book --open") + ", page `the-incident`"
    )?;
    Ok(())
}

fn write(story: &Story, folder: &Path) -> Result<()> {
    for (name, svg) in &story.plots {
        files::write(&folder.join(name), svg.as_bytes())?;
    }
    for (name, content) in &story.files {
        files::write(&folder.join(name), content)?;
    }
    for (number, step) in (1..).zip(&story.steps) {
        let name = format!("step-{number:02}.txt");
        files::write(&folder.join(name), page::text(step).as_bytes())?;
    }
    let mut json = serde_json::to_vec_pretty(story)
        .map_err(|error| Problem::new("can't put the report into JSON").because(error))?;
    json.push(b'\n');
    files::write(&folder.join("report.json"), &json)?;
    files::write(&folder.join("index.html"), page::html(story).as_bytes())
}
