//! Awaits whose waits are recorded.

use super::table;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// The same future, whose wait is recorded: from its first poll to its end, by the line that awaits it. A future that is ready
/// at its first poll has waited for nothing. One that is given up, as by a timeout, has waited until then.
///
/// For what waits for another part of the program: tokio's locks, semaphores and channels. A wait for a client or a disk is no
/// contention.
///
/// ```
/// use detectors::contention::waiting;
/// use tokio::sync::Semaphore;
///
/// # async fn answer(places: &Semaphore) -> Result<(), tokio::sync::AcquireError> {
/// let _place = waiting(places.acquire()).await?;
/// # Ok(())
/// # }
/// ```
pub fn waiting<F: Future>(future: F) -> Waiting<F> {
    Waiting { future, wait: None }
}

pin_project! {
    /// See [`waiting`].
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Waiting<F> {
        #[pin]
        future: F,
        wait: Option<Wait>,
    }
}

impl<F: Future> Future for Waiting<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(context);
        match polled {
            Poll::Ready(_) => *this.wait = None,
            Poll::Pending if this.wait.is_none() => *this.wait = Some(Wait::begin()),
            Poll::Pending => {}
        }
        polled
    }
}

/// A wait. It ends with this value.
///
/// The stack is taken where it begins: only there is it sure to be that of whoever awaits.
#[derive(Debug)]
struct Wait {
    site: usize,
    began: Instant,
}

impl Wait {
    #[cold]
    #[inline(never)]
    fn begin() -> Self {
        Wait {
            site: table::site_here(),
            began: Instant::now(),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        table::waited_at(self.site, self.began.elapsed());
    }
}
