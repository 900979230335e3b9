//! `leaks answer`: what is right in an answer, and how it could have been found.

use super::path::{self, Step};
use super::plan::Plan;
use super::score::{Answer, Done, Graded, Site, WRONG_MAX, graded, points, points_max};
use super::sheet::{Cause, Is};
use super::{evidence, replayed};
use crate::learner::state::State;
use crate::started::{Asked, Running};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use detectors::{Class, Verdict};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use workbook::Ending;
use workbook::problem::{Problem, Result};
use workbook::say::{self, BAD, BOLD, DIM, GOOD};
use workbook::workspace::Workspace;

/// What `leaks answer` takes.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help's text, which shows backticks as they are"
)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct AnswerArgs {
    #[command(subcommand)]
    no_leak: Option<NoLeak>,
    /// Which class of growth: the name of a chapter
    #[arg(long, value_name = "CLASS", required = true, value_parser = class())]
    class: Option<Class>,
    /// Where what grows is made or kept: FILE:LINE, or a function such as Audit::note
    #[arg(long, value_name = "SITE", required = true)]
    site: Option<Site>,
    /// Who holds it, in a word: a field, a type, a task, or nobody. Without it the site has to be where it is kept, and not where it is made
    #[arg(long, value_name = "WORD")]
    holder: Option<String>,
    /// A profile of the running service, or the report of a triage as JSON
    #[arg(long, value_name = "FILE", required = true)]
    evidence: Option<PathBuf>,
}

/// `the trail`, `nobody`, `a task`.
const HOLDER_WORDS_MAX: usize = 2;

#[derive(Debug, clap::Subcommand)]
enum NoLeak {
    /// Nothing leaks: say which verdict it is
    NoLeak {
        /// steady, warming-up, pressure or retention
        #[arg(value_name = "VERDICT", value_parser = verdict)]
        verdict: Verdict,
        /// The report of a triage as JSON: leaks triage --url URL --format json > report.json
        #[arg(long, value_name = "FILE")]
        evidence: PathBuf,
    },
}

/// The names are in the help, and with a mistake.
fn class() -> impl TypedValueParser<Value = Class> {
    let names = Class::ALL.iter().map(|class| class.as_str());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Class>())
}

fn verdict(text: &str) -> std::result::Result<Verdict, String> {
    let all = [
        Verdict::Steady,
        Verdict::WarmingUp,
        Verdict::Pressure,
        Verdict::Retention,
    ];
    let found = all.into_iter().find(|verdict| verdict.as_str() == text);
    found.ok_or_else(|| {
        format!(
            "without a leak it is {}",
            all.map(Verdict::as_str).join(", ")
        )
    })
}

impl AnswerArgs {
    fn answer(&self) -> Result<(Answer, &Path)> {
        match self {
            AnswerArgs {
                no_leak: Some(NoLeak::NoLeak { verdict, evidence }),
                ..
            } => Ok((Answer::NoLeak(*verdict), evidence)),
            AnswerArgs {
                class: Some(class),
                site: Some(site),
                evidence: Some(evidence),
                holder,
                ..
            } => {
                if holder
                    .as_deref()
                    .is_some_and(|holder| holder.split_whitespace().count() > HOLDER_WORDS_MAX)
                {
                    return Err(Problem::new("--holder takes a word or two")
                        .because("a list of all that could hold it says nothing")
                        .next("It doesn't count as an answer. Name the one field, type or task; or nobody."));
                }
                let (class, site, holder) = (*class, site.clone(), holder.clone());
                Ok((
                    Answer::Leak {
                        class,
                        site,
                        holder,
                    },
                    evidence,
                ))
            }
            // Never: clap asks for them.
            _ => Err(Problem::new("an answer has --class, --site and --evidence")),
        }
    }
}

