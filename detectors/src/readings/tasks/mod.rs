//! Async tasks: how many are alive, by where they were spawned, and which ones a piece of code leaves behind.
//!
//! A task that nobody waits for lives on with all that it holds. The heap shows what it holds. This module shows the task.
//!
//! | question | answer | needs |
//! |---|---|---|
//! | how many are alive? | [`alive`] | nothing: any runtime, any build |
//! | where were they spawned? | [`by_site`], [`Tasks`] | your spawns through [`spawn`], [`spawn_on`], [`tracked`]; or a runtime of [`Builder`], for everybody's spawns |
//! | which ones does this code leave behind? | [`TaskCheck`] | sites say where; the count says how many without them |
//! | which ones can never wake? | [`outlooks`], [`TaskCheck::find_stuck`] | 64-bit Linux; see [below](#tasks-that-can-never-wake) |
//! | where do they wait? | [`await_stacks`] | Linux, `--cfg tokio_unstable` |
//! | who spawned them, in any profile reader? | [`Tasks::profile`] | as for sites |
//!
//! [`Builder`] needs a build with `--cfg tokio_unstable`, since tokio's hooks do. Without, sites of your own spawns are known all
//! the same.
//!
//! # In a service's tests
//!
//! ```
//! use detectors::tasks::{Builder, TaskCheck};
//!
//! async fn look_up(domain: &str) -> usize {
//!     let reader = tokio::spawn(async { 443 });
//!     domain.len() + reader.await.expect("it doesn't panic")
//! }
//!
//! let runtime = Builder::new_current_thread().build()?;
//! runtime.block_on(async {
//!     let check = TaskCheck::new("look_up", &tokio::runtime::Handle::current());
//!     assert_eq!(look_up("example.org").await, 454);
//!     check.find().await.assert_none();
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Tasks that can never wake
//!
//! A task that waits runs again when somebody calls its waker. Where nobody can, the task is *stuck*: it stays for ever, with all that it
//! holds. That is told from the first such task on, by two rules.
//!
//! - [`Rule::Counts`]: tokio counts the references to each task. The count says whether a waker of it exists anywhere. It costs next to
//!   nothing, and is exact.
//! - [`Rule::Reach`]: a task may be the only one who holds its own waker, as one does that owns the sender for which it waits; or two tasks
//!   wait for each other. Hold a `Scope::of_process` from before the tasks are spawned on, and the program's memory is read for who
//!   holds each waker. That is conservative: an old pointer that was left on a stack or in a block's unused room makes a stuck task look
//!   as if it could wake. So this rule finds some, and tells of none that can wake: of the stuck tasks of three hundred random programs in one
//!   process, which leave many such pointers behind, it found 5 in 10.
//!
//! Go's `goroutineleak` profile goes by the same rule, and its collector knows each pointer. Of twenty programs in both languages eighteen have
//! the same answer. In two the goroutine waits for ever and the task ends, since a channel of Rust's ends with its senders or its receiver.
//!
//! | what may hide a waker | is |
//! |---|---|
//! | a register, a waker that is being moved, a `static`, the kernel (`io_uring`), C's memory, a pointer in other bits | counted: such a task is never called stuck for want of a waker |
//! | wakers that wrap wakers: `FuturesUnordered`, `JoinSet`, `select!`, `AtomicWaker`, `Arc<Wake>` | followed, each by the block that it lies in |
//! | a task that runs, is due, or is within `block_in_place` | no finding: its own state says so |
//! | the stack of a runtime's own thread that rests | left out from where the runtime runs tasks on, since only the runtime's own calls are there: told by tokio's count of rests, from 1.45 on |
//! | what `spawn_blocking` runs, other threads, other runtimes, `LocalSet`, other executors | taken for what can wake whoever waits for it |
//! | the registers of a thread that was about to run in both looks | *not decided* |
//! | a handle to abort the task; a waker that isn't found in memory | *not decided* |
//! | a pointer with a mark in its lowest bits, or in those above an address | followed |
//! | a sender in a block that nothing points at, as after `Box::leak`, or behind a pointer in other bits | *not decided*; where an old pointer in a stuck task's memory happens to lead to that block, the task is called stuck: once in some hundred random programs that hide a sender so |
//! | a block shared more often than pointers to it are seen, as by a pointer in other bits | *not decided*; but the task's own memory may have old copies of the pointer, which count as seen |
//! | what was left in glibc's heap and is free: its lists, its threads' caches, its end | left out: glibc's own marks tell each such part |
//! | what was left in another allocator's freed memory, on stacks, in unused room; a `JoinSet` whose tasks are all stuck | a miss, and never a finding |
//! | a tokio that keeps its tasks in another way than 1.41 to 1.54 | an error: a task of this library's own finds it out, each time |
//!
//! # Where it can mislead you
//!
//! - A task that waits for ever on purpose, until it is aborted, can't wake either: leave it out by [`TaskCheck::ignoring`].
//! - What `spawn_blocking` runs is a thread, and no task here. What a `LocalSet` runs, tokio neither counts nor tells of.
//! - A task that has ended shows for some milliseconds more. [`TaskCheck`] waits for it; a single [`alive`] doesn't.
//! - tokio numbers its runtimes from 1.49 on, and before that in a build with `--cfg tokio_unstable`. Without a number the tasks that
//!   [`spawn`] and its sisters count are told for all runtimes of the process together.
//! - A site is the line that called the spawning function. Where that is one function for all of a service, its callers tell
//!   more: see [`SpawnSite::resolve`].

mod builder;
mod guarded;
mod hooked;
mod left;
pub(crate) mod outlook;
mod runtime_id;
mod snapshot;
mod spawn;
mod stuck;
mod text;
mod waiting;

pub use crate::readings::spawn_site::SpawnSite;
pub use builder::Builder;
#[doc(hidden)]
pub use guarded::entries;
pub use left::{LeftTasks, TaskCheck};
pub use outlook::{AliveTask, NoOutlooks, Outlook, Outlooks, Rule, Why, WokenBy, outlooks};
pub use snapshot::{NewTasks, Tasks, alive, by_site};
pub use spawn::{Tracked, spawn, spawn_on, tracked};
pub use stuck::StuckTasks;
pub use waiting::{AwaitStack, NoAwaitStacks, await_stacks};
