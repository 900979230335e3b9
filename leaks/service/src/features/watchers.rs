//! Who waits for a change of an apex, and who is told of all of them.

use super::rollout::Rollout;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

/// How often a client that waits is told that it is waited with.
const BEAT: Duration = Duration::from_secs(1);

/// What became of an apex.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) apex: String,
    pub(super) what: String,
}

/// A client that waits.
#[derive(Debug)]
struct Visit {
    is_over: AtomicBool,
    beats: AtomicU64,
    heard: Mutex<String>,
}

/// Ends a task when whoever wanted it goes.
#[derive(Debug)]
struct Ends(JoinHandle<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// For the page that operators look at.
#[derive(Debug)]
enum Tap {
    Last(broadcast::Sender<Change>),
    All(
        mpsc::UnboundedSender<Change>,
        Mutex<mpsc::UnboundedReceiver<Change>>,
    ),
}

#[derive(Debug)]
pub(super) struct Watchers {
    by_apex: Mutex<HashMap<String, Arc<Notify>>>,
    tap: Tap,
    rollout: Rollout,
}

impl Watchers {
    pub(super) fn new(rollout: Rollout) -> Self {
        let tap = if rollout.has(83) {
            let (tell, told) = mpsc::unbounded_channel();
            Tap::All(tell, Mutex::new(told))
        } else {
            Tap::Last(broadcast::channel(64).0)
        };
        Watchers {
            by_apex: Mutex::default(),
            tap,
            rollout,
        }
    }

    /// Waits until an apex changes, for so long at most. Returns whether it did.
    pub(super) async fn wait(&self, apex: &str, within: Duration) -> bool {
        let changed = self.of(apex);
        let (tell, told) = oneshot::channel();
        let listening = tokio::spawn(async move {
            let page = vec![b'.'; 2_048];
            changed.notified().await;
            // Whoever waited may have gone.
            let _ = tell.send(page);
        });
        let _ends = (!self.rollout.takes(64)).then(|| Ends(listening));
        let is_changed = matches!(tokio::time::timeout(within, told).await, Ok(Ok(_)));
        self.tidy(apex);
        is_changed
    }

    /// The same for a client that wants to hear every second that the service is still there.
    pub(super) async fn wait_with_beats(&self, apex: &str, within: Duration) -> u64 {
        let visit = Arc::new(Visit {
            is_over: AtomicBool::new(false),
            beats: AtomicU64::new(0),
            heard: Mutex::new(String::with_capacity(4_096)),
        });
        if self.rollout.takes(26) {
            let beating = Arc::clone(&visit);
            tokio::spawn(async move {
                while Arc::strong_count(&beating) > 0 && !beating.is_over.load(Relaxed) {
                    beating.beat().await;
                }
            });
        } else {
            let beating = Arc::downgrade(&visit);
            tokio::spawn(async move {
                while let Some(beating) = beating.upgrade() {
                    beating.beat().await;
                }
            });
        }
        self.wait(apex, within).await;
        visit.beats.load(Relaxed)
    }

    /// Tells who waits for this apex, and the tap.
    pub(super) fn tell(&self, change: Change) {
        let waiting = self.locked().remove(&change.apex);
        if let Some(waiting) = waiting {
            waiting.notify_waiters();
        }
        // Nobody may be looking.
        let _ = match &self.tap {
            Tap::Last(tap) => tap.send(change).is_ok(),
            Tap::All(tap, _) => tap.send(change).is_ok(),
        };
    }

    /// How many apexes are waited for, and what the tap has seen since it was last asked.
    pub(super) fn shown(&self) -> (usize, usize) {
        let seen = match &self.tap {
            Tap::Last(tap) => tap.len(),
            Tap::All(_, told) => {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                let mut seen = 0;
                while let Ok(change) = told.try_recv() {
                    seen += usize::from(!change.what.is_empty());
                }
                seen
            }
        };
        (self.locked().len(), seen)
    }

    fn of(&self, apex: &str) -> Arc<Notify> {
        let mut by_apex = self.locked();
        Arc::clone(by_apex.entry(apex.to_owned()).or_default())
    }

    /// Forgets an apex that nobody waits for.
    fn tidy(&self, apex: &str) {
        let mut by_apex = self.locked();
        if by_apex
            .get(apex)
            .is_some_and(|changed| Arc::strong_count(changed) <= 2)
        {
            by_apex.remove(apex);
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.by_apex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    async fn beat(&self) {
        tokio::time::sleep(BEAT).await;
        let number = self.beats.fetch_add(1, Relaxed);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.clear();
        heard.push_str(if number.is_multiple_of(2) { "." } else { ":" });
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
    }
}
