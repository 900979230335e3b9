//! Load that a look puts on the service by itself: what grows with each request then grows faster.
//!
//! It begins some seconds before the look, so that what the first requests warm up isn't taken for growth. It ends with the look, at
//! Ctrl-C, and where memory runs short.

use super::options::LoadOnIt;
use crate::load::{Failed, Forced, Pace, Pattern, Plan, Report, Requests, Targets, run};
use crate::show::scale;
use detectors::triage::{Headroom, TriageEvidence, TriageProgress};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use workbook::problem::{Problem, Result};
use workbook::say::{self, BOLD};

/// How long it runs before the look begins.
pub(super) const BEFORE: Duration = Duration::from_secs(5);

/// It ends by itself after the longest look, whatever becomes of this process' other threads.
const LONGEST: Duration = Duration::from_hours(25);

/// Requests that may be on their way at once.
const AT_ONCE: u16 = 256;

/// A request that has no whole answer within this time has failed.
const WITHIN: Duration = Duration::from_secs(10);

/// It ends where a smaller share of the limit is left.
const LEAST_HEADROOM: f64 = 0.1;

/// A load that runs.
pub(super) struct Loading {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<Report>>>,
    counted: Arc<Counted>,
    urls: Vec<String>,
    /// Whether another machine may be loaded: then this one's memory tells nothing.
    is_forced: bool,
    stopped_because: Option<String>,
}

#[derive(Debug, Default)]
struct Counted {
    answered: AtomicU64,
    failed: AtomicU64,
}

/// What the load of a look did.
#[derive(Debug, Serialize)]
pub(super) struct OwnLoad {
    urls: Vec<String>,
    /// Requests that were due each second.
    rate: f64,
    lasted_seconds: f64,
    answered_per_second: f64,
    #[serde(rename = "200")]
    ok: Requests,
    #[serde(rename = "503")]
    overloaded: Requests,
    other_statuses: BTreeMap<u16, u64>,
    failed: Vec<Failed>,
    /// Due, and no client was free until the end.
    unsent: u64,
    /// Why it ended before the look was done.
    stopped_because: Option<String>,
}

impl Loading {
    /// Starts it, if one was asked for. Fails before the look begins where nobody takes a connection, or where it would reach another
    /// machine unasked.
    pub(super) fn start(args: &LoadOnIt) -> Result<Option<Self>> {
        let Some(rate) = args.rate else {
            return Ok(None);
        };
        let failed = |error: std::io::Error| Problem::new("can't start the load").because(error);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(failed)?;
        let plan = runtime.block_on(plan(args, rate))?;
        let (end, ended) = oneshot::channel();
        let counted = Arc::new(Counted::default());
        let counts = Arc::clone(&counted);
        let loads = move || loading(&runtime, &plan, &counts, ended);
        let thread = std::thread::Builder::new().name("load".to_owned());
        Ok(Some(Loading {
            end: Some(end),
            thread: Some(thread.spawn(loads).map_err(failed)?),
            counted,
            urls: args.urls.clone(),
            is_forced: args.is_forced,
            stopped_because: None,
        }))
    }

    /// `1234 answers`, for the line of progress.
    pub(super) fn so_far(&self) -> String {
        let (answered, failed) = (
            self.counted.answered.load(Relaxed),
            self.counted.failed.load(Relaxed),
        );
        match failed {
            0 => format!("{answered} answers"),
            failed => format!("{answered} answers, {failed} failed"),
        }
    }

    /// Whether it has to end, since less than a tenth of a limit is left.
    pub(super) fn is_too_much(&mut self, progress: &TriageProgress) -> bool {
        let here = Headroom::of_this_machine().filter(|_| !self.is_forced);
        let tightest = match (progress.headroom, here) {
            (Some(of_subject), here) => Some(of_subject.or_tighter(here)),
            (None, here) => here,
        };
        let Some(short) = tightest.filter(|left| left.share() < LEAST_HEADROOM) else {
            return false;
        };
        self.stopped_because = Some(format!(
            "{} of {} were left, less than a tenth",
            scale::bytes(short.left as f64),
            scale::bytes(short.limit as f64)
        ));
        self.stop();
        true
    }

