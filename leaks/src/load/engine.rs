//! Runs a plan: so many clients, each taking the next request that is due.

use super::plan::{Pace, Plan};
use super::report::{Load, Report};
use super::tally::{Answer, Failure, Tally};
use super::targets::Targets;
use reqwest::{Client, Url, header};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until};
use workbook::problem::Result;

/// How often progress is told.
const TICK: Duration = Duration::from_millis(250);

/// After a connection that failed: a service that is gone is not worth a busy processor.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(20);

/// How far a plan has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) stage: Stage,
    /// Loads of the whole pattern.
    pub(crate) of: usize,
    /// Since the stage began, and how long it is to be.
    pub(crate) elapsed: Duration,
    pub(crate) asked_for: Duration,
    /// In this load, or in the one before this pause.
    pub(crate) answered: u64,
    pub(crate) failed: u64,
}

/// Loads are numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Load(usize),
    PauseAfter(usize),
}

/// Runs the plan to its end, or until `ended` is ready: then what is on its way is cut off, and counted as that.
///
/// A load's last requests get their time to be answered, so a load may last longer than it was to by `plan.within`. `on_progress`
/// hears of each stage as it begins, and four times a second.
pub(crate) async fn run(
    plan: &Plan,
    mut on_progress: impl FnMut(Progress),
    ended: impl Future<Output = ()>,
) -> Result<Report> {
    plan.targets.are_there().await?;
    let client = plan.targets.client(plan.at_once, plan.within)?;
    let mut ended = pin!(ended);
    let mut report = Report::new(plan);
    let of = plan.pattern.loads().len();
    for (number, (load, pause)) in (1..).zip(plan.pattern.loads()) {
        let schedule = Arc::new(Schedule::new(plan, load, report.begins_left()));
        let mut clients = JoinSet::new();
        for _ in 0..plan.at_once {
            clients.spawn(ask_while_due(Arc::clone(&schedule), client.clone()));
        }
        let all = async { while clients.join_next().await.is_some() {} };
        let is_done = telling(all, ended.as_mut(), |elapsed| {
            let counted = schedule.counted();
            on_progress(Progress {
                stage: Stage::Load(number),
                of,
                elapsed,
                asked_for: load,
                answered: counted.tally.answered(),
                failed: counted.tally.failed(),
            });
        })
        .await;
        // What is still on its way counts itself as unanswered when it is dropped.
        clients.shutdown().await;
        let lasted = schedule.begin.elapsed();
        let Counted { begun, tally } = schedule.close();
        let (answered, failed) = (tally.answered(), tally.failed());
        report.add(Load::new(load, lasted, &tally), begun);
        report.was_cut_short = !is_done;
        if report.was_cut_short || report.begins_left() == 0 {
            break;
        }
        let Some(pause) = pause else { break };
        let is_done = telling(sleep(pause), ended.as_mut(), |elapsed| {
            on_progress(Progress {
                stage: Stage::PauseAfter(number),
                of,
                elapsed,
                asked_for: pause,
                answered,
                failed,
            });
        })
        .await;
        report.was_cut_short = !is_done;
        if report.was_cut_short {
            break;
        }
    }
    Ok(report)
}

/// Waits for the work, and tells from time to time how long it has taken. Returns whether it came to its end.
async fn telling(
    work: impl Future<Output = ()>,
    mut ended: Pin<&mut impl Future<Output = ()>>,
    mut tell: impl FnMut(Duration),
) -> bool {
    let begin = Instant::now();
    let mut work = pin!(work);
    let mut tick = interval(TICK);
    loop {
        tokio::select! {
            biased;
            () = &mut ended => return false,
            () = &mut work => return true,
            _ = tick.tick() => tell(begin.elapsed()),
        }
    }
}

/// When a load's requests are due, and what became of them.
struct Schedule {
    targets: Targets,
    pace: Pace,
    begin: Instant,
    end: Instant,
    begins_max: u64,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    /// Requests that a client has taken.
    begun: u64,
    tally: Tally,
}

impl Schedule {
    fn new(plan: &Plan, load: Duration, begins_max: u64) -> Self {
        let begin = Instant::now();
        Schedule {
            targets: plan.targets.clone(),
            pace: plan.pace,
            begin,
            end: begin + load,
            begins_max,
            counted: Mutex::default(),
        }
    }

    /// The next request, and when it is due: in the past, where no client was free for it in time. `None` when the load is over.
    fn next(&self) -> Option<(Url, Instant)> {
        let now = Instant::now();
        let mut counted = self.counted();
        let due = self.due(counted.begun, now);
        if now >= self.end || due >= self.end || counted.begun >= self.begins_max {
            return None;
        }
        let url = self.targets.url(counted.begun);
        counted.begun += 1;
        Some((url, due))
    }

    fn due(&self, number: u64, now: Instant) -> Instant {
        match self.pace {
            Pace::Closed => now,
            Pace::Open(rate) => self.begin + Duration::from_secs_f64(number as f64 / rate),
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        // A client that panicked has lost its own request, nothing else.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of the load's requests. Those that were due and had no free client count too, with how long they waited.
    fn close(&self) -> Counted {
        let now = Instant::now();
        let mut counted = std::mem::take(&mut *self.counted());
        if self.pace != Pace::Closed {
            let stopped = now.min(self.end);
            let unsent = (counted.begun..self.begins_max).map(|number| self.due(number, now));
            for due in unsent.take_while(|due| *due < stopped) {
                counted.tally.unsent.record(stopped - due);
            }
        }
        counted
    }
}

/// One client: asks, one request after the other, until the load is over.
async fn ask_while_due(schedule: Arc<Schedule>, client: Client) {
    while let Some((url, due)) = schedule.next() {
        sleep_until(due).await;
        let asked = Asked {
            schedule: &schedule,
            due,
            is_counted: false,
        };
        let answer = answer(&client, url).await;
        let is_connected = !answer.as_ref().is_err_and(reqwest::Error::is_connect);
        asked.count(answer);
        if !is_connected {
            sleep(PAUSE_AFTER_FAILURE).await;
        }
    }
}

/// The body is read to its end and not kept.
async fn answer(client: &Client, url: Url) -> reqwest::Result<Answer> {
    let mut answer = client.get(url).send().await?;
    let mut body_bytes = 0;
    while let Some(chunk) = answer.chunk().await? {
        body_bytes += chunk.len() as u64;
    }
    Ok(Answer {
        status: answer.status().as_u16(),
        says_when: answer.headers().contains_key(header::RETRY_AFTER),
        body_bytes,
    })
}

/// A request on its way. It is counted once, whatever becomes of it.
struct Asked<'s> {
    schedule: &'s Schedule,
    due: Instant,
    is_counted: bool,
}

impl Asked<'_> {
    fn count(mut self, answer: reqwest::Result<Answer>) {
        let latency = self.due.elapsed();
        let tally = &mut self.schedule.counted().tally;
        match answer {
            Ok(answer) => tally.answer(&answer, latency),
            Err(error) => tally.failure(Failure::of(&error), &error),
        }
        self.is_counted = true;
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_counted {
            let waited = self.due.elapsed();
            self.schedule.counted().tally.unanswered.record(waited);
        }
    }
}