/// Status 0 when it is right, 1 when it isn't.
pub(crate) fn answer(
    workspace: &Workspace,
    args: &AnswerArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    let mut running = the_running(workspace)?;
    if running.standing.is_over {
        return Err(is_over());
    }
    if running.left.is_none() && !running.is_alive() {
        return Err(Problem::new(
            "the drill's service has ended, and nothing can be shown of it any more",
        )
        .next(format!(
            "Begin it again, and go on from where you were: {}",
            say::command(&format!(
                "drill --seed {} --level {}",
                running.seed, running.level
            ))
        )));
    }
    let plan = Plan::of(running.seed, running.level, running.left.is_some());
    let (answer, file) = args.answer()?;
    let told = evidence::checked(file, &running, &answer, &workspace.root)?;
    let open = open(&plan, &running);
    let of_each = open
        .iter()
        .map(|(at, cause)| (*at, *cause, graded(cause, &answer, &workspace.root)));
    // With two causes, an answer is about the one that it fits best.
    let best = of_each
        .max_by_key(|(_, _, graded)| (graded.is_right(), graded.class, graded.line, graded.holder));
    let Some((at, cause, graded)) = best else {
        return Err(Problem::new("this drill has no cause left to find"));
    };
    writeln!(out, "{DIM}{told}{DIM:#}")?;
    tell(graded, cause, out)?;
    let minutes = running.lasted().as_secs_f64() / 60.0;
    // Counted where several answers at once each count, and where it stays when the service is ended.
    State::change(&workspace.root, |state| {
        let begun = state.drills.begun(running.played());
        if begun.wrong >= WRONG_MAX {
            return Err(is_over());
        }
        begun.wrong += u32::from(!graded.is_right());
        running.standing.wrong = begun.wrong;
        running.standing.is_over = begun.wrong >= WRONG_MAX;
        running.write(&workspace.root)
    })??;
    if graded.is_right() {
        let standing = &mut running.standing;
        let worth = points(
            plan.level,
            graded,
            standing.wrong,
            standing.bought.len(),
            plan.causes.len(),
        );
        standing.found.push((at, worth));
        let left = plan.causes.len() - standing.found.len();
        standing.is_over = left == 0;
        running.write(&workspace.root)?;
        writeln!(
            out,
            "\n{GOOD}Right{GOOD:#}, after {minutes:.1} minutes. {}",
            cause.what
        )?;
        if left > 0 {
            writeln!(
                out,
                "\nMore grows, for another reason. Answer that too: its evidence and its place are others."
            )?;
            return Ok(Ending::AsWanted);
        }
        over(workspace, &plan, &running, None, out)?;
        return Ok(Ending::AsWanted);
    }
    let left = WRONG_MAX.saturating_sub(running.standing.wrong);
    if left > 0 {
        writeln!(
            out,
            "\n{BAD}Not yet{BAD:#}, after {minutes:.1} minutes. {left} of {WRONG_MAX} tries are left."
        )?;
        return Ok(Ending::NotWanted);
    }
    writeln!(out, "\n{BAD}That was the third.{BAD:#} This is what it is:")?;
    for (_, cause) in open {
        write!(out, "{}", say::wrapped(cause.what, "  ", say::width()))?;
        writeln!(out, "  {}", path::right_answer(cause))?;
    }
    over(workspace, &plan, &running, Some("the way was shown"), out)?;
    Ok(Ending::NotWanted)
}

fn is_over() -> Problem {
    Problem::new("this drill is over").next(format!("Start another: {}", say::command("drill")))
}

/// The causes that nobody has named yet.
fn open(plan: &Plan, running: &Running) -> Vec<(usize, &'static Cause)> {
    let found: Vec<usize> = running.standing.found.iter().map(|(at, _)| *at).collect();
    let all = plan.causes.iter().copied().enumerate();
    all.filter(|(at, _)| !found.contains(at)).collect()
}

fn tell(graded: Graded, cause: &Cause, out: &mut dyn Write) -> Result<()> {
    let parts = match cause.is {
        Is::Leak(_) => vec![
            ("class", graded.class),
            ("line", graded.line),
            ("holder", graded.holder),
        ],
        // What it is and that it is none are one.
        Is::NoLeak(_) => vec![("verdict", graded.class)],
    };
    for (what, is_right) in parts {
        let (style, word) = if is_right {
            (GOOD, "right")
        } else {
            (BAD, "not right")
        };
        writeln!(out, "  {what:<8} {style}{word}{style:#}")?;
    }
    Ok(())
}

