use super::outcome;
use super::waiters::Waiters;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{self, LockResult, TryLockResult};

/// std's [`RwLock`](sync::RwLock), whose waits are recorded, those of readers and those of writers.
///
/// While several readers hold it, what others wait is the reader's that leaves next.
#[derive(Debug)]
pub struct RwLock<T: ?Sized> {
    waiters: Waiters,
    inner: sync::RwLock<T>,
}

impl<T> RwLock<T> {
    /// An open one.
    pub const fn new(value: T) -> Self {
        RwLock {
            waiters: Waiters::new(),
            inner: sync::RwLock::new(value),
        }
    }

    /// The value, without the lock.
    ///
    /// # Errors
    ///
    /// When a writer has panicked; the error has the value.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until no writer has it, and takes it beside other readers.
    ///
    /// # Errors
    ///
    /// When a writer has panicked; the error has the guard.
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let wait = || self.waiters.wait(|| self.inner.read());
        let locked = outcome::or_wait(self.inner.try_read(), wait);
        outcome::map(locked, |inner| self.read_guard(inner))
    }

    /// Waits until nobody has it, and takes it alone.
    ///
    /// # Errors
    ///
    /// When a writer has panicked; the error has the guard.
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let wait = || self.waiters.wait(|| self.inner.write());
        let locked = outcome::or_wait(self.inner.try_write(), wait);
        outcome::map(locked, |inner| self.write_guard(inner))
    }

    /// Takes it beside other readers, if no writer has it. This never waits.
    ///
    /// # Errors
    ///
    /// When a writer has it; or when one has panicked, and then the error has the guard.
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        outcome::map_tried(self.inner.try_read(), |inner| self.read_guard(inner))
    }

    /// Takes it alone, if nobody has it. This never waits.
    ///
    /// # Errors
    ///
    /// When somebody has it; or when a writer has panicked, and then the error has the guard.
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        outcome::map_tried(self.inner.try_write(), |inner| self.write_guard(inner))
    }

    /// How many threads wait for it now, readers and writers.
    pub fn waiting(&self) -> usize {
        self.waiters.count()
    }

    /// The value, where nobody else can have the lock.
    ///
    /// # Errors
    ///
    /// When a writer has panicked; the error has the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }

    /// Whether a writer has panicked.
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// Forgets that a writer has panicked.
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
    }

    fn read_guard<'a>(&'a self, inner: sync::RwLockReadGuard<'a, T>) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard {
            waiters: &self.waiters,
            inner,
        }
    }

    fn write_guard<'a>(&'a self, inner: sync::RwLockWriteGuard<'a, T>) -> RwLockWriteGuard<'a, T> {
        RwLockWriteGuard {
            waiters: &self.waiters,
            inner,
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

/// A reader holds the lock until this is dropped.
#[must_use = "the lock opens at once if this is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    waiters: &'a Waiters,
    inner: sync::RwLockReadGuard<'a, T>,
}

/// A writer holds the lock until this is dropped.
#[must_use = "the lock opens at once if this is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    waiters: &'a Waiters,
    inner: sync::RwLockWriteGuard<'a, T>,
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.waiters.release();
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.waiters.release();
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
