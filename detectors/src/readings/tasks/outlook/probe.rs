//! A task of our own, by which it is learned how tokio keeps tasks: what is looked for in others is found in this one first.

use super::due;
use super::lists::{Reader, State};
use crate::readings::holders::wakes::WakerInMemory;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How long a runtime may take to run it.
const PATIENCE: Duration = Duration::from_secs(5);

const TURN: Duration = Duration::from_millis(1);

/// It waits until this is dropped.
#[derive(Debug)]
pub(super) struct Probe {
    polled: Arc<Mutex<Option<Polled>>>,
    handle: JoinHandle<()>,
    spawned_at: &'static Location<'static>,
}

/// How tokio keeps tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learned {
    /// Where the probe lies, upside down.
    task: usize,
    core: Option<usize>,
    pub(super) waker: WakerInMemory,
    /// Whether a task says where it was spawned.
    pub(super) knows_locations: bool,
}

impl Learned {
    pub(super) fn task(&self) -> usize {
        !self.task
    }

    /// The core of a runtime of one thread.
    pub(super) fn core(&self) -> Option<usize> {
        self.core.map(|core| !core)
    }
}

/// What its poll saw.
#[derive(Debug)]
struct Polled {
    waker: Waker,
    /// The core of its runtime, upside down, where that has one thread.
    core: Option<usize>,
}

struct Waits(Arc<Mutex<Option<Polled>>>);

impl Future for Waits {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let reader = Reader::new();
        let polled = Polled {
            waker: context.waker().clone(),
            core: reader.ok().and_then(|reader| due::core_here(&reader)),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(polled);
        Poll::Pending
    }
}

impl Probe {
    #[track_caller]
    pub(super) fn on(runtime: &Handle) -> Self {
        let polled = Arc::new(Mutex::new(None));
        let waits = Waits(Arc::clone(&polled));
        Probe {
            polled,
            handle: runtime.spawn(waits),
            spawned_at: Location::caller(),
        }
    }

    /// What it shows of its runtime, once it waits.
    ///
    /// # Errors
    ///
    /// In words, when it isn't run in time, or isn't kept as this library knows it.
    pub(super) async fn learned(&self) -> Result<Learned, String> {
        let since = Instant::now();
        loop {
            match self.learn()? {
                Some(learned) => return Ok(learned),
                None if since.elapsed() > PATIENCE => {
                    return Err(format!(
                        "the runtime ran no new task within {} s, or keeps tasks in another way than tokio 1.41 to 1.54",
                        PATIENCE.as_secs()
                    ));
                }
                None => sleep(TURN).await,
            }
        }
    }

    /// `None` while it doesn't wait yet.
    fn learn(&self) -> Result<Option<Learned>, String> {
        let reader = Reader::new()?;
        let polled = self.polled.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Polled { waker, core }) = &*polled else {
            return Ok(None);
        };
        let (task, table) = (waker.data().addr(), ptr::from_ref(waker.vtable()).addr());
        let is_waiting_with = |wakers| reader.state(task) == Some(State::waiting_with(wakers));
        let is_as_known = is_waiting_with(1) && {
            let other = waker.clone();
            let counts = is_waiting_with(2);
            drop(other);
            counts
        };
        if !is_as_known {
            return Ok(None);
        }
        let words = reader.words::<2>(ptr::from_ref(waker).addr());
        let table_at = match words {
            Some(words) if words == [task, table] => 1,
            Some(words) if words == [table, task] => -1,
            _ => return Err("a waker isn't two words in this build".to_owned()),
        };
        let shape = reader.shape(task);
        let number = self.handle.id().to_string();
        let is_number = |id: u64| id.to_string() == number;
        let shape = shape.filter(|shape| reader.id(task, *shape).is_some_and(is_number));
        let shape = shape.ok_or("this tokio keeps tasks in another way than tokio 1.41 to 1.54")?;
        let location = reader.location(task, shape);
        Ok(Some(Learned {
            task: !task,
            core: *core,
            waker: WakerInMemory { table, table_at },
            knows_locations: location == Some(ptr::from_ref(self.spawned_at).addr()),
        }))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.handle.abort();
        // A waker and its task hold each other.
        *self.polled.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