/// Tells the score and the short path, and writes the drill into the reader's progress.
fn over(
    workspace: &Workspace,
    plan: &Plan,
    running: &Running,
    shown: Option<&str>,
    out: &mut dyn Write,
) -> Result<()> {
    let standing = &running.standing;
    let (level, seed, post_mortem) = (plan.level, plan.seed, running.left.is_some());
    let earned = if shown.is_some() {
        0
    } else {
        standing.found.iter().map(|(_, points)| points).sum()
    };
    let void = State::change(&workspace.root, |state| {
        let is_led = state.drills.led.contains(&(seed, level));
        let is_again = state.drills.is_done(running.played());
        let void = if is_led {
            Some("its answer sheet was asked for in this workbook")
        } else if is_again {
            Some("this seed was played before in this workbook")
        } else {
            None
        };
        state.drills.done.push(Done {
            seed,
            level,
            was: plan.causes.iter().map(|cause| word(cause)).collect(),
            points: if void.is_some() { 0 } else { earned },
            of: points_max(level),
            seconds: running.lasted().as_secs(),
            wrong: standing.wrong,
            post_mortem,
            shown: shown.is_some(),
            void: void.map(str::to_owned),
        });
        void
    })?;
    match void {
        Some(why) => writeln!(out, "\n{BOLD}No score{BOLD:#}: {why}.")?,
        None => writeln!(
            out,
            "\n{BOLD}{earned} of {} points{BOLD:#}: {} wrong, {} bought.",
            points_max(level),
            standing.wrong,
            standing.bought.len()
        )?,
    }
    writeln!(
        out,
        "\n{BOLD}A short path{BOLD:#}{}",
        if running.is_alive() {
            ", while the service still runs. Nothing is withheld any more; Ctrl-C in its terminal ends it:"
        } else {
            ":"
        }
    )?;
    for cause in &plan.causes {
        for (number, step) in (1..).zip(path::of(cause, running, &workspace.root)) {
            print(number, &step, out)?;
        }
    }
    writeln!(
        out,
        "\n{DIM}Step by step, run for you:{DIM:#} {}",
        say::command("drill --explain")
    )?;
    writeln!(
        out,
        "{DIM}What you have done:{DIM:#} {}",
        say::command("drill --history")
    )?;
    Ok(())
}

/// The class, or the verdict.
pub(super) fn word(cause: &Cause) -> String {
    match cause.is {
        Is::Leak(class) => class.to_string(),
        Is::NoLeak(verdicts) => verdicts
            .first()
            .map_or("steady", |verdict| verdict.as_str())
            .to_owned(),
    }
}

fn print(number: usize, step: &Step, out: &mut dyn Write) -> Result<()> {
    let width = say::width();
    write!(
        out,
        "{}",
        say::wrapped(&format!("{number}. {}", step.question), "  ", width)
    )?;
    writeln!(out, "     {DIM}${DIM:#} {}", step.command)?;
    write!(out, "{}", say::wrapped(&step.answer, "     ", width))?;
    Ok(())
}

/// `leaks drill --explain`: the short path, with what each step prints now. Before the answer it costs the score.
pub(super) fn explain(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
    let mut running = the_running(workspace)?;
    let plan = Plan::of(running.seed, running.level, running.left.is_some());
    if !running.standing.is_over {
        running.standing.is_over = true;
        running.write(&workspace.root)?;
        writeln!(
            out,
            "{BOLD}The way, before an answer: this drill has no points any more.{BOLD:#}"
        )?;
        over(
            workspace,
            &plan,
            &running,
            Some("the way was asked for"),
            out,
        )?;
        writeln!(out)?;
    }
    for cause in &plan.causes {
        writeln!(out, "{BOLD}{}{BOLD:#}", word(cause))?;
        for (number, step) in (1..).zip(path::of(cause, &running, &workspace.root)) {
            writeln!(out)?;
            print(number, &step, out)?;
            out.flush()?;
            replayed::replayed(&step, &running, &workspace.root, out)?;
        }
        writeln!(out, "\nThe answer: {}", path::right_answer(cause))?;
    }
    Ok(Ending::AsWanted)
}

