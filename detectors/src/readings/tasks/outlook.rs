//! What becomes of each alive task: it runs, something can wake it, or it can never wake.
//!
//! # How it is known
//!
//! A task that waits runs again when somebody calls its waker. tokio counts the references to each task: one of its list, one of the
//! `JoinHandle`, and one for each waker. So the count alone tells that nobody has a waker of it any more, wherever a waker might hide.
//! Where each block of memory is noted, a task that has wakers is judged too: they may lie in memory that only tasks hold which
//! can never wake themselves. See [`Rule`].
//!
//! It is read in a copy of the process, which a fork makes, so that nothing moves meanwhile. A task is called stuck when two such copies
//! agree, some time apart.

#[cfg(finds_stuck_tasks)]
mod due;
#[cfg(finds_stuck_tasks)]
mod lists;
#[cfg(finds_stuck_tasks)]
pub(crate) mod look;
#[cfg(finds_stuck_tasks)]
mod probe;
#[cfg(finds_stuck_tasks)]
mod read;
#[cfg(not(finds_stuck_tasks))]
#[path = "outlook/unread.rs"]
mod read;
#[cfg(finds_stuck_tasks)]
mod stacks;

use super::waiting::AwaitStack;
use crate::model::finding::SiteOutlook;
use crate::model::place::Site;
use crate::model::words::wrapped;
use crate::profile::Profile;
use crate::readings::spawn_site::{self, SpawnSite};
pub(crate) use read::{Asked, outlooks_while};
use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;
use tokio::runtime::Handle;

/// What may become of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outlook {
    /// It runs, or it was woken and will.
    Runs,
    /// Something may wake it.
    CanWake(WokenBy),
    /// Nothing can ever wake it: it is stuck.
    NeverWakes(Why),
    /// It couldn't be told, for this reason.
    NotDecided(String),
}

/// What may wake a task, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WokenBy {
    /// So many wakers of it, or handles to abort it, exist. Who has them wasn't looked for: see [`Rule::Counts`].
    Wakers(u64),
    /// The runtime's timer.
    Timer,
    /// The runtime's watch over a socket, or over another descriptor.
    Socket,
    /// Another task, by its number: it holds what this one waits for, and may run again itself.
    Task(u64),
    /// A static, by its name; without one where the program has no symbols.
    Static(String),
    /// A variable of a thread, of its stack or thread-local.
    Thread,
    /// Memory of which nothing is known: blocks older than the notes, a C library's, or freed ones.
    Elsewhere,
    /// More blocks have what looks like its waker than there are wakers of it: some are left from a task that lay at the same address
    /// before, and which are isn't known.
    Unclear,
}

/// Who that is, in words: `the runtime's timer`, `the static service::DOORBELL`.
impl fmt::Display for WokenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WokenBy::Wakers(_) => "something that has a waker: what, wasn't looked for",
            WokenBy::Timer => "the runtime's timer",
            WokenBy::Socket => "the runtime's watch over a socket",
            WokenBy::Task(_) => "another task",
            WokenBy::Static(name) if name.is_empty() => "a static",
            WokenBy::Static(name) => return write!(f, "the static {name}"),
            WokenBy::Thread => "a variable of a thread",
            WokenBy::Elsewhere => "memory of which nothing is known",
            WokenBy::Unclear => "one of several that look as if they had its waker",
        })
    }
}

/// Why nothing can wake a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Nobody has a waker of it.
    NoWaker,
    /// Only tasks that can never wake have wakers of it: itself, or others. So many there are.
    OnlyStuckTasks {
        /// How many wakers.
        wakers: u64,
    },
}

/// By what the tasks were judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// By their counts alone: a task is stuck when nobody has a waker of it. A task that owns the sender for which it waits isn't found.
    Counts,
    /// By their counts, and by who holds their wakers. It takes exact notes of all blocks, which a process has while a
    /// [`Scope::of_process`](crate::Scope::of_process) lives, from before its tasks are spawned on.
    ///
    /// Memory that lives may still have an old pointer to what a stuck task waits for: a variable that was moved out of a future, or bytes
    /// between two fields. Such a task is told as one that can wake. So three of four are found in random programs whose tasks hold
    /// each other's ends at random, and none that can wake is called stuck (600 programs of this library's proofs).
    Reach,
}

/// An alive task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AliveTask {
    /// Its number, as [`tokio::task::Id`] shows it.
    pub id: u64,
    /// Where it was spawned. Known in a build with `--cfg tokio_unstable`, and of tasks that were spawned through
    /// [`spawn`](super::spawn) and its sisters.
    pub site: Option<SpawnSite>,
    /// What may become of it.
    pub outlook: Outlook,
    /// Bytes that it alone holds, its own memory among them. Without exact notes, and of a task that isn't stuck, its own memory alone,
    /// or nothing.
    pub held_bytes: u64,
    /// How many blocks these are.
    pub held_blocks: u64,
    /// Where it waits, as far as [`await_stacks`](super::await_stacks) told it to [`TaskCheck::find_stuck`](super::TaskCheck::find_stuck).
    pub waits: Option<AwaitStack>,
}

impl AliveTask {
    /// Whether nothing can ever wake it.
    pub fn is_stuck(&self) -> bool {
        matches!(self.outlook, Outlook::NeverWakes(_))
    }
}

/// What becomes of all alive tasks of a runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outlooks {
    tasks: Vec<AliveTask>,
    rule: Rule,
    paused: Duration,
    took: Duration,
}

