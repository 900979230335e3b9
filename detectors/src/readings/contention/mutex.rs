use super::outcome;
use super::waiters::Waiters;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{self, LockResult, TryLockResult};

/// std's [`Mutex`](sync::Mutex), whose waits are recorded.
///
/// It stands in std's place: the same functions, the same poisoning. Its guard isn't std's, so a [`Condvar`](sync::Condvar) doesn't take it.
///
/// ```
/// use detectors::contention::Mutex;
///
/// static NAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());
/// NAMES.lock().expect("nobody panicked").push("shop.example");
/// ```
#[derive(Debug)]
pub struct Mutex<T: ?Sized> {
    waiters: Waiters,
    inner: sync::Mutex<T>,
}

impl<T> Mutex<T> {
    /// An open one.
    pub const fn new(value: T) -> Self {
        Mutex {
            waiters: Waiters::new(),
            inner: sync::Mutex::new(value),
        }
    }

    /// The value, without the lock.
    ///
    /// # Errors
    ///
    /// When a holder has panicked; the error has the value.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is open, and takes it.
    ///
    /// # Errors
    ///
    /// When a holder has panicked; the error has the guard.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let wait = || self.waiters.wait(|| self.inner.lock());
        let locked = outcome::or_wait(self.inner.try_lock(), wait);
        outcome::map(locked, |inner| self.guard(inner))
    }

    /// Takes the lock if it is open. This never waits.
    ///
    /// # Errors
    ///
    /// When it isn't open; or when a holder has panicked, and then the error has the guard.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        outcome::map_tried(self.inner.try_lock(), |inner| self.guard(inner))
    }

    /// How many threads wait for it now.
    pub fn waiting(&self) -> usize {
        self.waiters.count()
    }

    /// The value, where nobody else can have the lock.
    ///
    /// # Errors
    ///
    /// When a holder has panicked; the error has the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }

    /// Whether a holder has panicked.
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// Forgets that a holder has panicked.
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
    }

    fn guard<'a>(&'a self, inner: sync::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard {
            waiters: &self.waiters,
            inner,
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

/// The lock is held until this is dropped.
#[must_use = "the lock opens at once if this is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    waiters: &'a Waiters,
    inner: sync::MutexGuard<'a, T>,
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.waiters.release();
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
