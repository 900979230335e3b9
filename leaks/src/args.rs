//! The command line: names, options and the help that teaches them.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help's text, which shows backticks as they are"
)]

use crate::load::{Pattern, plan};
use clap::{Args, Parser, Subcommand, ValueEnum};
use detectors::Verdict;
use domain_service::serve::{ClusterArgs, ServeArgs};
use std::path::PathBuf;
use std::time::Duration;
use workbook::BookArgs;

/// The Leak Workbook: watch memory leak, find the line, mend it, prove it.
#[derive(Debug, Parser)]
#[command(
    name = "leaks",
    version,
    disable_help_subcommand = true,
    after_help = "Type `leaks` alone to see where you are and what is next.\n\
        Through cargo, put `cargo run --` in front: cargo run -- run retained-subslices\n\n\
        Status: 0 did what was asked, 1 the verdict is not the wanted one, 2 bad usage or input."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the chapters and how far you are in each
    ///
    /// Use it to choose what to do next.
    #[command(after_help = "Example: leaks list")]
    List,

    /// Run a chapter's reproduction: watch it leak, or its fixed twin stay flat
    ///
    /// Use it before you read any code: it shows live memory over time, the verdict, and the line that allocates
    /// what stays. Status 0 when the leaky variant is caught, or the fixed one stays steady.
    #[command(
        after_help = "Examples:\n  leaks run retained-subslices\n  leaks run retained-subslices --fixed"
    )]
    Run(RunArgs),

    /// Check your exercise: does it still do its work, and does memory stay behind?
    ///
    /// Use it after every change to the chapter's src/exercise.rs. Status 0 when it passes, 1 when it doesn't,
    /// 2 when it doesn't compile.
    #[command(after_help = "Example: leaks check retained-subslices")]
    Check(CheckArgs),

    /// Show the next of a chapter's three hints
    ///
    /// Use it when you are stuck. The first is a question; the last nearly names the line.
    #[command(after_help = "Example: leaks hint retained-subslices")]
    Hint(ChapterArg),

    /// Restore a chapter's exercise as it was shipped
    ///
    /// Use it to start over. What you wrote is kept beside the file as exercise.backup-1.rs, -2, ..
    #[command(after_help = "Example: leaks reset retained-subslices")]
    Reset(ChapterArg),

    /// Show the author's solution, once yours has passed
    ///
    /// Use it to compare. It opens when `leaks check` has passed once.
    #[command(after_help = "Example: leaks solution retained-subslices")]
    Solution(ChapterArg),

    /// Prove that exercises fail as shipped and that their solutions pass
    ///
    /// Use it when you write or change a chapter. Without a name it proves all of them.
    #[command(after_help = "Example: leaks verify retained-subslices")]
    Verify(VerifyArgs),

    /// Show a profile's functions, the largest first
    ///
    /// Use it as the first question to any heap profile, ours or another program's: who allocated what is live?
    #[command(
        after_help = "Example: leaks top target/leaks/retained-subslices/heap.pb.gz --limit 10"
    )]
    Top(TopArgs),

    /// Show the source of functions, each line with what it allocated
    ///
    /// Use it when `top` has named a function: which of its lines is it?
    #[command(
        after_help = "Example: leaks list-source target/leaks/retained-subslices/heap.pb.gz leaky"
    )]
    ListSource(ListSourceArgs),

    /// Show what a profile has more, or less, than another
    ///
    /// Use it on two profiles of one process: what is old cancels out, what grew is left.
    #[command(after_help = "Example: leaks diff later.pb.gz --base earlier.pb.gz")]
    Diff(DiffArgs),

    /// Draw a profile as a flame graph
    ///
    /// Use it to see a whole profile at once: each frame is as wide as its share.
    #[command(
        after_help = "Example: leaks flamegraph target/leaks/retained-subslices/heap.pb.gz --out flames.svg"
    )]
    Flamegraph(FlamegraphArgs),

    /// Run the service of the story, with a debug port that `go tool pprof` can ask
    ///
    /// Use it to look at a live service: give it load, let it leak, and fetch its profiles. It answers which hosts a
    /// customer's domain has, by asking a search cluster that is built in.
    #[command(
        after_help = "Examples:\n  leaks serve\n  leaks serve --leak global-caches --leak orphaned-tasks\n  curl http://127.0.0.1:8080/apex/large-07.example\n  go tool pprof -top http://127.0.0.1:6060/debug/pprof/heap\n  curl http://127.0.0.1:6060/metrics\n  leaks serve --leak global-caches --memory-limit 300MB"
    )]
    Serve(ServeArgs),

    /// Run the service's search cluster alone, in a process of its own
    ///
    /// Use it where the service's memory is to be the service's: `leaks serve` has the cluster in its own process otherwise. Kill
    /// it, to see what the service does without.
    #[command(
        after_help = "Example: leaks cluster --port 9200, then leaks serve --search-url http://127.0.0.1:9200"
    )]
    Cluster(ClusterArgs),

    /// Run the incident that this workbook grew from: 400 MB resident, 7 MB in the heap profile
    ///
    /// Use it to see a whole hunt, from the graph to the cause. Fifteen steps by real processes on this machine, in under four
    /// minutes; a gigabyte of memory should be free. Each step has its question, its command, what came, and what follows. The
    /// first time, jemalloc is built, which takes two minutes more. Where it isn't run by root, the kernel forbids one look, which
    /// is left out. Linux only. Status 1 when a step saw something else than the story says.
    #[command(
        after_help = "Examples:\n  leaks incident\n  leaks incident --short    half the size, the same relations"
    )]
    Incident(IncidentArgs),

    /// Put load on a service, and see what it answers and how fast
    ///
    /// Use it to make a service's memory move: load it, let it rest, load it again. Without --rate each client asks again when it
    /// is answered, so a slow service gets fewer requests (a closed loop). With --rate requests are due by the clock, and
    /// latency counts from when each was due (an open loop): that is what users feel who don't wait for each other.
    ///
    /// A load is always bounded in time and in requests, and reaches this machine alone unless forced. Ctrl-C ends it with the
    /// report so far, and status 130. Status 2 when no request could be sent.
    #[command(
        after_help = "Examples:\n  leaks load\n  leaks load --pattern 10s/5s/10s --at-once 64\n  leaks load --rate 200 --for 30s --url http://127.0.0.1:8080/apex/large-07.example"
    )]
    Load(LoadArgs),

    /// Tell which of the verdicts it is, for any process that runs
    ///
    /// Use it first, when a memory graph climbs: is it a leak, pressure, or retention? It looks from outside, at a process of this
    /// machine in any language, and changes nothing in it. Of a service with a debug port it also names the line.
    #[command(
        after_help = "Examples:\n  leaks triage --pid 4711\n  leaks triage --pid 4711 --for 2m --expect steady\n  leaks triage --url http://127.0.0.1:6060\n  sudo leaks triage --pid 4711 --squeeze"
    )]
    Triage(TriageArgs),

    /// Measures in this process; `run` starts it
    #[command(hide = true)]
    Measure(MeasureArgs),

    /// Build the book and serve it on this machine
    ///
    /// Use it to read, or to write: the open page follows every change. Only this machine can reach it.
    #[command(
        after_help = "Examples:\n  leaks book --open\n  leaks book --build-only    writes the site to target/book, fails on dead links and empty includes"
    )]
    Book(BookArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ChapterArg {
    /// The chapter's name, as `leaks list` shows it
    pub(crate) chapter: String,
}

#[derive(Debug, Args)]
pub(crate) struct IncidentArgs {
    /// Half the size: the same relations in less time and memory
    #[arg(long)]
    pub(crate) short: bool,
    /// The folder for the page, its plots and the report [default: target/leaks/incident]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// What to ask for; may be given again, then they are asked for in turn
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080/apex/customer-0042.example"
    )]
    pub(crate) url: Vec<String>,
    /// Requests that begin each second; without it each client asks again when it is answered
    #[arg(long, value_name = "PER_SECOND", value_parser = plan::rate)]
    pub(crate) rate: Option<f64>,
    /// Clients, each with one request on its way [default: 8, or 256 with --rate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) at_once: Option<u16>,
    /// How long requests begin: 500ms, 10s, 2m; an hour at most
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = plan::duration)]
    pub(crate) r#for: Duration,
    /// Load, pause and load again, each load with figures of its own: 10s/5s/10s; an hour at most
    #[arg(long, value_name = "LOAD/PAUSE/LOAD", conflicts_with = "for")]
    pub(crate) pattern: Option<Pattern>,
    /// End early after so many requests, in all loads together
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) count: u64,
    /// How long a request may take; after that it has failed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = plan::duration)]
    pub(crate) within: Duration,
    /// Load a machine that isn't this one
    #[arg(long)]
    pub(crate) force: bool,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true).args(["pid", "url"]))]