/// `leaks drill --buy`: one thing of a drill of the first level, for points.
pub(super) fn buy(workspace: &Workspace, asked: Asked, out: &mut dyn Write) -> Result<Ending> {
    let mut running = the_running(workspace)?;
    if running.level > 1 {
        return Err(
            Problem::new(format!("nothing can be bought at level {}", running.level))
                .because("from the second on you have the instruments alone")
                .next(format!(
                    "Give it up and see the way: {}",
                    say::command("drill --explain")
                )),
        );
    }
    if running.standing.is_over {
        return Err(is_over());
    }
    if let Some(before) = running
        .standing
        .bought
        .first()
        .filter(|before| **before != asked)
    {
        return Err(Problem::new("one thing can be bought in a drill")
            .because(format!("this one's was {before:?}").to_lowercase()));
    }
    let plan = Plan::of(running.seed, running.level, running.left.is_some());
    if running.standing.bought.is_empty() {
        running.standing.bought.push(asked);
        State::change(&workspace.root, |state| {
            state.drills.begun(running.played()).bought = vec![asked];
        })?;
        running.write(&workspace.root)?;
    }
    for cause in &plan.causes {
        let told = match (asked, cause.is) {
            (Asked::Class, Is::Leak(class)) => {
                format!("The class is {class}: {}.", class.definition())
            }
            (_, Is::NoLeak(_)) => "Nothing leaks.".to_owned(),
            (Asked::Line, Is::Leak(_)) => {
                let place = cause.made_by.first();
                place.map_or_else(String::new, |place| {
                    format!("What grows is made in {} ({}).", place.function, place.file)
                })
            }
            (Asked::Holder, Is::Leak(_)) => format!(
                "Who holds it: {}.",
                cause.holders.first().copied().unwrap_or("nobody")
            ),
        };
        writeln!(out, "{told}")?;
    }
    writeln!(out, "{DIM}That costs a quarter of the points.{DIM:#}")?;
    Ok(Ending::AsWanted)
}

/// The drill that was started last.
pub(super) fn the_running(workspace: &Workspace) -> Result<Running> {
    Running::read(&workspace.root)?.ok_or_else(|| {
        Problem::new("no drill runs").next(format!(
            "Start one in another terminal: {}",
            say::command("drill")
        ))
    })
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Line { file, line } => write!(f, "{file}:{line}"),
            Site::Function(name) => f.write_str(name),
        }
    }
}

/// `leaks drill --history`.
pub(super) fn history(workspace: &Workspace, out: &mut dyn Write) -> Result<Ending> {
    let drills = State::read(&workspace.root)?.drills;
    if drills.done.is_empty() {
        writeln!(
            out,
            "No drill was answered yet. The first: {}",
            say::command("drill")
        )?;
        return Ok(Ending::AsWanted);
    }
    writeln!(
        out,
        "{BOLD}{:>20}  {:>5}  {:>7}  {:>9}  {:>5}  it was{BOLD:#}",
        "seed", "level", "minutes", "points", "wrong"
    )?;
    for done in &drills.done {
        let minutes = done.seconds as f64 / 60.0;
        let points = match &done.void {
            Some(_) => "none".to_owned(),
            None => format!("{}/{}", done.points, done.of),
        };
        let shown = if done.shown { "  (shown)" } else { "" };
        let was = done.was.join(" and ");
        writeln!(
            out,
            "{:>20}  {:>5}  {minutes:>7.1}  {points:>9}  {:>5}  {was}{shown}",
            done.seed, done.level, done.wrong
        )?;
    }
    let points: u32 = drills.done.iter().map(|done| done.points).sum();
    let drills = match drills.done.len() {
        1 => "1 drill".to_owned(),
        drills => format!("{drills} drills"),
    };
    writeln!(out, "\n{drills}, {points} points.")?;
    Ok(Ending::AsWanted)
}
