//! What is counted beside the heap: tasks of the workload's runtime; sockets, descriptors and threads of the process.

use crate::allocator;
use crate::model::finding::SiteOutlook;
use crate::model::judge::Floors;
use crate::model::kind::{Counts, Kind, NotRead};
use crate::model::place::Site;
use crate::readings::heap::HeapSource;
use crate::readings::kernel::{self, Whose};
use crate::readings::memory::Accounts;
use crate::readings::process;
use std::fmt;

/// A group that explains less than this share of its kind's growth is not worth a reader's time.
const LEAST_SHARE: f64 = 0.05;

const SHARED: &str = "other tests share this process: declare the test with detectors::tests! to have one for itself";

/// Whatever runs the workload: only that knows its tasks.
pub(crate) trait RunsTasks {
    /// How many async tasks are alive; `None` where the workload has no runtime that is known.
    fn tasks(&self) -> Option<usize> {
        None
    }

    /// The alive tasks by where they were spawned; empty where this build doesn't know.
    fn tasks_by_site(&self) -> Vec<Group> {
        Vec::new()
    }

    /// What may become of the alive tasks, by where they were spawned: `None` is where this build doesn't know. `None` for all where the
    /// workload has no runtime that is known; an error says why it can't be told. Some tenths of a second.
    fn outlooks(&self) -> Option<Result<Outlooks, String>> {
        None
    }
}

/// What may become of tasks, by where they were spawned; where that isn't known, of those together.
pub(crate) type Outlooks = Vec<(Option<Site>, SiteOutlook)>;

/// Tasks of one spawn site, sockets to one peer, descriptors of one kind: what is told apart within a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Where it is made, when that is known.
    pub(crate) at: Option<Site>,
    pub(crate) count: u64,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Reads all that isn't heap.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Whether what the process has is the workload's: not so where tests share it.
    reads_process: bool,
    start: Counts,
    /// Resident bytes that held no block at the start; why not, where that can't be read.
    free_at_start: Result<u64, String>,
    /// The groups at the start, of the kinds that the process has.
    before: Vec<(Kind, Vec<Group>)>,
}

impl Counters {
    /// Reads the process' sockets, descriptors and threads only where the heap is the whole process' as well.
    pub(crate) fn suitable_for(source: &dyn HeapSource) -> Self {
        Counters {
            reads_process: source.counts_process(),
            start: Counts::default(),
            free_at_start: Err("the watch has not begun".to_owned()),
            before: Vec::new(),
        }
    }

    /// Room for the floors of each kind that can be read here.
    pub(crate) fn floors(&self, runs: &dyn RunsTasks, windows: usize) -> Vec<(Kind, Floors)> {
        let now = self.now(runs);
        let readable = Counts::KINDS
            .into_iter()
            .filter(|kind| now.get(*kind).is_some());
        readable
            .map(|kind| (kind, Floors::with_capacity(windows)))
            .collect()
    }

    /// What can't be read here, and why.
    pub(crate) fn not_read(&self, runs: &dyn RunsTasks) -> Vec<NotRead> {
        let now = self.now(runs);
        let missing = Counts::KINDS
            .into_iter()
            .filter(|kind| now.get(*kind).is_none());
        missing
            .map(|kind| NotRead {
                kind,
                why: self.why_not(kind),
            })
            .collect()
    }

    /// Resident bytes that were freed since the start, and stayed.
    ///
    /// # Errors
    ///
    /// Why that can't be read here.
    pub(crate) fn kept_after_free(&self) -> Result<u64, String> {
        let before = self.free_at_start.clone()?;
        self.free_now().map(|now| now.saturating_sub(before))
    }

    fn why_not(&self, kind: Kind) -> String {
        if kind == Kind::Tasks {
            "the iterations are plain calls, and the watch was given no runtime whose tasks it could count".to_owned()
        } else if self.reads_process {
            "this system doesn't tell what a process has open".to_owned()
        } else {
            SHARED.to_owned()
        }
    }

    /// Takes what there is now for the start. Must come before the heap source starts, since it allocates.
    pub(crate) fn begin(&mut self, runs: &dyn RunsTasks) {
        self.before = Counts::KINDS
            .into_iter()
            .map(|kind| (kind, self.groups_now(kind, runs)))
            .collect();
        self.free_at_start = self.free_now();
        self.start = self.now(runs);
    }

    /// What there is, above what there was at the start. Doesn't allocate.
    pub(crate) fn read(&self, runs: &dyn RunsTasks) -> Counts {
        self.now(runs).zip(&self.start, |now, start| now - start)
    }

    /// The groups of a kind that are larger than at the start, by how much for each iteration: the largest first. Allocates,
    /// so it is for a pass that has stopped its heap source.
    pub(crate) fn grown_groups(
        &self,
        kind: Kind,
        runs: &dyn RunsTasks,
        iterations: u64,
    ) -> Vec<(Group, f64)> {
        let before = self
            .before
            .iter()
            .find_map(|(of, groups)| (*of == kind).then_some(groups.as_slice()))
            .unwrap_or_default();
        let count_before = |group: &Group| {
            let same = before
                .iter()
                .find(|other| other.name == group.name && other.at == group.at);
            same.map_or(0, |other| other.count)
        };
        let mut grown: Vec<(Group, f64)> = self
            .groups_now(kind, runs)
            .into_iter()
            .filter_map(|group| {
                let more = group.count.checked_sub(count_before(&group))?;
                let per_iteration = more as f64 / iterations.max(1) as f64;
                (more > 0).then_some((group, per_iteration))
            })
            .collect();
        let total: f64 = grown.iter().map(|(_, per_iteration)| per_iteration).sum();
        grown.retain(|(_, per_iteration)| *per_iteration >= LEAST_SHARE * total);
        grown.sort_by(|(group, per_iteration), (other, of_other)| {
            let largest_first = of_other.total_cmp(per_iteration);
            largest_first.then(group.name.cmp(&other.name))
        });
        grown
    }

    fn now(&self, runs: &dyn RunsTasks) -> Counts {
        let mut now = Counts::default();
        if self.reads_process {
            now = kernel::counts(Whose::Own);
        }
        now.tasks = runs.tasks().and_then(|tasks| tasks.try_into().ok());
        now
    }

    /// What is resident and holds no block.
    fn free_now(&self) -> Result<u64, String> {
        if !self.reads_process {
            return Err(SHARED.to_owned());
        }
        if !allocator::is_in_use() {
            return Err(
                "what the instrument itself holds is resident too; a detectors::ProfilingAllocator tells the two apart"
                    .to_owned(),
            );
        }
        Accounts::now()
            .map(|accounts| accounts.free())
            .map_err(|error| error.to_string())
    }

    fn groups_now(&self, kind: Kind, runs: &dyn RunsTasks) -> Vec<Group> {
        match kind {
            Kind::Tasks => runs.tasks_by_site(),
            _ if self.reads_process => process_groups(kind),
            _ => Vec::new(),
        }
    }
}

/// What the process has open of a kind. What can't be read was told by the counts already.
fn process_groups(kind: Kind) -> Vec<Group> {
    let groups = process::groups(kind).unwrap_or_default();
    let named = groups.into_iter().map(|group| Group {
        name: group.name,
        at: group.spawned_at.map(|site| site.resolve()),
        count: group.count,
    });
    named.collect()
}
