//! How a workload is driven: made fresh, iterated, and given time to settle.

use crate::model::workload::Kept;
use crate::readings::counters::RunsTasks;
use std::ops::Range;
use std::time::Duration;

/// Runs the iterations of one workload.
///
/// A watch knows its driver by this trait alone, so that what a watch does is compiled with this library, and not again for each workload
/// of whoever uses it.
pub(super) trait Driver: RunsTasks {
    /// Drops the state of the pass before and makes a fresh one.
    fn refresh(&mut self);

    /// One iteration.
    fn iterate(&mut self) -> Kept;

    /// Lets what the iteration started in the background go on for that long.
    fn pause(&mut self, time: Duration);

    /// Where the workload's state lies.
    fn state(&self) -> Range<usize>;
}

fn range_of<T>(value: &T) -> Range<usize> {
    let start = std::ptr::from_ref(value).addr();
    start..start + size_of::<T>()
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

impl<S, W> RunsTasks for SyncDriver<S, W> {}

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

    fn state(&self) -> Range<usize> {
        range_of(self)
    }
}

#[cfg(feature = "tokio")]
pub(super) use with_tokio::AsyncDriver;

#[cfg(feature = "tokio")]
mod with_tokio {
    use super::{Driver, range_of};
    use crate::allocator;
    use crate::model::workload::Kept;
    use crate::readings::counters::{Group, Outlooks, RunsTasks};
    use crate::readings::tasks;
    use crate::verdicts::runtime::TasksOf;
    use std::ops::Range;
    use std::time::Duration;
    use tokio::runtime::{Handle, Runtime};

    /// So often it is looked at most, where a busy machine lets a thread wait for its turn and tasks aren't decided.
    const LOOKS: u32 = 4;

    /// Drives futures on a runtime.
    pub(in crate::verdicts::watch) struct AsyncDriver<S, W> {
        // Goes first: a runtime waits for its blocking threads, and these may wait for the state to go.
        iteration: Option<W>,
        setup: S,
        runtime: OnRuntime,
    }

    enum OnRuntime {
        Given(Handle),
        /// Made anew for each pass, so that tasks left by one pass don't live in the next.
        Own(Option<Runtime>),
    }

    impl OnRuntime {
        fn block_on<F: Future>(&self, future: F) -> F::Output {
            match self {
                OnRuntime::Given(runtime) => runtime.block_on(future),
                OnRuntime::Own(runtime) => runtime
                    .as_ref()
                    .expect("a pass refreshes its driver before it iterates")
                    .block_on(future),
            }
        }

        /// `None` before the first pass has made its own.
        fn handle(&self) -> Option<&Handle> {
            match self {
                OnRuntime::Given(runtime) => Some(runtime),
                OnRuntime::Own(runtime) => runtime.as_ref().map(Runtime::handle),
            }
        }
    }

    impl<S, W, K> AsyncDriver<S, W>
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
    {
        pub(in crate::verdicts::watch) fn on_own_runtime(setup: S) -> Self {
            AsyncDriver {
                runtime: OnRuntime::Own(None),
                setup,
                iteration: None,
            }
        }

        pub(in crate::verdicts::watch) fn on(runtime: &Handle, setup: S) -> Self {
            AsyncDriver {
                runtime: OnRuntime::Given(runtime.clone()),
                setup,
                iteration: None,
            }
        }
    }

    impl<S, W> RunsTasks for AsyncDriver<S, W> {
        fn tasks(&self) -> Option<usize> {
            match self.runtime.handle() {
                Some(runtime) => TasksOf(runtime.clone()).tasks(),
                None => Some(0),
            }
        }

        fn tasks_by_site(&self) -> Vec<Group> {
            let runtime = self.runtime.handle();
            runtime.map_or_else(Vec::new, |runtime| TasksOf(runtime.clone()).tasks_by_site())
        }

        fn outlooks(&self) -> Option<Result<Outlooks, String>> {
            let runtime = self.runtime.handle()?;
            let told = self.runtime.block_on(async {
                let mut told = tasks::outlooks(runtime).await;
                for _ in 1..LOOKS {
                    if told.as_ref().map_or(0, tasks::Outlooks::not_decided) == 0 {
                        break;
                    }
                    told = tasks::outlooks(runtime).await;
                }
                told
            });
            Some(match told {
                Ok(told) => Ok(allocator::uncounted(|| told.by_site())),
                Err(no) => Err(format!("{}; {}", no.reason, no.next)),
            })
        }
    }

    impl<S, W, K> Driver for AsyncDriver<S, W>
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut() -> K,
        K: Into<Kept>,
    {
        fn refresh(&mut self) {
            self.iteration = None;
            if let OnRuntime::Own(runtime) = &mut self.runtime {
                *runtime = None;
                *runtime = Some(crate::verdicts::runtime::current_thread());
            }
            self.iteration = Some(self.runtime.block_on((self.setup)()));
        }

        fn iterate(&mut self) -> Kept {
            let iteration = self
                .iteration
                .as_mut()
                .expect("a pass refreshes its driver before it iterates");
            self.runtime.block_on(async { iteration().await.into() })
        }

        fn pause(&mut self, time: Duration) {
            self.runtime.block_on(async {
                if time.is_zero() {
                    tokio::task::yield_now().await;
                } else {
                    tokio::time::sleep(time).await;
                }
            });
        }

        fn state(&self) -> Range<usize> {
            range_of(self)
        }
    }
}
