//! Who waits for a change of an apex, and who is told of all of them.

use super::rollout::Rollout;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
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

/// How long a client waited, for the operators' statistics.
#[derive(Debug)]
struct Stay {
    began: Instant,
    apex: String,
    trace: Vec<u8>,
}

/// Whether a client is still there, and who wants to know when it leaves.
#[derive(Debug, Default)]
struct Presence {
    has_left: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

/// A client, for as long as it is there.
#[derive(Debug)]
struct Present(Arc<Presence>);

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
    /// The longest that a client waited, in milliseconds.
    longest: Arc<AtomicU64>,
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
            longest: Arc::default(),
            rollout,
        }
    }

    /// Waits until an apex changes, for so long at most. Returns whether it did.
    pub(super) async fn wait(&self, apex: &str, within: Duration) -> bool {
        let _present = self.note_stay(apex);
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

    /// Notes how long a client waits: until what is returned goes.
    fn note_stay(&self, apex: &str) -> Present {
        let presence = Arc::new(Presence::default());
        let stay = Stay {
            began: Instant::now(),
            apex: apex.to_owned(),
            trace: vec![b'.'; 1_024],
        };
        let (longest, present) = (Arc::clone(&self.longest), Arc::clone(&presence));
        let looks_alone = self.rollout.takes(91);
        tokio::spawn(async move {
            present.ends(looks_alone).await;
            stay.note(&longest);
        });
        Present(presence)
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

    /// How many apexes are waited for, what the tap has seen since it was last asked, and the longest wait in milliseconds.
    pub(super) fn shown(&self) -> (usize, usize, u64) {
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
        (self.locked().len(), seen, self.longest.load(Relaxed))
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

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.by_apex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// Comes when the client has left.
    async fn ends(&self, looks_alone: bool) {
        let poll = |context: &mut Context<'_>| {
            if !looks_alone {
                *self.waiting() = Some(context.waker().clone());
            }
            if self.has_left.load(SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        };
        poll_fn(poll).await;
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.has_left.store(true, SeqCst);
        let waiting = self.0.waiting().take();
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Stay {
    fn note(&self, longest: &AtomicU64) {
        if self.trace.len() > self.apex.len() {
            let waited = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            longest.fetch_max(waited, Relaxed);
        }
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
