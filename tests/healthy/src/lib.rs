//! Ten kinds of healthy code by real crates, each under the work that a service gives it: keys and sizes are random, entries come and
//! go, connections break, and what the crate started goes on in threads and tasks of its own.
//!
//! | module | state is made | what is awkward about it |
//! |---|---|---|
//! | [`cache`] | once, outside of the setup | weights, a time to live, and entries that go when the cache finds time |
//! | [`pool`] | once | threads; connections that break and are made anew |
//! | [`parser`] | by the setup | documents of any size; the newest articles are kept |
//! | [`http`] | once | clients that give up; sessions that expire |
//! | [`broker`] | once | a log of messages that fills its segments and drops the oldest |
//! | [`timers`] | by the setup | sessions that end after some time |
//! | [`search`] | by the setup | an index that commits, merges and forgets |
//! | [`web_socket`] | once | connections that come and go, with and without a closing handshake |
//! | [`logger`] | once | spans, and a thread that writes |
//! | [`database`] | once | pipelines, subscriptions, and calls that are given up |
//!
//! A workload doesn't know who looks at it: a watch, or the witness.

pub mod broker;
pub mod cache;
pub mod database;
pub mod http;
pub mod logger;
pub mod parser;
pub mod pool;
mod random;
pub mod search;
pub mod timers;
pub mod web_socket;
pub mod witness;
mod workers;

use detectors::{Evidence, Watch};
use tokio::runtime::{Builder, Handle, Runtime};

/// Who looks at a workload, and runs it as often as it takes to say something.
pub trait Observer {
    /// What is said.
    type Says;

    /// Looks at plain calls. The setup makes a fresh state and returns the iteration.
    fn of_calls<W: FnMut()>(self, setup: impl Fn() -> W) -> Self::Says;

    /// Looks at futures on the service's own runtime.
    fn of_futures<S, W>(self, runtime: &Handle, setup: S) -> Self::Says
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut();

    /// Looks at futures on a runtime of their own.
    fn of_futures_alone<S, W>(self, setup: S) -> Self::Says
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut();
}

impl Observer for Watch {
    type Says = Evidence;

    fn of_calls<W: FnMut()>(self, setup: impl Fn() -> W) -> Evidence {
        self.run(setup)
    }

    fn of_futures<S, W>(self, runtime: &Handle, setup: S) -> Evidence
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut(),
    {
        self.run_on(runtime, setup)
    }

    fn of_futures_alone<S, W>(self, setup: S) -> Evidence
    where
        S: AsyncFn() -> W,
        W: AsyncFnMut(),
    {
        self.run_async(setup)
    }
}

/// A service's runtime, which has threads of its own.
fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system has room for a runtime")
}
