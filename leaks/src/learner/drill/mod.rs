//! `leaks drill`: the service with a fault that nobody names, under load; and `leaks answer`.
//!
//! | part | is |
//! |---|---|
//! | `sheet` | what each change of the service does, and what a right answer says |
//! | `plan` | from a seed to causes, rates and traffic |
//! | `stage` | the processes |
//! | `evidence`, `score`, `source` | whether a file is of this drill; what is right, and worth; where functions begin and end |
//! | `path`, `replayed`, `lead` | the short path, run for the reader; the answer sheet for whoever leads a round |

mod answer;
mod evidence;
mod lead;
mod path;
mod plan;
mod replayed;
mod score;
mod sheet;
mod source;
mod stage;

pub(crate) use answer::{AnswerArgs, answer};
pub(crate) use score::{Done as Played, Drills};

use crate::learner::state::State;
use crate::started::{Asked, FOLDER, Running, Standing};
use clap::Args;
use plan::{LEVELS, Plan};
use stage::Stage;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use workbook::Ending;
use workbook::files;
use workbook::problem::{Problem, Result};
use workbook::say::{self, BOLD, DIM};
use workbook::workspace::Workspace;

/// How long a service lives that is killed.
const LIFE: Duration = Duration::from_secs(45);

/// What `leaks drill` takes.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line, and most exclude each other there"
)]
pub(crate) struct DrillArgs {
    /// Play this drill: the same fault, rate, noise and traffic on every machine [default: one by chance]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// 1: it climbs within a minute. 2: slow or rare ones too. 3: some come in pairs
    #[arg(long, value_name = "LEVEL", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    level: u8,
    /// Only what a killed service left: it is loaded for 45 s, killed, and its heap profiles and metrics lie there
    #[arg(long)]
    post_mortem: bool,
    /// Replay the short path to the cause, step by step. Before your answer it costs the score
    #[arg(long, conflicts_with_all = ["seed", "level", "post_mortem"])]
    explain: bool,
    /// Show what you have answered
    #[arg(long, conflicts_with_all = ["seed", "level", "post_mortem", "explain"])]
    history: bool,
    /// For whoever leads a round: print the answer sheet of a seed and a card to read out. That seed has no score in this workbook then
    #[arg(long, requires = "seed", conflicts_with_all = ["explain", "history"])]
    lead: bool,
    /// Level 1: be told one thing about the drill that runs, for a quarter of its points
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with_all = ["seed", "level", "post_mortem", "explain", "history", "lead"])]
    buy: Option<Asked>,
}

/// Runs until Ctrl-C, unless something is asked for.
pub(crate) fn drill(
    workspace: &Workspace,
    args: &DrillArgs,
    out: &mut dyn Write,
) -> Result<Ending> {
    if args.history {
        return answer::history(workspace, out);
    }
    if args.explain {
        return answer::explain(workspace, out);
    }
    if let Some(asked) = args.buy {
        return answer::buy(workspace, asked, out);
    }
    let seed = args.seed.unwrap_or_else(by_chance);
    if args.lead {
        let plan = Plan::of(seed, args.level, args.post_mortem);
        State::change(&workspace.root, |state| {
            state.drills.led.insert((seed, args.level))
        })?;
        lead::sheet(&plan, &workspace.root, out)?;
        return Ok(Ending::AsWanted);
    }
    if !cfg!(target_os = "linux") {
        return Err(Problem::new("a drill needs Linux")
            .because("its evidence is what Linux' kernel says of a process")
            .next("Read the page about drills in the book: leaks book --open"));
    }
    if let Some(other) = Running::read(&workspace.root)?.filter(Running::is_alive) {
        return Err(
            Problem::new(format!("a drill runs already, with seed {}", other.seed))
                .next("End it with Ctrl-C in its terminal, or answer it."),
        );
    }
    let plan = Plan::of(seed, args.level, args.post_mortem);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new("can't start the drill").because(error))?;
    let ending = runtime.block_on(async {
        if args.post_mortem {
            after_death(workspace, &plan, out).await
        } else {
            alive(workspace, &plan, out).await
        }
    });
    runtime.shutdown_background();
    ending
}

/// A number that nobody knows.
fn by_chance() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}

async fn alive(workspace: &Workspace, plan: &Plan, out: &mut dyn Write) -> Result<Ending> {
    let mut stage = Stage::set(workspace, plan, None).await?;
    let asked_to_end = workbook::signals::asked_to_end()?;
    let played = stage.running.played();
    stage.running.standing = State::change(&workspace.root, |state| state.drills.taken_up(played))?;
    stage.running.write(&workspace.root)?;
    greet(&stage.running, out)?;
    let played = stage.play(plan, None, asked_to_end).await;
    let after = Running::read(&workspace.root)?;
    stage.kill().await;
    if after.is_some_and(|after| !after.standing.is_over) {
        writeln!(
            out,
            "\nThe service has ended. Without an answer there is no score yet: the same seed goes on from where you were."
        )?;
    }
    played.map(|()| Ending::AsWanted)
}