    fn stop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(()); // it has ended by itself
        }
    }

    /// Ends it, and says what it did.
    pub(super) fn end(mut self) -> Result<OwnLoad> {
        self.stop();
        let thread = self.thread.take().map(JoinHandle::join);
        let broke_off = |why: &str| Problem::new("the load broke off").because(why);
        let report = match thread {
            Some(Ok(report)) => report?,
            _ => return Err(broke_off("its thread panicked")),
        };
        let load = report.loads.into_iter().next();
        let load = load.ok_or_else(|| broke_off("it didn't begin"))?;
        Ok(OwnLoad {
            urls: std::mem::take(&mut self.urls),
            rate: report.rate.unwrap_or_default(),
            lasted_seconds: load.lasted_seconds,
            answered_per_second: load.answered_per_second,
            ok: load.ok,
            overloaded: load.overloaded,
            other_statuses: load.other_statuses,
            failed: load.failed,
            unsent: load.unsent.requests,
            stopped_because: self.stopped_because.take(),
        })
    }
}

/// It ends with the look, however that ends.
impl Drop for Loading {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // the look's own problem is told
        }
    }
}

async fn plan(args: &LoadOnIt, rate: f64) -> Result<Plan> {
    let forced = Forced {
        is_given: args.is_forced,
        option: "--load-force",
    };
    let targets = Targets::resolve(&args.urls, forced).await?;
    targets.are_there().await?;
    Ok(Plan {
        targets,
        pace: Pace::Open(rate),
        at_once: AT_ONCE,
        pattern: Pattern::once(LONGEST),
        count_max: u64::MAX,
        within: WITHIN,
    })
}

fn loading(
    runtime: &Runtime,
    plan: &Plan,
    counted: &Counted,
    ended: oneshot::Receiver<()>,
) -> Result<Report> {
    let tell = |progress: crate::load::Progress| {
        counted.answered.store(progress.answered, Relaxed);
        counted.failed.store(progress.failed, Relaxed);
    };
    runtime.block_on(run(plan, tell, async {
        let _ = ended.await; // whoever would end it has gone
    }))
}

impl OwnLoad {
    fn failed(&self) -> u64 {
        self.failed.iter().map(|failed| failed.requests).sum()
    }

    /// Has the evidence tell growth for each request, and what this load leaves open.
    pub(super) fn tell(&self, evidence: &mut TriageEvidence) {
        evidence.count_requests(self.answered_per_second);
        if let Some(why) = &self.stopped_because {
            evidence.caveats.push(format!(
                "The load and the look were ended after {:.0} s, since {why}: what is said is of the time until then.",
                self.lasted_seconds
            ));
        }
        let others: u64 = self.other_statuses.values().sum();
        if self.ok.requests < self.overloaded.requests + others + self.failed() {
            evidence.caveats.push(
                "Most of the load's requests had no answer with status 200: what grows with those that have one was hardly driven."
                    .to_owned(),
            );
        }
    }

    /// Whose the load was, and what became of it.
    pub(super) fn print(&self, out: &mut dyn Write) -> Result<()> {
        let mut parts = vec![format!("{} with 200", self.ok.requests)];
        if self.overloaded.requests > 0 {
            parts.push(format!("{} with 503", self.overloaded.requests));
        }
        let others = self.other_statuses.iter();
        parts.extend(others.map(|(status, requests)| format!("{requests} with {status}")));
        parts.push(format!("{} failed", self.failed()));
        if self.unsent > 0 {
            parts.push(format!("{} due and never sent", self.unsent));
        }
        let what = format!(
            "This look put {} requests a second on {}, for {:.1} s: {}. Growth a request is by its {:.1} answers a second alone.",
            self.rate,
            self.urls.join(", "),
            self.lasted_seconds,
            parts.join(", "),
            self.answered_per_second
        );
        writeln!(out, "\n{BOLD}Load{BOLD:#}")?;
        write!(out, "{}", say::wrapped(&what, "  ", say::width()))?;
        for failed in &self.failed {
            let Failed {
                reason,
                requests,
                example,
            } = failed;
            writeln!(out, "  failed, {reason}: {requests} ({example})")?;
        }
        Ok(())
    }
}
