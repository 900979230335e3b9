//! Where tasks wait: the stack of awaits of each, from the runtime's dump.

use crate::model::place::{Frame, Origin};
use crate::model::words::{frame_from_here, wrapped};
use crate::readings::spawn_site::SpawnSite;
use std::fmt;
use std::time::Duration;
use tokio::runtime::Handle;

/// Where a task waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AwaitStack {
    /// Where it was spawned, when its runtime is one of [`Builder`](super::Builder) that remembers its tasks.
    pub site: Option<SpawnSite>,
    /// Its number, as [`tokio::task::Id`] shows it.
    pub task: Option<u64>,
    /// What awaits what, the innermost first: at its end is the task's own future. A task that waits for several things at once,
    /// by `select!` or `join!`, has a stack for each.
    pub stacks: Vec<Vec<Frame>>,
}

impl AwaitStack {
    /// The line to look at first: the innermost await in the program's own code; where the compiler has left none of it on the
    /// stack, the outermost of what it awaits.
    pub fn line(&self) -> Option<&Frame> {
        let frames = || self.stacks.iter().flatten();
        frames()
            .find(|frame| frame.origin() == Origin::Own)
            .or_else(|| self.stacks.first().and_then(|stack| stack.last()))
    }
}

/// What awaits what, the outermost first and each below the one that awaits it.
impl fmt::Display for AwaitStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stack in &self.stacks {
            for (depth, frame) in stack.iter().rev().enumerate() {
                writeln!(
                    f,
                    "{:indent$}{}",
                    "",
                    frame_from_here(frame),
                    indent = 2 * depth
                )?;
            }
        }
        Ok(())
    }
}

/// Why it can't be said where tasks wait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoAwaitStacks {
    /// What is in the way.
    pub reason: String,
    /// What to do about it.
    pub next: String,
}

impl fmt::Display for NoAwaitStacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoAwaitStacks { reason, next } = self;
        wrapped(&format!(
            "it can't be said where tasks wait: {reason}; {next}"
        ))
        .fmt(f)
    }
}

impl std::error::Error for NoAwaitStacks {}

/// Where each task of a runtime waits, at most so many of each spawn site.
///
/// Each task of the runtime is polled once for this, and tells of itself where it would wait in tokio: for a lock, a channel, a timer, a socket.
/// A task that waits for something else has no stack. In an optimised build the compiler puts a task's outermost future into the
/// runtime's own poll, and its line isn't told: spawn it with [`spawn`](super::spawn), and it is. To find the names of all this takes some milliseconds and up to tens of
/// megabytes for a moment, so it is for a test, or for a service that is in trouble already.
///
/// # Errors
///
/// - Where this build can't: it needs Linux on x86-64 or aarch64, and `--cfg tokio_unstable`.
/// - When one of the runtime's threads is busy or blocked until the time is up, or the runtime doesn't answer until then. It isn't
///   even asked while a thread is: tokio 1.54 then stops threads for good that had nothing to do with it (tokio-rs/tokio#8370).
/// - On a current-thread runtime from outside: it is only there while it runs, so ask within its `block_on`. There the time
///   isn't watched: a task whose poll blocks would block anything.
pub async fn await_stacks(
    runtime: &Handle,
    within: Duration,
    of_each_site: usize,
) -> Result<Vec<AwaitStack>, NoAwaitStacks> {
    dump::await_stacks(runtime, within, of_each_site).await
}

#[cfg(not(tells_await_stacks))]
mod dump {
    use super::{AwaitStack, Duration, Handle, NoAwaitStacks};

    #[expect(clippy::unused_async, reason = "elsewhere it waits")]
    pub(super) async fn await_stacks(
        _runtime: &Handle,
        _within: Duration,
        _of_each_site: usize,
    ) -> Result<Vec<AwaitStack>, NoAwaitStacks> {
        let (reason, next) = if !cfg!(feature = "taskdump") {
            (
                "this program was built without detectors' feature `taskdump`",
                "in Cargo.toml: detectors = { .., features = [\"taskdump\"] }; it tells in a build with RUSTFLAGS=\"--cfg \
                 tokio_unstable\"",
            )
        } else if cfg!(tokio_unstable) {
            (
                "tokio tells it on Linux on x86-64 and aarch64 only",
                "ask there",
            )
        } else {
            (
                "this program was built without tokio_unstable",
                "build it with RUSTFLAGS=\"--cfg tokio_unstable\"",
            )
        };
        Err(NoAwaitStacks {
            reason: reason.to_owned(),
            next: next.to_owned(),
        })
    }
}

