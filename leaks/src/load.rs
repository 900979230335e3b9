//! `leaks load`: load against a service, and what it answered.
//!
//! [`run`] is the engine: it takes a [`Plan`] and returns a [`Report`], and prints nothing. Either loop is bounded in time and in
//! requests, and what it holds doesn't grow with how long it runs.

mod engine;
pub(crate) mod plan;
mod report;
mod tally;
mod targets;

pub(crate) use engine::{Progress, Stage, run};
pub(crate) use plan::{Pace, Pattern, Plan};
pub(crate) use report::Report;
pub(crate) use targets::Targets;

use crate::Ending;
use crate::args::{Format, LoadArgs};
use crate::problem::{Problem, Result};
use crate::progress::Line;
use crate::say;
use std::io::Write;

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
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => report.print(out)?,
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
    let plan = Plan {
        targets: Targets::resolve(&args.url, args.force).await?,
        pace,
        at_once: args.at_once.unwrap_or(match pace {
            Pace::Closed => AT_ONCE_CLOSED,
            Pace::Open(_) => AT_ONCE_OPEN,
        }),
        pattern: args.pattern.clone().unwrap_or(Pattern::once(args.r#for)),
        count_max: args.count,
        within: args.within,
    };
    let asked_to_end = domain_service::serve::asked_to_end()?;
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

/// The next step where nobody is there to be loaded.
fn start_a_service() -> String {
    format!("Start one in another terminal: {}", say::command("serve"))
}
