//! What would hold a thread of the service's runtime: figures that the kernel adds up page by page, and names that are looked up
//! in the program's debug information. Either may take some hundred milliseconds, in which no request would be answered.
//!
//! Two threads do it, one thing after the other. An allocator such as glibc's keeps what each thread has used, so whoever asks again and
//! again would see the service's memory climb by its own questions, if each were answered by another thread.

use super::answers::Refusal;
use crate::readings::kernel;
use axum::http::StatusCode;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;

/// A thread that waits for work, and its queue.
pub(super) struct Desk {
    name: &'static str,
    queue: Mutex<Option<Sender<Work>>>,
}

type Work = Box<dyn FnOnce() + Send>;

/// Figures: quick, and small.
pub(super) static FIGURES: Desk = Desk::new("debug-figures");

/// Profiles, with their names: each needs some megabytes while it is made.
pub(super) static PROFILES: Desk = Desk::new("debug-profiles");

impl Desk {
    const fn new(name: &'static str) -> Self {
        Desk {
            name,
            queue: Mutex::new(None),
        }
    }

    /// Does the work in its turn. Who stops waiting for it leaves it to be done all the same.
    pub(super) async fn does<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (tell, told) = oneshot::channel();
        let failed = |error: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error);
        let work: Work = Box::new(move || {
            let done = catch_unwind(AssertUnwindSafe(work));
            let panicked = |_| Err(failed("it panicked; the service's log says why".to_owned()));
            // Fails when nobody waits any more.
            let _ = tell.send(done.unwrap_or_else(panicked));
        });
        self.queue(work).map_err(|error| {
            let text = format!("the system refused the thread {}: {error}", self.name);
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text)
        })?;
        let ended = |_| {
            let text = format!("the thread {} has ended", self.name);
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, text))
        };
        told.await.unwrap_or_else(ended)
    }

    /// The thread begins with the first work.
    fn queue(&self, work: Work) -> io::Result<()> {
        let mut queue = self
            .queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let sender = if let Some(sender) = &*queue {
            sender
        } else {
            let (sender, works) = channel::<Work>();
            let does_all = move || works.into_iter().for_each(|work| work());
            kernel::start_own(self.name, does_all)?;
            queue.insert(sender)
        };
        // The thread outlives every sender, and no work ends it: each panic is caught.
        let _ = sender.send(work);
        Ok(())
    }
}
