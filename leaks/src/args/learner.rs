//! The learner's commands.

use crate::learner::check::CheckArgs;
use crate::learner::drill::{AnswerArgs, DrillArgs};
use crate::learner::exercise::ChapterArg;
use crate::learner::measure::MeasureArgs;
use crate::learner::progress::ProgressArgs;
use crate::learner::run::RunArgs;
use crate::learner::verify::VerifyArgs;
use crate::learner::watch::WatchArgs;
use crate::learner::wild::WildArgs;
use clap::Subcommand;
use workbook::BookArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Learner {
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
    /// Use it after every change to the chapter's src/exercise.rs. It answers in five lines; --whole shows the report below. Status 0 when it passes, 1 when it doesn't,
    /// 2 when it doesn't compile.
    #[command(
        after_help = "Examples:\n  leaks check retained-subslices\n  leaks check                            in the chapter's folder\n  leaks check retained-subslices --whole\n  leaks check --all                      which exercises pass already?"
    )]
    Check(CheckArgs),

    /// Check your exercise again on every save, with hints, the report and the next chapter a key away
    ///
    /// Use it beside your editor while you do the exercises: it shows what the exercise does, the verdict, what grew, where, and what is
    /// next, and goes on to the next chapter when you want it. Without a name it takes the chapter whose folder you stand in, else the
    /// first that isn't passed. Without a terminal, as in a pipe, it prints the same lines after each save. q or Ctrl-C ends it.
    #[command(
        after_help = "Examples:\n  leaks watch\n  leaks watch global-caches\n  leaks watch | tee log       a plain loop, without keys"
    )]
    Watch(WatchArgs),

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

    /// Show which exercises are passed, hand it in, or carry it to another machine
    ///
    /// Use it to see how far you are, and before you change machines: an update of the workbook keeps your progress anyway.
    #[command(
        after_help = "Examples:\n  leaks progress\n  leaks progress --format md > progress.md\n  leaks progress --export progress.json\n  leaks progress --import progress.json"
    )]
    Progress(ProgressArgs),

    /// Prove that exercises fail as shipped and that their solutions pass
    ///
    /// Use it when you write or change a chapter. Without a name it proves all of them.
    #[command(after_help = "Example: leaks verify retained-subslices")]
    Verify(VerifyArgs),

    /// Run real bugs, by the real crates at the affected versions
    ///
    /// Use it to see what the watch says of code that nobody here wrote. Each case is a public report with a twin that is mended;
    /// without a name it lists them, with what was recorded. Crates come from the registry and are built when they are first
    /// run. Status 1 when a twin is accused, or a leak missed that isn't recorded as missed.
    #[command(
        after_help = "Examples:\n  leaks wild\n  leaks wild lru-clear\n  leaks wild --quick\n  leaks wild --all --compare    with dhat, LeakSanitizer and Valgrind on the same programs"
    )]
    Wild(WildArgs),

    /// Find a fault that nobody names, in a service that runs under load
    ///
    /// Use it to see whether the skill has arrived. The service has one of some two dozen faults, or looks as if: neither its name, nor its
    /// arguments, nor its stacks tell which. You have its debug port, triage, Go's pprof and its source; triage and the port withhold class,
    /// holder and line until `leaks answer` has the answer. The service runs on then, until Ctrl-C. The same seed is the same drill on every machine.
    #[command(
        after_help = "Examples:\n  leaks drill\n  leaks drill --seed 7 --level 2\n  leaks drill --post-mortem             only what a killed service left\n  leaks drill --explain                 the short path, step by step\n  leaks drill --lead --seed 7           for whoever leads a round: the answer sheet"
    )]
    Drill(DrillArgs),

    /// Answer the drill that runs: class, place, holder, and the evidence
    ///
    /// Use it from another terminal. The evidence is checked: it has to be a profile, or the report of a triage, of the very service that
    /// runs; a heap profile has to have the site in it. Status 0 when the answer is right, 1 when it isn't, 2 when the evidence is none.
    #[command(
        after_help = "Examples:\n  leaks answer --class global-caches --site Sessions::enter --holder by_client --evidence came.pb.gz\n  leaks answer --class orphaned-tasks --site watchers.rs:91 --evidence tasks.pb.gz\n  leaks answer no-leak pressure --evidence report.json"
    )]
    Answer(AnswerArgs),

    /// Build the book and serve it on this machine
    ///
    /// Use it to read, or to write: the open page follows every change. Only this machine can reach it.
    #[command(
        after_help = "Examples:\n  leaks book --open\n  leaks book --build-only    writes the site to target/book, fails on dead links and empty includes\n  leaks book --pdf workbook.pdf"
    )]
    #[command(display_order = 200)]
    Book(BookArgs),

    /// Measures in this process; `run` starts it
    #[command(hide = true)]
    Measure(MeasureArgs),
}
