//! Three more ways to leave a task or a thread behind, each beside its mended twin.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Hosts that never answer: what a prober meets every day.
async fn probe(_host: usize) -> bool {
    std::future::pending().await
}

// ANCHOR: timeout
/// Gives up waiting for a host. The timeout ends the *waiting*: what it drops is a handle, and the task goes on.
pub async fn give_up_waiting(host: usize) -> bool {
    let probing = tokio::spawn(probe(host));
    let patience = Duration::from_millis(1);
    matches!(tokio::time::timeout(patience, probing).await, Ok(Ok(true)))
}

/// Gives up the probe. Without a task of its own the future is dropped with the timeout, and that ends it.
pub async fn give_up_probing(host: usize) -> bool {
    let patience = Duration::from_millis(1);
    matches!(tokio::time::timeout(patience, probe(host)).await, Ok(true))
}

/// Needs a task of its own, to run beside others: the set aborts it.
pub async fn give_up_and_abort(host: usize) -> bool {
    let mut probing = JoinSet::new();
    probing.spawn(probe(host));
    let patience = Duration::from_millis(1);
    let answered = tokio::time::timeout(patience, probing.join_next()).await;
    matches!(answered, Ok(Some(Ok(true))))
}
// ANCHOR_END: timeout

// ANCHOR: interval
/// Reports a customer's figures each second, for as long as the process lives.
pub fn report_for_ever() {
    tokio::spawn(async {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
        }
    });
}

/// Reports until the customer goes: the token is cancelled when its guard is dropped, on whatever way that happens.
#[derive(Debug)]
pub struct Reports {
    stop: DropGuard,
    tasks: TaskTracker,
}

impl Reports {
    /// Begins to report.
    pub fn begin() -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let stopped = stop.clone();
        tasks.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1));
            while stopped.run_until_cancelled(ticks.tick()).await.is_some() {}
        });
        let stop = stop.drop_guard();
        Reports { stop, tasks }
    }

    /// Ends the reports, and returns when the last one is out.
    pub async fn end(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}
// ANCHOR_END: interval

// ANCHOR: blocking
/// A lock file that somebody else holds: a thread can only wait for it.
#[derive(Debug, Default)]
pub struct Lock {
    free: Mutex<bool>,
    freed: Condvar,
}

impl Lock {
    fn wait(&self) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let _free = self.freed.wait_while(free, |free| !*free);
    }

    /// Waits so long, and no longer. Returns whether the lock is free.
    fn wait_at_most(&self, patience: Duration) -> bool {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(free, patience, |free| !*free);
        waited.is_ok_and(|(free, _)| *free)
    }

    /// Lets everybody go on.
    pub fn release(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.freed.notify_all();
    }
}

/// Waits on a thread of the blocking pool. Nobody can abort it: neither dropping the handle nor a timeout ends a thread.
pub async fn wait_for_ever(lock: &Arc<Lock>) {
    let lock = Arc::clone(lock);
    let waiting = tokio::task::spawn_blocking(move || lock.wait());
    let patience = Duration::from_millis(1);
    // Given up, and still there.
    let _ = tokio::time::timeout(patience, waiting).await;
}

/// Waits with an end that the thread itself knows.
pub async fn wait_for_a_while(lock: &Arc<Lock>) -> bool {
    let lock = Arc::clone(lock);
    let patience = Duration::from_millis(1);
    let waiting = tokio::task::spawn_blocking(move || lock.wait_at_most(patience));
    waiting.await.unwrap_or(false)
}
// ANCHOR_END: blocking