#[cfg(tells_await_stacks)]
mod dump {
    use super::{AwaitStack, Duration, Frame, Handle, NoAwaitStacks};
    use crate::profile::{Symbols, give_back, others_resolve, resolve_stacks};
    use crate::readings::tasks::hooked;
    use crate::readings::tasks::runtime_id::RuntimeId;
    use std::collections::HashMap;
    use tokio::runtime::RuntimeFlavor;
    use tokio::runtime::dump::{Dump, Task};
    use tokio::time::{sleep, timeout};

    pub(super) async fn await_stacks(
        runtime: &Handle,
        within: Duration,
        of_each_site: usize,
    ) -> Result<Vec<AwaitStack>, NoAwaitStacks> {
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread
            && Handle::current().id() != runtime.id()
        {
            return Err(NoAwaitStacks {
                reason: "a current-thread runtime tells it from within only".to_owned(),
                next: "ask in a future that runs on it".to_owned(),
            });
        }
        let dump = async {
            all_threads_rest(runtime).await;
            runtime.dump().await
        };
        let Ok(dump) = timeout(within, dump).await else {
            return Err(NoAwaitStacks {
                reason: format!("one of the runtime's threads was busy or blocked for {within:?}"),
                next: "look for a task that blocks its thread, or give it longer".to_owned(),
            });
        };
        Ok(crate::allocator::uncounted(|| {
            read(&dump, runtime, of_each_site)
        }))
    }

    /// Until each of the runtime's own threads has been seen at rest: one that is blocked never is.
    async fn all_threads_rest(runtime: &Handle) {
        let metrics = runtime.metrics();
        // A current-thread runtime answers within this very call.
        let threads = match runtime.runtime_flavor() {
            RuntimeFlavor::CurrentThread => 0,
            _ => metrics.num_workers(),
        };
        for thread in 0..threads {
            let at_first = metrics.worker_park_unpark_count(thread);
            // Odd while it rests; and when it has changed, it has rested meanwhile.
            while at_first.is_multiple_of(2) && metrics.worker_park_unpark_count(thread) == at_first
            {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }

    fn read(dump: &Dump, runtime: &Handle, of_each_site: usize) -> Vec<AwaitStack> {
        let hooked = hooked::of(RuntimeId::of(runtime));
        let site_of = |task: &Task| hooked.as_ref().and_then(|hooked| hooked.site_of(task.id()));
        let mut seen: HashMap<Option<(&str, u32, u32)>, usize> = HashMap::new();
        let mut all = Vec::new();
        for task in dump.tasks().iter() {
            let site = site_of(task);
            let place = site.map(|site| (site.file(), site.line(), site.column()));
            let so_far = seen.entry(place).or_default();
            *so_far += 1;
            if *so_far <= of_each_site {
                all.push((site, task.id(), addresses(task)));
            }
        }
        give_back();
        let every: Vec<&[usize]> = all
            .iter()
            .flat_map(|(_, _, stacks)| stacks)
            .map(Vec::as_slice)
            .collect();
        let mut frames = resolve_stacks(&every, Symbols::ThisProcess).into_iter();
        all.iter()
            .map(|(site, id, stacks)| AwaitStack {
                site: *site,
                task: id.to_string().parse().ok(),
                stacks: frames.by_ref().take(stacks.len()).map(awaits).collect(),
            })
            .collect()
    }

    /// The return addresses of each stack of a task, the innermost first.
    ///
    /// tokio hands them out with names only, by a library that keeps what it has read of the debug information.
    fn addresses(task: &Task) -> Vec<Vec<usize>> {
        others_resolve();
        task.trace()
            .resolve_backtraces()
            .iter()
            .map(|stack| stack.frames().map(|frame| frame.ip().addr()).collect())
            .collect()
    }

    /// Without what only passes a poll on.
    fn awaits(stack: Vec<Frame>) -> Vec<Frame> {
        let passes_on = |frame: &Frame| {
            let name = frame.function.as_str();
            name.contains("core::future::")
                || name.starts_with("<core::pin::Pin<")
                || name.contains("detectors::readings::tasks::spawn::")
        };
        stack
            .into_iter()
            .filter(|frame| !passes_on(frame))
            .collect()
    }
}
