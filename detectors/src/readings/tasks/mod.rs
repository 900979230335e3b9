//! Async tasks: how many are alive, by where they were spawned, and which ones a piece of code leaves behind.
//!
//! A task that nobody waits for lives on with all that it holds. The heap shows what it holds. This module shows the task.
//!
//! | question | answer | needs |
//! |---|---|---|
//! | how many are alive? | [`alive`] | nothing: any runtime, any build |
//! | where were they spawned? | [`by_site`], [`Tasks`] | your spawns through [`spawn`], [`spawn_on`], [`tracked`]; or a runtime of [`Builder`], for everybody's spawns |
//! | which ones does this code leave behind? | [`TaskCheck`] | sites say where; the count says how many without them |
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
//! # Where it can mislead you
//!
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
mod runtime_id;
mod snapshot;
mod spawn;
mod text;
mod waiting;

pub use crate::readings::spawn_site::SpawnSite;
pub use builder::Builder;
#[doc(hidden)]
pub use guarded::entries;
pub use left::{LeftTasks, TaskCheck};
pub use snapshot::{NewTasks, Tasks, alive, by_site};
pub use spawn::{Tracked, spawn, spawn_on, tracked};
pub use waiting::{AwaitStack, NoAwaitStacks, await_stacks};
