//! The runtimes that watches and peaks run async workloads on.

use crate::counters::RunsTasks;
use tokio::runtime::{Builder, Handle, Runtime};

/// A current-thread runtime with everything enabled.
///
/// # Panics
///
/// When the system refuses it its resources.
pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives a runtime its event queue")
}

/// The tasks of a runtime.
#[derive(Debug)]
pub(crate) struct TasksOf(pub(crate) Handle);

impl RunsTasks for TasksOf {
    fn tasks(&self) -> Option<usize> {
        Some(self.0.metrics().num_alive_tasks())
    }
}
