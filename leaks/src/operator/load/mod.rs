//! `leaks load`: load against a service, and what it answered.

mod text;

use crate::load::{Forced, Pace, Pattern, Plan, Progress, Report, Stage, Targets, rate, run};
use crate::show::progress::Line;
use crate::show::{Format, json};
use clap::Args;
use std::io::Write;
use std::time::Duration;
use workbook::Ending;
use workbook::duration::of_an_hour_at_most;
use workbook::problem::{Problem, Result};

/// What `leaks load` takes.
#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// What to ask for; may be given again, then they are asked for in turn. Where n stands in braces, it is the
    /// request's number
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080/apex/customer-0042.example"
    )]
    pub(crate) url: Vec<String>,
    /// Requests that begin each second; without it each client asks again when it is answered
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Clients, each with one request on its way [default: 8, or 256 with --rate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) at_once: Option<u16>,
    /// How long requests begin: 500ms, 10s, 2m; an hour at most
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = of_an_hour_at_most)]
    pub(crate) r#for: Duration,
    /// Load, pause and load again, each load with figures of its own: 10s/5s/10s; an hour at most
    #[arg(long, value_name = "LOAD/PAUSE/LOAD", conflicts_with = "for")]
    pub(crate) pattern: Option<Pattern>,
    /// End early after so many requests, in all loads together
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) count: u64,
    /// How long a request may take; after that it has failed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = of_an_hour_at_most)]
    pub(crate) within: Duration,
    /// Load a machine that isn't this one
    #[arg(long)]
    pub(crate) force: bool,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Clients of an open loop, where nothing else is asked for: so many requests can be on their way at once.
const AT_ONCE_OPEN: u16 = 256;

/// Clients of a closed loop.
const AT_ONCE_CLOSED: u16 = 8;

/// Loads until the plan is done or Ctrl-C, then reports.
pub(crate) fn load(args: &LoadArgs, out: &mut dyn Write) -> Result<Ending> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new("can't start the clients").because(error))?;
    let report = runtime.block_on(loading(args))?;
    match args.format {
        Format::Json => json(&report, out)?,
        Format::Text => text::print(&report, out)?,
    }
    out.flush()?;
    if report.was_cut_short {
        // The report is out; the status tells a script that it isn't of all that was asked for.
        return Err(Problem::Interrupted);
    }
    if report.sent() == 0 {
        return Err(Problem::new("no request could be sent")
            .because("every connection failed, as the report says")
            .next("See that the service is there and takes connections, then try again."));
    }
    Ok(Ending::AsWanted)
}

async fn loading(args: &LoadArgs) -> Result<Report> {
    let pace = args.rate.map_or(Pace::Closed, Pace::Open);
    let forced = Forced {
        is_given: args.force,
        option: "--force",
    };
    let plan = Plan {
        targets: Targets::resolve(&args.url, forced).await?,
        pace,
        at_once: args.at_once.unwrap_or(match pace {
            Pace::Closed => AT_ONCE_CLOSED,
            Pace::Open(_) => AT_ONCE_OPEN,
        }),
        pattern: args.pattern.clone().unwrap_or(Pattern::once(args.r#for)),
        count_max: args.count,
        within: args.within,
    };
    let asked_to_end = workbook::signals::asked_to_end()?;
    let mut line = Line::new();
    run(
        &plan,
        |progress| line.draw(&stage(&progress), &details(&progress)),
        asked_to_end,
    )
    .await
}

fn stage(progress: &Progress) -> String {
    let Progress { stage, of, .. } = progress;
    match stage {
        Stage::Load(number) => format!("load {number} of {of}"),
        Stage::PauseAfter(after) => format!("pause after load {after} of {of}"),
    }
}

fn details(progress: &Progress) -> String {
    let Progress {
        elapsed,
        asked_for,
        answered,
        failed,
        ..
    } = progress;
    let failed = match failed {
        0 => String::new(),
        failed => format!(" · {failed} failed"),
    };
    format!(
        "{:.0} of {:.0} s · {answered} answers{failed}",
        elapsed.as_secs_f64(),
        asked_for.as_secs_f64()
    )
}
