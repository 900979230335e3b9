//! Whether a piece of code leaves tasks behind: taken as a baseline, found as a value, asserted in words.

use super::snapshot::{NewTasks, Tasks};
use super::stuck::{self, StuckTasks};
use super::waiting::{AwaitStack, await_stacks};
use crate::model::complaint::{Complaint, passed};
use crate::model::out;
use crate::model::place::Site;
use crate::model::verdict::Verdict;
use crate::readings::spawn_site::{self, SpawnSite};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

/// The first wait, and the longest: above the 5 ms by which a runtime's count was seen to lag.
const FIRST_WAIT: Duration = Duration::from_micros(200);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// How long tasks may take to end, unless told otherwise.
const WITHIN: Duration = Duration::from_secs(1);

/// How long the runtime may take to say where tasks wait.
pub(super) const DUMP_WITHIN: Duration = Duration::from_secs(2);

/// Finds tasks that a piece of code leaves behind on a runtime.
///
/// ```should_panic
/// use detectors::tasks::{Builder, TaskCheck};
///
/// let runtime = Builder::new_current_thread().build()?;
/// runtime.block_on(async {
///     let check = TaskCheck::new("the watcher", &tokio::runtime::Handle::current());
///     tokio::spawn(std::future::pending::<()>());
///     check.find().await.assert_none(); // one is left: this fails
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Where it can mislead you
///
/// - It sees the whole runtime. What somebody else spawned there meanwhile is left behind as well: give each test a runtime.
/// - Where sites aren't known, a new task makes up for one that ended. [`Builder`](super::Builder) lets them be known.
/// - What `spawn_blocking` runs and what a `LocalSet` runs, tokio doesn't count.
#[derive(Debug, Clone)]
pub struct TaskCheck {
    name: String,
    runtime: Handle,
    baseline: Tasks,
    ignored: Vec<String>,
    within: Duration,
}

impl TaskCheck {
    /// A check whose baseline is what is alive now. The name goes into the failure's text.
    pub fn new(name: impl Into<String>, runtime: &Handle) -> Self {
        TaskCheck {
            name: name.into(),
            runtime: runtime.clone(),
            baseline: Tasks::of(runtime),
            ignored: Vec::new(),
            within: WITHIN,
        }
    }

    /// Compares with a baseline that was taken earlier.
    ///
    /// # Panics
    ///
    /// When it was taken of another runtime.
    #[must_use]
    #[track_caller]
    pub fn since(mut self, baseline: Tasks) -> Self {
        // Compared once here, so that the misuse is reported where it is made.
        let _ = self.baseline.since(&baseline);
        self.baseline = baseline;
        self
    }

    /// Leaves out tasks that were spawned in a function, a file or at a `file:line` whose name has this text in it; may be
    /// called again for more. Only the spawning line itself is looked at, and not who called it.
    #[must_use]
    pub fn ignoring(mut self, site: impl Into<String>) -> Self {
        self.ignored.push(site.into());
        self
    }

    /// How long tasks may take to end; a second unless told otherwise. It waits only as long as there are some.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// What is left once what was about to end has ended.
    ///
    /// Returns as soon as nothing is left. Else it looks again after 0.2 ms, 0.4 ms and so on, never waiting more than 20 ms at
    /// once, until the time is up.
    ///
    /// # Panics
    ///
    /// On a runtime without timers.
    pub async fn find(&self) -> LeftTasks {
        let started = Instant::now();
        let mut names = BTreeMap::new();
        let mut wait = FIRST_WAIT;
        // A task that has been woken, and has only to run to be done.
        tokio::task::yield_now().await;
        loop {
            let now = Tasks::of(&self.runtime);
            let mut left = self.left(&now, &mut names);
            let waited = started.elapsed();
            if left.tasks() == 0 || waited >= self.within {
                left.waited = waited;
                if left.tasks() > 0 {
                    left.profile = keep(&self.name, &now);
                    self.say_where_they_wait(&mut left).await;
                }
                return left;
            }
            tokio::time::sleep(wait.min(self.within.saturating_sub(waited))).await;
            wait = LONGEST_WAIT.min(2 * wait);
        }
    }

    /// Which alive tasks can never wake, whenever they were spawned: see [`outlooks`](super::outlooks).
    ///
    /// A task that runs, or couldn't be judged, is looked at again, for as long as tasks may take to end. A stuck task stays stuck.
    ///
    /// ```
    /// use detectors::tasks::{Builder, TaskCheck};
    ///
    /// let runtime = Builder::new_current_thread().build()?;
    /// runtime.block_on(async {
    ///     let check = TaskCheck::new("greetings", &tokio::runtime::Handle::current());
    ///     tokio::spawn(async { "hello" }).await.expect("it doesn't panic");
    /// # if cfg!(not(all(target_os = "linux", target_pointer_width = "64"))) { return }
    ///     check.find_stuck().await.assert_none_stuck();
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// On a runtime without timers.
    pub async fn find_stuck(&self) -> StuckTasks {
        stuck::find(&self.name, &self.runtime, &self.ignored, self.within).await
    }

