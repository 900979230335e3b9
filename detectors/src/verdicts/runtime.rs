//! The runtimes that watches and peaks run async workloads on.

use crate::readings::counters::{Group, RunsTasks};
use crate::readings::tasks;
use tokio::runtime::{Handle, Runtime, RuntimeFlavor};

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

/// Runs a watch of plain calls on a thread that may drive a runtime just now. The runtime's other threads take over what it does here.
///
/// # Panics
///
/// Where it is the only thread of a runtime that has tasks.
pub(crate) fn beside<T>(what: &str, watch: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Err(_) => watch(),
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread => {
            let before = tasks::alive(&runtime);
            let refuse = |when: &str, tasks: usize| {
                assert!(
                    tasks == 0,
                    "detectors: {what} holds the only thread of the current-thread runtime that it is called in, as in #[tokio::test], \
                     and {tasks} of its tasks {when}: they can't run, so what they keep is no leak, and what they would do isn't \
                     seen. In a plain #[test], Watch::run_async drives such tasks on a runtime of its own, and Watch::run_on on the service's."
                );
            };
            refuse("wait already", before);
            let seen = watch();
            refuse("were spawned and never ran", tasks::alive(&runtime));
            seen
        }
        Ok(_) => tokio::task::block_in_place(watch),
    }
}

/// Runs a watch that blocks on a runtime, on a thread that may drive another just now.
///
/// # Panics
///
/// Where it is the only thread of a runtime: it can't wait for another there.
pub(crate) fn apart<T>(what: &str, watch: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Err(_) => watch(),
        Ok(runtime) => {
            assert!(
                runtime.runtime_flavor() != RuntimeFlavor::CurrentThread,
                "detectors: {what} drives a runtime, and can't on a thread that drives a current-thread runtime already, as in \
                 #[tokio::test]: call it in a plain #[test] function, or within #[tokio::test(flavor = \"multi_thread\")]"
            );
            tokio::task::block_in_place(watch)
        }
    }
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
