//! Counts by the runtime's own hooks: every task of a runtime that [`Builder`](super::Builder) built, whoever spawned it.

#![cfg_attr(not(tokio_unstable), expect(dead_code, reason = "nothing hooks"))]

use super::runtime_id::RuntimeId;
use crate::readings::spawn_site::{ByLocation, SpawnSite};
use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::task;

/// The runtimes that tell of their tasks. A runtime's hooks own its counts, so they go when it goes.
static RUNTIMES: Mutex<Vec<(RuntimeId, Weak<Hooked>)>> = Mutex::new(Vec::new());

/// The counts of one runtime.
#[derive(Debug)]
pub(super) struct Hooked {
    alive: ByLocation<Alive>,
    /// The sites of the alive tasks, where they are remembered.
    tasks: Option<Mutex<HashMap<task::Id, SpawnSite>>>,
}

#[derive(Debug)]
struct Alive {
    site: SpawnSite,
    /// Below zero for a moment when a runtime that is shut down refuses a task: the end is told before the start.
    tasks: AtomicI64,
}

impl Hooked {
    pub(super) fn new(remembers_tasks: bool) -> Self {
        Hooked {
            alive: ByLocation::new(),
            // Only for where they wait.
            tasks: (remembers_tasks && cfg!(tells_await_stacks)).then(Mutex::default),
        }
    }

    pub(super) fn spawned(&self, task: task::Id, location: &'static Location<'static>) {
        let alive = self.alive(location);
        alive.tasks.fetch_add(1, Relaxed);
        self.remembered(|tasks| tasks.insert(task, alive.site));
    }

    pub(super) fn ended(&self, task: task::Id, location: &'static Location<'static>) {
        self.alive(location).tasks.fetch_sub(1, Relaxed);
        self.remembered(|tasks| tasks.remove(&task));
    }

    fn alive(&self, location: &'static Location<'static>) -> &Alive {
        self.alive.get(location, |location| Alive {
            site: SpawnSite::at(location),
            tasks: AtomicI64::new(0),
        })
    }

    fn remembered<T>(
        &self,
        change: impl FnOnce(&mut HashMap<task::Id, SpawnSite>) -> Option<T>,
    ) -> Option<T> {
        let tasks = self.tasks.as_ref()?;
        // An instrument's own memory is none of the program's.
        crate::allocator::uncounted(|| {
            change(&mut tasks.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }

    /// Where a task was spawned; `None` when it has ended, or when tasks aren't remembered.
    #[cfg(tells_await_stacks)]
    pub(super) fn site_of(&self, task: task::Id) -> Option<SpawnSite> {
        self.remembered(|tasks| tasks.get(&task).copied())
    }

    /// The alive tasks by site; a site may come more than once.
    pub(super) fn each_site(&self, mut visit: impl FnMut(SpawnSite, u64)) {
        for alive in self.alive.iter() {
            visit(
                alive.site,
                u64::try_from(alive.tasks.load(Relaxed)).unwrap_or(0),
            );
        }
    }
}

/// From now on the runtime is known to tell of its tasks.
pub(super) fn register(runtime: RuntimeId, hooked: &Arc<Hooked>) {
    let mut runtimes = RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner);
    crate::allocator::uncounted(|| {
        runtimes.retain(|(_, hooked)| hooked.strong_count() > 0);
        runtimes.push((runtime, Arc::downgrade(hooked)));
    });
}

/// The counts of a runtime that tells of its tasks.
pub(super) fn of(runtime: RuntimeId) -> Option<Arc<Hooked>> {
    let runtimes = RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, hooked) = runtimes.iter().find(|(id, _)| *id == runtime)?;
    hooked.upgrade()
}

pub(super) fn is_hooked(runtime: RuntimeId) -> bool {
    of(runtime).is_some()
}