    fn left(&self, now: &Tasks, names: &mut BTreeMap<SpawnSite, Site>) -> LeftTasks {
        let NewTasks { sites, unknown } = now.since(&self.baseline);
        let unresolved: Vec<SpawnSite> = sites
            .iter()
            .map(|(spawn_site, _)| *spawn_site)
            .filter(|spawn_site| !names.contains_key(spawn_site))
            .collect();
        if !self.ignored.is_empty() {
            names.extend(
                unresolved
                    .iter()
                    .copied()
                    .zip(spawn_site::resolve(&unresolved)),
            );
        }
        let (ignored, sites): (Vec<_>, Vec<_>) = sites.into_iter().partition(|(spawn_site, _)| {
            let name = names.get(spawn_site).map(spawning_line);
            name.is_some_and(|name| self.ignored.iter().any(|ignored| name.contains(ignored)))
        });
        LeftTasks {
            name: self.name.clone(),
            before: self.baseline.alive(),
            alive: now.alive(),
            sites,
            unknown,
            ignored: ignored.iter().map(|(_, tasks)| tasks).sum(),
            ignores: self.ignored.clone(),
            is_hooked: now.is_hooked(),
            waited: Duration::ZERO,
            waiting: Vec::new(),
            profile: None,
        }
    }

    async fn say_where_they_wait(&self, left: &mut LeftTasks) {
        // It is more than was asked for: where it can't be had, the rest is still worth telling. A runtime with threads is better
        // not asked without need: see `await_stacks`.
        if self.runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
            return;
        }
        let Ok(stacks) = await_stacks(&self.runtime, DUMP_WITHIN, 1).await else {
            return;
        };
        left.waiting = stacks
            .into_iter()
            .filter(|stack| left.sites.iter().any(|(site, _)| Some(*site) == stack.site))
            .collect();
    }
}

/// The profile's file.
const PROFILE: &str = "tasks.pb.gz";

/// The profile of what is alive, for a test that is run with `DETECTORS_OUT`.
fn keep(name: &str, alive: &Tasks) -> Option<PathBuf> {
    let profile = alive.profile().ok()?;
    let folder = out::keep(name, "profile", |folder| {
        std::fs::create_dir_all(folder)
            .map_err(|error| out::about(folder, "made", &error).to_string())?;
        profile
            .write(folder.join(PROFILE))
            .map_err(|error| error.to_string())
    })?;
    Some(folder.join(PROFILE))
}

/// `function (file:line)` of the spawn itself, whosever code it is.
pub(super) fn spawning_line(site: &Site) -> String {
    site.stack
        .first()
        .map_or_else(String::new, ToString::to_string)
}

/// The tasks that a [`TaskCheck`] found left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftTasks {
    pub(super) name: String,
    pub(super) before: u64,
    pub(super) alive: u64,
    pub(super) sites: Vec<(SpawnSite, u64)>,
    pub(super) unknown: u64,
    pub(super) ignored: u64,
    pub(super) ignores: Vec<String>,
    pub(super) is_hooked: bool,
    pub(super) waited: Duration,
    pub(super) waiting: Vec<AwaitStack>,
    /// The profile of all that is alive, where it was written to.
    pub(super) profile: Option<PathBuf>,
}

impl LeftTasks {
    /// How many tasks are left, without those that were to be ignored.
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

    /// How many were ignored, as it was asked for.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Where one task of each site waits, as far as [`await_stacks`](super::await_stacks) tells it of a current-thread runtime.
    pub fn waiting(&self) -> &[AwaitStack] {
        &self.waiting
    }

    /// `steady` when none is left, `leak` when some are; `inconclusive` when all that is left has no known site and some sites
    /// were to be ignored.
    pub fn verdict(&self) -> Verdict {
        match (self.tasks(), self.sites.is_empty()) {
            (0, _) => Verdict::Steady,
            (_, true) if !self.ignores.is_empty() => Verdict::Inconclusive,
            _ => Verdict::Leak,
        }
    }

    /// Whether none is left.
    ///
    /// # Errors
    ///
    /// With the failure's text: some are, or it couldn't be told.
    pub fn check_none(&self) -> Result<(), Complaint> {
        match self.verdict() {
            Verdict::Steady => Ok(()),
            _ => Err(Complaint::new(self)),
        }
    }

    /// Fails the test when tasks are left.
    ///
    /// # Panics
    ///
    /// With the text of [`check_none`](LeftTasks::check_none).
    #[track_caller]
    pub fn assert_none(&self) -> &Self {
        passed(self, self.check_none())
    }
}
