//! The runtimes that watches and peaks run async workloads on.

use crate::readings::counters::{Group, RunsTasks};
use crate::readings::tasks;
use tokio::runtime::{Handle, Runtime};

/// A current-thread runtime with everything enabled, which tells its tasks by spawn site where this build can.
///
/// # Panics
///
/// When the system refuses it its resources.
pub(crate) fn current_thread() -> Runtime {
    tasks::Builder::new_current_thread()
        // Nothing is kept for each task: a heap source that counts the process would take it for the workload's.
        .counts_only()
        .build()
        .expect("the system gives a runtime its event queue")
}

/// The tasks of a runtime.
#[derive(Debug)]
pub(crate) struct TasksOf(pub(crate) Handle);

impl RunsTasks for TasksOf {
    fn tasks(&self) -> Option<usize> {
        Some(tasks::alive(&self.0))
    }

    fn tasks_by_site(&self) -> Vec<Group> {
        let sites = tasks::by_site(&self.0).into_iter();
        sites
            .map(|(site, count)| Group {
                name: site.to_string(),
                at: Some(site.resolve()),
                count,
            })
            .collect()
    }
}
