//! The alive tasks of a runtime at one moment, as a value.

use super::runtime_id::RuntimeId;
use super::{guarded, hooked};
use crate::model::words::{frame_from_here, grouped};
use crate::profile::{Profile, ProfileError};
use crate::readings::spawn_site::{self, SpawnSite};
use std::fmt;
use tokio::runtime::Handle;

/// How many tasks of a runtime are alive: spawned, and neither done nor dropped.
///
/// Exact on every build, and doesn't allocate. What ends shows with a delay: a task's count was seen to lag by up to 5 ms after
/// its `JoinHandle` had resolved, and always does right after `abort`. [`TaskCheck`](super::TaskCheck) waits for that.
///
/// Not counted, by tokio itself: the future that `block_on` runs, what `spawn_blocking` runs, and tasks of a `LocalSet`.
pub fn alive(runtime: &Handle) -> usize {
    runtime.metrics().num_alive_tasks()
}

/// The alive tasks of a runtime by where they were spawned, most first. Sites without a task are left out.
///
/// On a runtime of [`Builder`](super::Builder) these are all tasks. On any other, those that were spawned through
/// [`spawn`](super::spawn) and its sisters.
pub fn by_site(runtime: &Handle) -> Vec<(SpawnSite, u64)> {
    sites_of(RuntimeId::of(runtime))
}

fn sites_of(runtime: RuntimeId) -> Vec<(SpawnSite, u64)> {
    let mut sites: Vec<(SpawnSite, u64)> = Vec::new();
    let mut add = |site, tasks| {
        if tasks > 0 {
            sites.push((site, tasks));
        }
    };
    // Never both: a wrapped task of a hooked runtime is in either table.
    match hooked::of(runtime) {
        Some(hooked) => hooked.each_site(&mut add),
        None => guarded::each_site(runtime, &mut add),
    }
    sites.sort_unstable_by_key(|(site, _)| *site);
    sites.dedup_by(|(again, more), (site, tasks)| {
        let is_same = again == site;
        if is_same {
            *tasks += *more;
        }
        is_same
    });
    sites.sort_by_key(|(_, tasks)| std::cmp::Reverse(*tasks));
    sites
}

/// The alive tasks of a runtime at one moment: a baseline to hold, and to compare with a later moment.
///
/// ```
/// use detectors::tasks::{Builder, Tasks};
///
/// let runtime = Builder::new_current_thread().build()?;
/// let before = Tasks::of(runtime.handle());
/// let watcher = runtime.spawn(std::future::pending::<()>());
/// let after = Tasks::of(runtime.handle());
/// assert_eq!(after.alive() - before.alive(), 1);
/// assert_eq!(after.since(&before).tasks(), 1);
/// # drop(watcher);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tasks {
    runtime: RuntimeId,
    alive: u64,
    sites: Vec<(SpawnSite, u64)>,
    is_hooked: bool,
}

impl Tasks {
    /// What is alive on that runtime now.
    pub fn of(runtime: &Handle) -> Self {
        let id = RuntimeId::of(runtime);
        Tasks {
            runtime: id,
            alive: alive(runtime) as u64,
            sites: sites_of(id),
            is_hooked: hooked::is_hooked(id),
        }
    }

    /// How many.
    pub fn alive(&self) -> u64 {
        self.alive
    }

    /// How many by spawn site, most first.
    pub fn by_site(&self) -> &[(SpawnSite, u64)] {
        &self.sites
    }

    /// How many at one site.
    pub fn at(&self, site: SpawnSite) -> u64 {
        let found = self.sites.iter().find(|(other, _)| *other == site);
        found.map_or(0, |(_, tasks)| *tasks)
    }

    /// How many whose site isn't known: spawned past this library, on a runtime that doesn't tell of its tasks.
    pub fn unknown(&self) -> u64 {
        let known = self.sites.iter().map(|(_, tasks)| tasks).sum();
        self.alive.saturating_sub(known)
    }

    /// Whether the runtime tells of every task, whoever spawned it.
    pub fn is_hooked(&self) -> bool {
        self.is_hooked
    }

    /// What is alive now and wasn't at the baseline.
    ///
    /// Counted by site: where one task has ended and another one was spawned elsewhere, one is new.
    ///
    /// # Panics
    ///
    /// When the two are of different runtimes.
    #[track_caller]
    pub fn since(&self, baseline: &Tasks) -> NewTasks {
        assert!(
            self.runtime == baseline.runtime,
            "detectors: the baseline is of runtime {}, and these are the tasks of runtime {}",
            baseline.runtime,
            self.runtime
        );
        NewTasks {
            sites: self
                .sites
                .iter()
                .filter_map(|&(site, tasks)| {
                    let more = tasks.saturating_sub(baseline.at(site));
                    (more > 0).then_some((site, more))
                })
                .collect(),
            unknown: self.unknown().saturating_sub(baseline.unknown()),
        }
    }

    /// The tasks as a pprof profile of one sample type, `tasks`, by the stack of what spawned them: as Go's goroutine profile
    /// shows who waits, this one shows who was sent.
    ///
    /// ```
    /// use detectors::tasks::{Builder, Tasks};
    ///
    /// let runtime = Builder::new_current_thread().build()?;
    /// # #[cfg(tokio_unstable)] {
    /// let _watcher = runtime.spawn(std::future::pending::<()>());
    /// let profile = Tasks::of(runtime.handle()).profile()?;
    /// assert_eq!(profile.total("tasks")?, 1);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When no task is alive.
    pub fn profile(&self) -> Result<Profile, ProfileError> {
        let (sites, counts): (Vec<SpawnSite>, Vec<u64>) = self.sites.iter().copied().unzip();
        let mut stacks: Vec<_> = spawn_site::stacks(&sites).into_iter().zip(counts).collect();
        if self.unknown() > 0 {
            let unknown = crate::model::place::Frame {
                function: "an unknown spawn site".to_owned(),
                file: String::new(),
                line: 0,
            };
            stacks.push((vec![unknown], self.unknown()));
        }
        Profile::of_counts("the alive tasks", "tasks", &stacks)
    }
}

/// A line for each site.
impl fmt::Display for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |tasks: u64| grouped(tasks.cast_signed());
        writeln!(f, "{:>8} tasks alive", count(self.alive))?;
        let (spawn_sites, counts): (Vec<SpawnSite>, Vec<u64>) = self.sites.iter().copied().unzip();
        for (site, tasks) in spawn_site::resolve(&spawn_sites).iter().zip(counts) {
            let frame = frame_from_here(&site.frame);
            writeln!(f, "{:>8} {frame}", count(tasks))?;
        }
        if self.unknown() > 0 {
            writeln!(f, "{:>8} at sites that aren't known", count(self.unknown()))?;
        }
        Ok(())
    }
}

/// Tasks that weren't there at a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTasks {
    pub(super) sites: Vec<(SpawnSite, u64)>,
    pub(super) unknown: u64,
}

impl NewTasks {
    /// How many.
    pub fn tasks(&self) -> u64 {
        self.sites.iter().map(|(_, tasks)| tasks).sum::<u64>() + self.unknown
    }

    /// How many by spawn site, most first.
    pub fn by_site(&self) -> &[(SpawnSite, u64)] {
        &self.sites
    }

    /// How many whose site isn't known.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }
}
