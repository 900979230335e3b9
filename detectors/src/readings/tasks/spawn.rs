//! Spawns tasks that are counted by where they are spawned, on any build and any runtime.

use super::guarded::{Guard, count};
use super::runtime_id::RuntimeId;
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Spawns a task as [`tokio::spawn`] does, and counts it for the line that calls this.
///
/// The task is counted until its future is dropped: when it is done, has panicked, was aborted, or went down with its runtime.
/// On a runtime of [`Builder`](super::Builder), which counts every task itself, it counts once.
///
/// The future grows by a pointer. A spawn costs some ten nanoseconds more.
///
/// # Panics
///
/// Outside of a runtime, as tokio does.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_on(&Handle::current(), future)
}

/// Spawns a task on a runtime as [`Handle::spawn`] does, and counts it for the line that calls this.
#[track_caller]
pub fn spawn_on<F>(runtime: &Handle, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let guard = count(Location::caller(), RuntimeId::of(runtime));
    runtime.spawn(Spawned {
        future,
        _guard: guard,
    })
}

pin_project! {
    /// What [`spawn_on`] spawns.
    struct Spawned<F> {
        #[pin]
        future: F,
        // After the future: a task is alive until its future is gone.
        _guard: Guard,
    }
}

impl<F: Future> Future for Spawned<F> {
    type Output = F::Output;

    // Where a task waits is told by what its poll calls. What is inlined into the poll that tokio makes itself is lost.
    #[cfg_attr(tells_await_stacks, inline(never))]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(context)
    }
}

/// Wraps a future that something else will spawn, such as a `JoinSet` or a `TaskTracker`: it is counted for the line that calls
/// this.
///
/// ```
/// use detectors::tasks;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let mut probes = tokio::task::JoinSet::new();
/// for port in [80, 443] {
///     probes.spawn(tasks::tracked(async move { port }));
/// }
/// assert_eq!(tasks::alive(&tokio::runtime::Handle::current()), 2);
/// # probes.join_all().await;
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It counts for the runtime in whose context it is made, at once; made outside of any runtime, it counts for the one that
/// first polls it, from then on.
#[track_caller]
pub fn tracked<F: Future>(future: F) -> Tracked<F> {
    let location = Location::caller();
    Tracked {
        future,
        state: match Handle::try_current() {
            Ok(runtime) => State::Counted(count(location, RuntimeId::of(&runtime))),
            Err(_) => State::Outside(location),
        },
    }
}

pin_project! {
    /// A future that counts as a task: see [`tracked`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is spawned"]
    pub struct Tracked<F> {
        #[pin]
        future: F,
        state: State,
    }
}

#[derive(Debug)]
enum State {
    Counted(#[expect(dead_code, reason = "it is held, not read")] Guard),
    /// No runtime was there yet.
    Outside(&'static Location<'static>),
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    #[cfg_attr(tells_await_stacks, inline(never))]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let State::Outside(location) = *this.state
            && let Ok(runtime) = Handle::try_current()
        {
            *this.state = State::Counted(count(location, RuntimeId::of(&runtime)));
        }
        this.future.poll(context)
    }
}