impl Outlooks {
    /// Each alive task, in no order.
    pub fn tasks(&self) -> &[AliveTask] {
        &self.tasks
    }

    /// Those that can never wake.
    pub fn stuck(&self) -> impl Iterator<Item = &AliveTask> {
        self.tasks.iter().filter(|task| task.is_stuck())
    }

    /// How many couldn't be judged.
    pub fn not_decided(&self) -> u64 {
        let tasks = self.tasks.iter();
        let undecided = |task: &&AliveTask| matches!(task.outlook, Outlook::NotDecided(_));
        tasks.filter(undecided).count() as u64
    }

    /// By what they were judged.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// For how long the process was held, all together: while it is copied, who asks for memory waits.
    pub fn paused(&self) -> Duration {
        self.paused
    }

    /// How long it took until all was known.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The stuck tasks by where they were spawned, most first; `None` where that isn't known.
    pub fn stuck_by_site(&self) -> Vec<(Option<SpawnSite>, u64)> {
        let mut sites: Vec<(Option<SpawnSite>, u64)> = Vec::new();
        for task in self.stuck() {
            match sites.iter_mut().find(|(site, _)| *site == task.site) {
                Some((_, tasks)) => *tasks += 1,
                None => sites.push((task.site, 1)),
            }
        }
        sites.sort_by_key(|(_, tasks)| Reverse(*tasks));
        sites
    }

    /// What may become of them, by where they were spawned.
    pub(crate) fn by_site(&self) -> Vec<(Option<Site>, SiteOutlook)> {
        let mut sites: Vec<(Option<SpawnSite>, SiteOutlook)> = Vec::new();
        for task in &self.tasks {
            let known = sites.iter().position(|(site, _)| *site == task.site);
            let at = known.unwrap_or_else(|| {
                sites.push((task.site, SiteOutlook::default()));
                sites.len() - 1
            });
            let told = &mut sites[at].1;
            told.alive += 1;
            match &task.outlook {
                Outlook::Runs => {}
                Outlook::NeverWakes(_) => told.never_wake += 1,
                Outlook::NotDecided(_) => told.not_decided += 1,
                Outlook::CanWake(by) => {
                    let by = by.to_string();
                    match told.woken_by.iter_mut().find(|(known, _)| *known == by) {
                        Some((_, tasks)) => *tasks += 1,
                        None => told.woken_by.push((by, 1)),
                    }
                }
            }
        }
        let sites = sites.into_iter().map(|(site, mut told)| {
            told.woken_by.sort_by_key(|(_, tasks)| Reverse(*tasks));
            (site.map(|site| site.resolve()), told)
        });
        sites.collect()
    }

    /// The stuck tasks as a pprof profile of one sample type, `goroutineleak`, by the stack of what spawned them: what Go calls so. It
    /// is empty where no task is stuck.
    pub fn profile(&self) -> Profile {
        let by_site = self.stuck_by_site();
        let known: Vec<SpawnSite> = by_site.iter().filter_map(|(site, _)| *site).collect();
        let mut known = spawn_site::stacks(&known).into_iter();
        let stacks = by_site.iter().map(|(site, tasks)| {
            let stack = site.and_then(|_| known.next());
            let unknown = || {
                vec![crate::model::place::Frame::new(
                    "an unknown spawn site",
                    "",
                    0,
                )]
            };
            (stack.unwrap_or_else(unknown), *tasks)
        });
        let stacks: Vec<_> = stacks.collect();
        Profile::of_counts_or_empty("the tasks that can never wake", "goroutineleak", &stacks)
    }
}

/// Why nothing can be told of a runtime's tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoOutlooks {
    /// What is in the way.
    pub reason: String,
    /// What to do about it.
    pub next: String,
}

impl fmt::Display for NoOutlooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoOutlooks { reason, next } = self;
        let text = format!("it can't be said which tasks can wake: {reason}; {next}");
        wrapped(&text).fmt(f)
    }
}

impl std::error::Error for NoOutlooks {}

/// What becomes of each alive task of a runtime: it runs, something can wake it, or it can never wake.
///
/// A tenth of a second, and more where much memory is to be read: five seconds for 100,000 tasks among a million blocks, 1 GiB in all,
/// and one second by counts, as `cargo bench --bench outlooks` measures it in the repository. The process itself is held only while it is
/// copied, twice: see [`Outlooks::paused`], some 50 ms by counts there. It needs a runtime that runs and has timers. In a service, [`debug`](crate::debug) serves it.
///
/// ```
/// use detectors::tasks::{self, Builder, Outlook};
///
/// let runtime = Builder::new_current_thread().build()?;
/// runtime.block_on(async {
///     tokio::spawn(std::future::pending::<()>());
///     tokio::spawn(tokio::time::sleep(std::time::Duration::from_secs(3_600)));
///     tokio::task::yield_now().await;
/// # if cfg!(not(all(target_os = "linux", target_pointer_width = "64"))) { return }
///     let outlooks = tasks::outlooks(&tokio::runtime::Handle::current()).await.expect("this is Linux");
///     assert_eq!(outlooks.stuck().count(), 1);
///     assert_eq!(outlooks.tasks().len(), 2);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// Elsewhere than on 64-bit Linux, when the system makes no copy of the process, when the runtime doesn't run, and with a tokio
/// that keeps its tasks in another way than 1.41 to 1.54 do. That is found out by a task of this library's own, each time.
///
/// # Panics
///
/// On a runtime without timers.
pub async fn outlooks(runtime: &Handle) -> Result<Outlooks, NoOutlooks> {
    outlooks_while(runtime, Asked::default()).await
}
