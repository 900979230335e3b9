//! Runtimes to look at, and the look.

use detectors::tasks::{self, AliveTask, Outlooks};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// How long what must happen may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Flavour {
    Current,
    Threads,
}

pub(crate) const FLAVOURS: [Flavour; 2] = [Flavour::Current, Flavour::Threads];

impl Flavour {
    pub(crate) fn runtime(self) -> Runtime {
        let mut builder = match self {
            Flavour::Current => Builder::new_current_thread(),
            Flavour::Threads => Builder::new_multi_thread(),
        };
        builder
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("the system gives a runtime its event queue")
    }
}

/// Looks until nothing runs and nothing is undecided that is meant to be decided, or for some looks.
pub(crate) async fn settled(is_settled: impl Fn(&Outlooks) -> bool) -> Outlooks {
    let runtime = tokio::runtime::Handle::current();
    let deadline = Instant::now() + DEADLINE;
    loop {
        let outlooks = tasks::outlooks(&runtime).await.expect("this is Linux");
        if is_settled(&outlooks) || Instant::now() > deadline {
            return outlooks;
        }
    }
}

pub(crate) fn of(outlooks: &Outlooks, id: u64) -> &AliveTask {
    let task = outlooks.tasks().iter().find(|task| task.id == id);
    task.unwrap_or_else(|| panic!("task {id} isn't among the alive: {outlooks:?}"))
}

pub(crate) fn id<T>(task: &tokio::task::JoinHandle<T>) -> u64 {
    task.id().to_string().parse().expect("a number")
}

/// So far below, calls are far from the frames of a thread that rests.
const FAR_BYTES: usize = 96 << 10;

/// Makes tasks in a call of its own. They are made one after the other here, by who then looks, where a service makes each by itself. What a
/// call leaves on the stack isn't to lie in the frames of who looks, nor in the next one's blocks: where a type has room that it doesn't use yet, as a oneshot has, whatever was there is copied with it.
#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "it is the stack that is meant")]
pub(crate) fn far_below<T>(call: impl FnOnce() -> T) -> T {
    let mut room = [0_u8; FAR_BYTES];
    std::hint::black_box(&mut room);
    let made = call();
    std::hint::black_box(&mut room);
    made
}

#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "as above")]
pub(crate) fn wipe_below() {
    std::hint::black_box(&mut [0_u8; FAR_BYTES]);
}
