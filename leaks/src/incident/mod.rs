//! `leaks incident`: the story that the workbook grew from, by real processes, from the climbing graph to its cause.

mod others;
mod page;
mod plot;
mod program;
mod scene;
mod steps;
mod story;

use crate::show::{Format, json};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use story::{SHORT, Step, Story, WHOLE};
use workbook::problem::{Problem, Result};
use workbook::say::{self, BAD, BOLD, DIM, GOOD};
use workbook::workspace::Workspace;
use workbook::{Ending, files};

/// What `leaks incident` takes.
#[derive(Debug, Args)]
pub(crate) struct IncidentArgs {
    /// Half the size: the same relations in less time and memory; and the control run isn't loaded again
    #[arg(long)]
    pub(crate) short: bool,
    /// The folder for the page, its plots and the report [default: target/leaks/incident]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
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
        let asked_to_end = workbook::signals::asked_to_end()?;
        let telling = async {
            let scene = scene::Scene::set(workspace, size.at_once).await?;
            steps::tell(&scene, size, |story| {
                if is_text && let Some((heading, step)) = story.told().last() {
                    print(step, &heading, out)?;
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
    let failed: Vec<String> = story
        .told()
        .filter_map(|(heading, step)| (!step.holds).then_some(heading))
        .collect();
    if is_text {
        end(&story, &failed, began.elapsed().as_secs(), &folder, out)?;
    } else {
        json(&story, out)?;
    }
    Ok(if failed.is_empty() {
        Ending::AsWanted
    } else {
        Ending::NotWanted
    })
}

fn print(step: &Step, heading: &str, out: &mut dyn Write) -> Result<()> {
    let width = say::width().min(100);
    writeln!(out, "\n{BOLD}{heading}{BOLD:#}")?;
    writeln!(out, "{}", say::wrapped(step.question, "", width))?;
    for command in &step.commands {
        writeln!(out, "  {DIM}$ {command}{DIM:#}")?;
    }
    for line in step.evidence.lines() {
        writeln!(out, "  {line}")?;
    }
    for disturbed in &step.disturbed {
        writeln!(out, "  {DIM}{disturbed}{DIM:#}")?;
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
    failed: &[String],
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
        writeln!(
            out,
            "{BAD}Not every step saw what the story says:{BAD:#} {}. Each of these steps says above whether other processes disturbed it.",
            failed.join("; ")
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
    for look in &story.control_looks {
        if let Some(number) = story.number_of(look) {
            let name = format!("control-{number:02}.txt");
            files::write(&folder.join(name), page::text(look).as_bytes())?;
        }
    }
    let mut json = serde_json::to_vec_pretty(story)
        .map_err(|error| Problem::new("can't put the report into JSON").because(error))?;
    json.push(b'\n');
    files::write(&folder.join("report.json"), &json)?;
    files::write(&folder.join("index.html"), page::html(story).as_bytes())
}
