//! Who waits for whom, by site: contention, as Go's profiles `block` and `mutex` have it.
//!
//! Two questions, two profiles. Both have Go's types, `contentions/count` and `delay/nanoseconds`.
//!
//! | profile | asks | names | its delay is |
//! |---|---|---|---|
//! | [`block_profile`] | who had to wait? | the line that waited | how long that wait took |
//! | [`mutex_profile`] | who let others wait? | where the *holder* released the lock | how long others waited while it was held |
//!
//! ```
//! use detectors::contention::{self, Mutex};
//!
//! static BASKET: Mutex<Vec<u32>> = Mutex::new(Vec::new());
//!
//! BASKET.lock()?.push(7);
//! // Nobody else wanted it, so nothing has waited.
//! assert_eq!(contention::block_profile().total("contentions")?, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is seen
//!
//! What waits at one of these, and nothing else:
//!
//! - [`Mutex`] and [`RwLock`], in place of std's of the same names: both profiles.
//! - An await that is wrapped: `waiting(semaphore.acquire())`, for tokio's locks, semaphores, channels, or any future (feature
//!   `tokio`): `block` alone. Who holds a permit of tokio's, nobody is told.
//!
//! Not seen: std's and `parking_lot`'s own locks, condition variables, channels, and awaits that aren't wrapped. tokio has no
//! hook at which a wait ends. Where its tasks wait at this moment, but not for how long, is for `tasks::await_stacks` to tell.
//!
//! # What it costs
//!
//! Where nobody waits, a lock reads no clock and takes no stack: it is std's `try_lock`, and one load more at its release. Each
//! wait is recorded, none is sampled: two readings of the clock, and a stack, by frame pointer under a
//! [`ProfilingAllocator`](crate::ProfilingAllocator), by the unwinder otherwise. The holder pays the same at its release, while
//! it still holds the lock.
//!
//! There is room for 49,152 stacks. A wait at a further one is in no profile, and [`lost`] counts it.

mod mutex;
mod outcome;
mod rwlock;
mod table;
mod waiters;
#[cfg(feature = "tokio")]
mod waiting;

pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use table::{block_profile, lost, mutex_profile};
#[cfg(feature = "tokio")]
pub use waiting::{Waiting, waiting};

/// What is seen and what isn't, for whoever reads a profile as text.
#[cfg(feature = "debug")]
pub(crate) const COVERED: &str = "\
Seen: waits for the locks of detectors::contention, and awaits that are wrapped in contention::waiting.
Not seen: std's and parking_lot's own locks, and awaits that aren't wrapped.
";
