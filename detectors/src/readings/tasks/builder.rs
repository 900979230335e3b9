//! Runtimes that tell of their tasks.

use std::{fmt, io};
use tokio::runtime::{self, Runtime};

/// Builds a runtime that tells of every task by its spawn site, whoever spawned it: your code, or a library that you call.
///
/// For that it needs a build with `--cfg tokio_unstable`. Without, it builds a runtime all the same, and of its tasks only
/// those are known by site that are spawned through [`spawn`](super::spawn) and its sisters; see
/// [`Tasks::unknown`](super::Tasks::unknown).
///
/// A library can't reach into the runtime that `#[tokio::test]` makes. So a test makes its own:
///
/// ```
/// use detectors::tasks::{Builder, TaskCheck};
///
/// let runtime = Builder::new_current_thread().build()?;
/// runtime.block_on(async {
///     let check = TaskCheck::new("greetings", &tokio::runtime::Handle::current());
///     tokio::spawn(async { "hello" }).await.expect("it doesn't panic");
///     check.find().await.assert_none();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Builder {
    tokio: runtime::Builder,
    remembers_tasks: bool,
}

impl Builder {
    /// A runtime that runs on the thread that waits for it, as `#[tokio::test]` makes it. Timers and sockets are enabled.
    pub fn new_current_thread() -> Self {
        Self::of(runtime::Builder::new_current_thread())
    }

    /// A runtime with threads of its own. Timers and sockets are enabled.
    pub fn new_multi_thread() -> Self {
        Self::of(runtime::Builder::new_multi_thread())
    }

    fn of(mut tokio: runtime::Builder) -> Self {
        tokio.enable_all();
        Builder {
            tokio,
            remembers_tasks: true,
        }
    }

    /// Changes what else tokio lets a runtime choose: how many threads, their names, a paused clock.
    ///
    /// The hooks `on_task_spawn` and `on_task_terminate` are this builder's own: tokio has one of each, and `build` sets them.
    ///
    /// ```
    /// # use detectors::tasks::Builder;
    /// let runtime = Builder::new_multi_thread()
    ///     .configure(|tokio| {
    ///         tokio.worker_threads(2).thread_name("prober");
    ///     })
    ///     .build()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut runtime::Builder)) -> Self {
        change(&mut self.tokio);
        self
    }

    /// Counts tasks, and doesn't remember which is which: nothing is allocated for a task, and
    /// [`await_stacks`](super::await_stacks) can't say where a waiting task was spawned.
    ///
    /// What is remembered, about 100 bytes for a task, is outside of what a [`Scope`](crate::Scope) counts. dhat counts
    /// everything: this is for a runtime whose memory dhat measures.
    #[must_use]
    pub fn counts_only(mut self) -> Self {
        self.remembers_tasks = false;
        self
    }

    /// The runtime.
    ///
    /// # Errors
    ///
    /// When the system refuses it its event queue or its threads.
    #[cfg(tokio_unstable)]
    pub fn build(mut self) -> io::Result<Runtime> {
        use super::hooked::{self, Hooked};
        use super::runtime_id::RuntimeId;
        use std::sync::Arc;

        let hooked = Arc::new(Hooked::new(self.remembers_tasks));
        let (at_start, at_end) = (Arc::clone(&hooked), Arc::clone(&hooked));
        self.tokio
            .on_task_spawn(move |task| at_start.spawned(task.id(), task.spawned_at()))
            .on_task_terminate(move |task| at_end.ended(task.id(), task.spawned_at()));
        let runtime = self.tokio.build()?;
        hooked::register(RuntimeId::of(runtime.handle()), &hooked);
        Ok(runtime)
    }

    /// The runtime.
    ///
    /// # Errors
    ///
    /// When the system refuses it its event queue or its threads.
    #[cfg(not(tokio_unstable))]
    pub fn build(mut self) -> io::Result<Runtime> {
        self.tokio.build()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("tokio", &self.tokio)
            .field("remembers_tasks", &self.remembers_tasks)
            .finish()
    }
}