pub(crate) struct TriageArgs {
    /// A process of this machine, by its number
    #[arg(long, value_name = "N")]
    pub(crate) pid: Option<u32>,
    /// A service's debug port, as detectors::debug and `leaks serve` open it
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// How long to look: the slower the growth, the longer it takes to tell it from noise
    #[arg(long = "for", value_name = "TIME", default_value = "15s", value_parser = time)]
    pub(crate) time: Duration,
    /// End with status 1 unless it is this verdict
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    pub(crate) expect: Option<Verdict>,
    /// Have the kernel take memory from the process at the end, to see what goes; says what that costs, and asks first
    #[arg(long, conflicts_with = "url")]
    pub(crate) squeeze: bool,
    /// Agree to --squeeze without being asked
    #[arg(long, requires = "squeeze")]
    pub(crate) yes: bool,
    /// A file with the token that the debug port wants
    #[arg(long, value_name = "FILE", conflicts_with = "pid")]
    pub(crate) token_file: Option<PathBuf>,
    /// An environment variable with that token
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["pid", "token_file"]
    )]
    pub(crate) token_variable: Option<String>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person
    Text,
    /// One JSON document on standard output
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The chapter's name, as `leaks list` shows it
    pub(crate) chapter: String,
    /// Run the fixed variant
    #[arg(long)]
    pub(crate) fixed: bool,
    /// The folder for profile, flame graph, timeline and report [default: target/leaks/CHAPTER, and /fixed in it]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The chapter's name, as `leaks list` shows it
    pub(crate) chapter: String,
    /// The folder for profile, flame graph, timeline and report [default: target/leaks/CHAPTER/exercise]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The chapter's name; all chapters without one
    pub(crate) chapter: Option<String>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct MeasureArgs {
    pub(crate) chapter: String,
    pub(crate) into: PathBuf,
    #[arg(long)]
    pub(crate) fixed: bool,
}

