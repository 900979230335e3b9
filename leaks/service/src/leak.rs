//! Leaks on demand: each request also does what a chapter's leaky code does, once.

use detectors::contention::waiting;
use std::fmt;
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// One turn of a chapter's leaky code, and who waits for its end.
type Turn = oneshot::Sender<()>;

/// A thread of its own runs a chapter's code, since that need not be `Send`; what it spawns lives on the service's runtime.
type Run = fn(&Handle, mpsc::Receiver<Turn>);

/// The leaks that a service was started with.
#[derive(Debug, Default)]
pub struct Leaks {
    running: Vec<mpsc::Sender<Turn>>,
}

/// No chapter teaches a class of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClass(pub String);

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = CLASSES.iter().map(|(name, _)| *name).collect();
        write!(
            f,
            "no class is named `{}`; there are {}",
            self.0,
            known.join(", ")
        )
    }
}

impl std::error::Error for UnknownClass {}

macro_rules! plain {
    ($chapter:ident) => {
        |_, mut turns| {
            let mut iteration = $chapter::leaky::workload();
            while let Some(turn) = turns.blocking_recv() {
                let _ = iteration();
                let _ = turn.send(()); // fails when the request has gone
            }
        }
    };
}

macro_rules! on_the_runtime {
    ($chapter:ident) => {
        |runtime, mut turns| {
            runtime.block_on(async {
                let mut iteration = $chapter::leaky::workload().await;
                while let Some(turn) = turns.recv().await {
                    let _ = iteration().await;
                    let _ = turn.send(()); // fails when the request has gone
                }
            });
        }
    };
}

const CLASSES: [(&str, Run); 11] = [
    ("retained-subslices", plain!(retained_subslices)),
    ("unclosed-bodies", on_the_runtime!(unclosed_bodies)),
    ("orphaned-tasks", on_the_runtime!(orphaned_tasks)),
    ("global-caches", plain!(global_caches)),
    ("deferred-cleanup", plain!(deferred_cleanup)),
    ("reference-cycles", plain!(reference_cycles)),
    ("unbounded-queues", on_the_runtime!(unbounded_queues)),
    ("retained-capacity", plain!(retained_capacity)),
    ("lost-pointers", plain!(lost_pointers)),
    ("memory-pressure", plain!(memory_pressure)),
    ("allocator-retention", plain!(allocator_retention)),
];

impl Leaks {
    /// Starts the leaky code of these chapters, by name, within this runtime.
    ///
    /// # Errors
    ///
    /// When no chapter has one of the names.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, or when the system refuses a thread.
    pub fn start(classes: &[impl AsRef<str>]) -> Result<Self, UnknownClass> {
        let runs: Result<Vec<(&str, Run)>, UnknownClass> = classes
            .iter()
            .map(|class| {
                let known = CLASSES.iter().find(|(name, _)| *name == class.as_ref());
                known
                    .copied()
                    .ok_or_else(|| UnknownClass(class.as_ref().to_owned()))
            })
            .collect();
        let start = |(name, run): (&str, Run)| {
            let (sender, turns) = mpsc::channel(1);
            let runtime = Handle::current();
            let thread = thread::Builder::new().name(name.to_owned());
            let started = thread.spawn(move || run(&runtime, turns));
            started.expect("the system gives a thread");
            sender
        };
        Ok(Leaks {
            running: runs?.into_iter().map(start).collect(),
        })
    }

    /// One turn of each, to its end.
    pub(crate) async fn strike(&self) {
        for running in &self.running {
            let (turn, ended) = oneshot::channel();
            // Neither fails while the thread runs; should it panic, the service goes on without the leak.
            if waiting(running.send(turn)).await.is_ok() {
                let _ = ended.await;
            }
        }
    }
}
