//! Leaks on demand: each request also does what a chapter's leaky code does, once.

use chapter::{Chapter, Turns};
use detectors::contention::waiting;
use std::fmt;
use std::pin::Pin;
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// One turn of a chapter's leaky code, and who waits for its end.
type Turn = oneshot::Sender<()>;

/// The leaks that a service was started with.
#[derive(Debug, Default)]
pub struct Leaks {
    running: Vec<mpsc::Sender<Turn>>,
}

/// No chapter teaches a class of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClass {
    name: String,
    known: Vec<&'static str>,
}

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no class is named `{}`; there are {}",
            self.name,
            self.known.join(", ")
        )
    }
}

impl std::error::Error for UnknownClass {}

/// The thread that runs a chapter's leaky code: an iteration for each turn that comes.
fn run(chapter: &Chapter, runtime: &Handle, mut turns: mpsc::Receiver<Turn>) {
    let mut turn = None;
    let mut next = || {
        // The one before has ended. Telling so fails when its request has gone.
        let _ = turn.take().map(|turn: Turn| turn.send(()));
        turn = turns.blocking_recv();
        turn.is_some()
    };
    let block_on = |future: Pin<&mut dyn Future<Output = ()>>| runtime.block_on(future);
    (chapter.leaky_in_turns)(Turns::new(&mut next, &block_on));
}

impl Leaks {
    /// Starts the leaky code of those of these chapters that are named, within this runtime.
    ///
    /// # Errors
    ///
    /// When no chapter has one of the names.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, or when the system refuses a thread.
    pub fn start(
        classes: &[impl AsRef<str>],
        chapters: &'static [Chapter],
    ) -> Result<Self, UnknownClass> {
        let known = classes.iter().map(|class| {
            let class = class.as_ref();
            let found = chapters.iter().find(|chapter| chapter.name() == class);
            found.ok_or_else(|| UnknownClass {
                name: class.to_owned(),
                known: chapters.iter().map(Chapter::name).collect(),
            })
        });
        let known: Vec<&Chapter> = known.collect::<Result<_, _>>()?;
        let start = |chapter: &'static Chapter| {
            let (sender, turns) = mpsc::channel(1);
            let runtime = Handle::current();
            // A thread of its own, since a chapter's code need not be `Send`; what it spawns lives on the service's runtime.
            let thread = thread::Builder::new().name(chapter.name().to_owned());
            let started = thread.spawn(move || run(chapter, &runtime, turns));
            started.expect("the system gives a thread");
            sender
        };
        Ok(Leaks {
            running: known.into_iter().map(start).collect(),
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