/// Which profile, and which of its values.
#[derive(Debug, Args)]
pub(crate) struct Select {
    /// A profile in pprof's format, gzipped or plain
    pub(crate) file: PathBuf,
    /// Show only what is more or less than in this profile
    #[arg(long, value_name = "FILE")]
    pub(crate) base: Option<PathBuf>,
    /// Which values: inuse_space, inuse_objects, alloc_space, alloc_objects [default: the profile's own choice]
    #[arg(long, value_name = "TYPE")]
    pub(crate) sample_type: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    /// At most this many functions
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ListSourceArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    /// A regular expression for the functions' names
    pub(crate) regex: String,
    /// Look for source files below this folder too; may be given again
    #[arg(long, value_name = "DIR")]
    pub(crate) source_root: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The later profile
    pub(crate) file: PathBuf,
    /// The earlier profile
    #[arg(long, value_name = "FILE")]
    pub(crate) base: PathBuf,
    /// Which values: inuse_space, inuse_objects, alloc_space, alloc_objects [default: the profile's own choice]
    #[arg(long, value_name = "TYPE")]
    pub(crate) sample_type: Option<String>,
    /// At most this many functions
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Keep the difference as a profile in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct FlamegraphArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    /// The picture's file; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "flamegraph.svg")]
    pub(crate) out: PathBuf,
    /// The picture's heading
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Markup to put into a page, which takes the page's colours, instead of a file of its own
    #[arg(long)]
    pub(crate) inline: bool,
}

/// `15s`, `2m`, or seconds without a letter.
fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    match number.parse::<u64>() {
        Ok(number) if (1..=86_400 / unit).contains(&number) => {
            Ok(Duration::from_secs(number * unit))
        }
        _ => Err("a time is given as 15s or 2m, and is between a second and a day".to_owned()),
    }
}

fn verdict(text: &str) -> Result<Verdict, String> {
    let all = [
        Verdict::Steady,
        Verdict::WarmingUp,
        Verdict::Leak,
        Verdict::Pressure,
        Verdict::Retention,
        Verdict::Inconclusive,
    ];
    all.into_iter()
        .find(|verdict| verdict.word() == text)
        .ok_or_else(|| format!("the verdicts are {}", all.map(Verdict::word).join(", ")))
}
