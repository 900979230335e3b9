//! How a workload is driven: made fresh, iterated, and given time to settle.

use crate::workload::Kept;
use std::time::Duration;

/// Runs the iterations of one workload.
pub(super) trait Driver {
    /// Drops the state of the pass before and makes a fresh one.
    fn refresh(&mut self);

    /// One iteration.
    fn iterate(&mut self) -> Kept;

    /// Lets what the iteration started in the background go on for that long.
    fn pause(&mut self, time: Duration);

    /// How many async tasks are alive: work that an iteration left behind. 0 where there are none by nature.
    fn tasks(&self) -> usize {
        0
    }
}

/// Drives plain calls.
pub(super) struct SyncDriver<S, W> {
    setup: S,
    iteration: Option<W>,
}

impl<S: Fn() -> W, W: FnMut() -> Kept> SyncDriver<S, W> {
    pub(super) fn new(setup: S) -> Self {
        SyncDriver {
            setup,
            iteration: None,
        }
    }
}

impl<S: Fn() -> W, W: FnMut() -> Kept> Driver for SyncDriver<S, W> {
    fn refresh(&mut self) {
        self.iteration = None;
        self.iteration = Some((self.setup)());
    }

    fn iterate(&mut self) -> Kept {
        self.iteration
            .as_mut()
            .expect("a pass refreshes its driver before it iterates")()
    }

    fn pause(&mut self, time: Duration) {
        if time.is_zero() {
            std::thread::yield_now();
        } else {
            std::thread::sleep(time);
        }
    }
}

#[cfg(feature = "tokio")]
pub(super) use with_tokio::AsyncDriver;

#[cfg(feature = "tokio")]
mod with_tokio {
    use super::Driver;
    use crate::workload::Kept;
    use std::time::Duration;
    use tokio::runtime::{Builder, Runtime};

    /// Drives futures on a runtime.
    pub(in crate::watch) struct AsyncDriver<'r, S, W> {
        runtime: OnRuntime<'r>,
        setup: S,
        iteration: Option<W>,
    }

    enum OnRuntime<'r> {
        Given(&'r Runtime),
        /// Made anew for each pass, so that tasks left by one pass don't live in the next.
        Own(Option<Runtime>),
    }

    impl OnRuntime<'_> {
        fn get(&self) -> &Runtime {
            match self {
                OnRuntime::Given(runtime) => runtime,
                OnRuntime::Own(runtime) => runtime
                    .as_ref()
                    .expect("a pass refreshes its driver before it iterates"),
            }
        }
    }

    impl<S, W, K> AsyncDriver<'static, S, W>
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
    {
        pub(in crate::watch) fn on_own_runtime(setup: S) -> Self {
            AsyncDriver {
                runtime: OnRuntime::Own(None),
                setup,
                iteration: None,
            }
        }
    }

    impl<'r, S, W, K> AsyncDriver<'r, S, W>
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
    {
        pub(in crate::watch) fn on(runtime: &'r Runtime, setup: S) -> Self {
            AsyncDriver {
                runtime: OnRuntime::Given(runtime),
                setup,
                iteration: None,
            }
        }
    }

    impl<S, W, K> Driver for AsyncDriver<'_, S, W>
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
        K: Into<Kept>,
    {
        fn refresh(&mut self) {
            self.iteration = None;
            if let OnRuntime::Own(runtime) = &mut self.runtime {
                *runtime = None;
                *runtime = Some(
                    Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .expect("the system gives a runtime its event queue"),
                );
            }
            self.iteration = Some(self.runtime.get().block_on((self.setup)()));
        }

        fn iterate(&mut self) -> Kept {
            let iteration = self
                .iteration
                .as_mut()
                .expect("a pass refreshes its driver before it iterates");
            self.runtime
                .get()
                .block_on(async { iteration().await.into() })
        }

        fn pause(&mut self, time: Duration) {
            self.runtime.get().block_on(async {
                if time.is_zero() {
                    tokio::task::yield_now().await;
                } else {
                    tokio::time::sleep(time).await;
                }
            });
        }

        fn tasks(&self) -> usize {
            self.runtime.get().metrics().num_alive_tasks()
        }
    }
}
