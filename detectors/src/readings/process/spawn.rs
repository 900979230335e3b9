//! Starts threads that are remembered by who started them.

use super::Thread;
use crate::allocator::uncounted;
use crate::readings::kernel;
use crate::readings::spawn_site::SpawnSite;
use std::collections::BTreeMap;
use std::io;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// The threads that run, by the kernel's number.
static RUNNING: Mutex<BTreeMap<i32, SpawnSite>> = Mutex::new(BTreeMap::new());

/// Starts a thread as [`std::thread::spawn`] does, and remembers it by the line that calls this for as long as it runs.
///
/// ```
/// use detectors::process::{spawn_thread, threads};
/// use std::sync::mpsc::channel;
///
/// let (stop, stopped) = channel::<()>();
/// let (started, has_started) = channel::<()>();
/// let line = line!() + 1;
/// let watcher = spawn_thread(move || { drop(started); stopped.recv() });
/// let _ = has_started.recv();
/// # #[cfg(target_os = "linux")]
/// assert!(threads()?.iter().any(|thread| thread.spawned_at.is_some_and(|at| at.line() == line)));
/// drop(stop);
/// # let _ = watcher.join();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// When the system refuses a thread.
#[track_caller]
pub fn spawn_thread<F, T>(work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match spawn_thread_with(Builder::new(), work) {
        Ok(handle) => handle,
        Err(error) => panic!("the system refuses a thread: {error}"),
    }
}

/// The same, with a name or a stack size by the standard library's builder.
///
/// # Errors
///
/// When the system refuses a thread.
#[track_caller]
pub fn spawn_thread_with<F, T>(builder: Builder, work: F) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let location = Location::caller();
    let site = uncounted(|| SpawnSite::at(location));
    builder.spawn(move || {
        let _running = Running::here(site);
        work()
    })
}

struct Running(i32);

impl Running {
    fn here(site: SpawnSite) -> Self {
        let id = kernel::thread_id();
        uncounted(|| running(|threads| threads.insert(id, site)));
        Running(id)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        uncounted(|| running(|threads| threads.remove(&self.0)));
    }
}

fn running<T>(with: impl FnOnce(&mut BTreeMap<i32, SpawnSite>) -> T) -> T {
    with(&mut RUNNING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Says of each thread who started it, where that is known.
pub(super) fn add_sites(threads: &mut [Thread]) {
    running(|running| {
        for thread in threads {
            thread.spawned_at = running.get(&thread.id).copied();
        }
    });
}