/// What a reader has, and what the answer looks like.
fn greet(running: &Running, out: &mut dyn Write) -> Result<()> {
    let Running {
        seed,
        level,
        process,
        service,
        debug,
        ..
    } = running;
    let again = |arguments: &str| say::command(arguments);
    writeln!(
        out,
        "{BOLD}Drill with seed {seed}, level {level}{BOLD:#}: a service runs under load. Something may be wrong with its memory, or nothing.\n"
    )?;
    writeln!(
        out,
        "  the service     http://{service}/apex/customer-0042.example   (process {process})\n  \
         its debug port  http://{debug}/debug/pprof/   its source  {}/\n",
        source::FOLDER
    )?;
    writeln!(
        out,
        "{BOLD}Look, from another terminal.{BOLD:#} triage and the debug port withhold class, holder and line until it is answered.\n  \
         {}\n  \
         curl -s http://{debug}/metrics\n  \
         curl -s 'http://{debug}/debug/pprof/heap?seconds=20' > came.pb.gz; {}\n  \
         curl -s 'http://{debug}/debug/pprof/tasks?debug=1'      (also sockets, descriptors, threadcreate)\n",
        again(&format!("triage --url http://{debug}")),
        again("top came.pb.gz --limit 8")
    )?;
    writeln!(
        out,
        "{BOLD}Answer{BOLD:#} with a profile, or for what is no leak with the report of a triage. Three tries.\n  \
         {}\n  \
         {}\n",
        again("answer --class CLASS --site FILE:LINE|FUNCTION --holder WORD --evidence came.pb.gz"),
        again("answer no-leak VERDICT --evidence report.json")
    )?;
    let Standing { wrong, bought, .. } = &running.standing;
    if *wrong > 0 || !bought.is_empty() {
        writeln!(
            out,
            "You were here before: {wrong} wrong, {} bought. That still counts.",
            bought.len()
        )?;
    }
    if *level == 1 {
        writeln!(
            out,
            "Stuck? One thing can be bought: {}",
            again("drill --buy class")
        )?;
    }
    writeln!(out, "{DIM}Ctrl-C ends all.{DIM:#}")?;
    out.flush()?;
    Ok(())
}

/// A service that is killed, and what it left.
async fn after_death(workspace: &Workspace, plan: &Plan, out: &mut dyn Write) -> Result<Ending> {
    let left: PathBuf = workspace.root.join(FOLDER).join("left");
    match fs::remove_dir_all(&left) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Problem::file("remove", &left, &error));
        }
        _ => {}
    }
    let metrics = left.join("metrics");
    files::make_folder(&metrics)?;
    let mut stage = Stage::set(workspace, plan, Some(&left)).await?;
    let asked_to_end = workbook::signals::asked_to_end()?;
    workbook::note!(format!(
        "A service lives for {} s, under load, and is killed then.",
        LIFE.as_secs()
    ));
    let debug = stage.running.debug.clone();
    let scraping = tokio::spawn(scrape(debug, metrics));
    let mut is_interrupted = false;
    let ends = async {
        asked_to_end.await;
        is_interrupted = true;
    };
    stage.play(plan, Some(LIFE), ends).await?;
    scraping.abort();
    let mut running = Running {
        left: Some(left.clone()),
        standing: Standing::default(),
        ..stage.running.clone()
    };
    stage.kill().await;
    if is_interrupted {
        return Err(Problem::Interrupted);
    }
    let played = running.played();
    running.standing = State::change(&workspace.root, |state| state.drills.taken_up(played))?;
    running.write(&workspace.root)?;
    let left = say::path(&left);
    writeln!(
        out,
        "{BOLD}Drill with seed {}, level {}, after its service's death{BOLD:#}: it was killed by the system, and nobody was there.\n\n  \
         what it left    {left}/   heap profiles, and its metrics every five seconds\n  \
         its source      {}/\n\n\
         {BOLD}Look.{BOLD:#}\n  {}\n  {}\n\n\
         {BOLD}Answer{BOLD:#} with one of these profiles. Three tries.\n  {}",
        running.seed,
        running.level,
        source::FOLDER,
        say::command(&format!("top {left}/heap-...pb.gz")),
        say::command(&format!(
            "diff {left}/heap-...pb.gz --base {left}/heap-...pb.gz"
        )),
        say::command(
            "answer --class CLASS --site FILE:LINE|FUNCTION --holder WORD --evidence FILE"
        )
    )?;
    Ok(Ending::AsWanted)
}

/// Keeps the metrics, as a monitoring system would have.
async fn scrape(debug: String, folder: PathBuf) {
    let Ok(http) = reqwest::Client::builder().no_proxy().build() else {
        return;
    };
    for number in 0.. {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let Ok(answer) = http.get(format!("http://{debug}/metrics")).send().await else {
            return;
        };
        if let Ok(text) = answer.text().await {
            // The drill goes without one of them.
            let _ = fs::write(folder.join(format!("{number:02}.txt")), text);
        }
    }
}

// Said where the levels are.
const _: () = assert!(*LEVELS.end() == 3);
