//! A check beside the loop that shows it. A newer one ends it.

use super::super::check::checked::{Outcome, checked};
use super::super::check::{record_pass, write_artefacts};
use super::super::child::Stop;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};
use workbook::problem::{Problem, Result};
use workbook::workspace::{Chapter, Workspace};

/// What a check tells while it goes on.
pub(super) enum News {
    /// What is done now.
    Stage(String),
    /// How it came out, and how long it took.
    Done(Result<Arc<Outcome>>, Duration),
    /// It is done, and its files could not be written.
    NotWritten(Problem),
}

/// One check.
pub(super) struct Work<'scope> {
    stop: Stop,
    news: Receiver<News>,
    thread: ScopedJoinHandle<'scope, ()>,
    is_done: bool,
}

impl<'scope> Work<'scope> {
    /// Begins a check when the one before it has ended, which it is asked to.
    pub(super) fn begin<'env>(
        scope: &'scope Scope<'scope, 'env>,
        workspace: &'env Workspace,
        chapter: &'env Chapter,
        before: Option<Work<'scope>>,
    ) -> Self {
        let (tell, news) = channel();
        let stop = Stop::new();
        let under = stop.clone();
        let saved = Instant::now();
        if let Some(before) = &before {
            before.stop.ask();
        }
        let thread = scope.spawn(move || {
            if let Some(before) = before {
                // Its own panic was told by itself.
                let _ = before.thread.join();
            }
            work(workspace, chapter, &under, &tell, saved);
        });
        Work {
            stop,
            news,
            thread,
            is_done: false,
        }
    }

    /// What it has told since it was last asked, one by one.
    pub(super) fn news(&mut self) -> Option<News> {
        match self.news.try_recv() {
            Ok(News::Done(outcome, took)) => {
                self.is_done = true;
                Some(News::Done(outcome, took))
            }
            Ok(news) => Some(news),
            Err(TryRecvError::Disconnected) if !self.is_done => {
                self.is_done = true;
                let problem = Problem::new("the check ended without an answer");
                Some(News::Done(Err(problem), Duration::ZERO))
            }
            Err(_) => None,
        }
    }

    /// Ends it, with all that it runs.
    pub(super) fn end(self) {
        self.stop.ask();
    }
}

/// The answer comes first, the files after it.
fn work(
    workspace: &Workspace,
    chapter: &Chapter,
    stop: &Stop,
    tell: &Sender<News>,
    saved: Instant,
) {
    // Where nobody listens any more, nobody needs to know.
    let tell = |news| drop(tell.send(news));
    let stage = &mut |stage: &str| tell(News::Stage(stage.to_owned()));
    let outcome = checked(workspace, chapter, stop, stage).and_then(|outcome| {
        if outcome.passed() {
            record_pass(workspace, chapter)?;
        }
        Ok(Arc::new(outcome))
    });
    let measured = outcome.as_ref().ok().cloned();
    tell(News::Done(outcome, saved.elapsed()));
    if let Some(Outcome::Measured(measured)) = measured.as_deref()
        && let Err(problem) = write_artefacts(workspace, chapter, None, &measured.evidence)
    {
        tell(News::NotWritten(problem));
    }
}
