//! What std's locks answer, with our guards in place of std's: open or not, poisoned or not.

use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

/// Of a lock that was tried: its guard, or that of a wait where it wasn't open.
#[inline]
pub(super) fn or_wait<G>(
    tried: TryLockResult<G>,
    wait: impl FnOnce() -> LockResult<G>,
) -> LockResult<G> {
    match tried {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
        Err(TryLockError::WouldBlock) => wait(),
    }
}

/// The same answer with another guard, within the error as well.
#[inline]
pub(super) fn map<G, H>(locked: LockResult<G>, guard: impl FnOnce(G) -> H) -> LockResult<H> {
    match locked {
        Ok(inner) => Ok(guard(inner)),
        Err(poisoned) => Err(PoisonError::new(guard(poisoned.into_inner()))),
    }
}

/// [`map`], for a lock that was tried.
#[inline]
pub(super) fn map_tried<G, H>(
    tried: TryLockResult<G>,
    guard: impl FnOnce(G) -> H,
) -> TryLockResult<H> {
    match tried {
        Ok(inner) => Ok(guard(inner)),
        Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        Err(TryLockError::Poisoned(poisoned)) => {
            let guard = guard(poisoned.into_inner());
            Err(TryLockError::Poisoned(PoisonError::new(guard)))
        }
    }
}
