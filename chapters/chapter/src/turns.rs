//! A workload that goes on when it is told to.

use detectors::Kept;
use std::fmt;
use std::pin::{Pin, pin};

/// When a workload may do its next iteration, and where its futures run. Whoever runs the workload decides both.
pub struct Turns<'a> {
    /// Waits for the next turn; `false` when there is none to come. The turn before is over when it is asked.
    next: &'a mut dyn FnMut() -> bool,
    /// Runs a future to its end.
    block_on: &'a dyn Fn(Pin<&mut dyn Future<Output = ()>>),
}

impl<'a> Turns<'a> {
    /// `next` waits for a turn and says whether there is one; it is called again when the turn is over. `block_on` runs a future
    /// to its end, on the runtime where what the future spawns shall live.
    pub fn new(
        next: &'a mut dyn FnMut() -> bool,
        block_on: &'a dyn Fn(Pin<&mut dyn Future<Output = ()>>),
    ) -> Self {
        Turns { next, block_on }
    }

    /// Makes the workload, and does an iteration for each turn.
    pub fn run<W, R>(self, workload: impl FnOnce() -> W)
    where
        W: FnMut() -> R,
        R: Into<Kept>,
    {
        let mut iteration = workload();
        while (self.next)() {
            let _ = iteration();
        }
    }

    /// The same for a workload whose iterations are futures.
    ///
    /// # Panics
    ///
    /// When `block_on` comes back before its future has come to its end.
    pub fn run_async<W, R>(self, workload: impl AsyncFnOnce() -> W)
    where
        W: AsyncFnMut() -> R,
        R: Into<Kept>,
    {
        let mut iteration = None;
        (self.block_on)(pin!(async {
            iteration = Some(workload().await);
        }));
        let mut iteration = iteration.expect("the future came to its end");
        while (self.next)() {
            (self.block_on)(pin!(async {
                let _ = iteration().await;
            }));
        }
        // What it holds may end on the runtime alone.
        (self.block_on)(pin!(async move { drop(iteration) }));
    }
}

impl fmt::Debug for Turns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}
