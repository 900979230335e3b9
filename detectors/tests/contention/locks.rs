use super::{at, total, until};
use detectors::contention::{Mutex, block_profile, mutex_profile};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::TryLockError;
use std::thread;
use std::time::Instant;

#[inline(never)]
fn waiter(lock: &Mutex<u32>) {
    *lock.lock().expect("nobody panicked") += 1;
}

/// Holds the lock until three wait. Returns for how long all three have, at the least.
#[inline(never)]
fn holder(lock: &Mutex<u32>, hold: impl FnOnce()) -> i64 {
    let guard = lock.lock().expect("nobody panicked");
    hold();
    until("three wait", || lock.waiting() == 3);
    let all_wait = Instant::now();
    until("the clock goes on", || all_wait.elapsed().as_micros() > 0);
    let nanoseconds = all_wait.elapsed().as_nanos();
    drop(guard);
    nanoseconds.try_into().expect("less than a minute")
}

/// Three wait for one holder; then each of them lets those behind it wait.
pub(crate) fn contend() -> i64 {
    let lock = Mutex::new(0);
    let held = thread::scope(|scope| {
        holder(&lock, || {
            for _ in 0..3 {
                scope.spawn(|| waiter(&lock));
            }
        })
    });
    assert_eq!(lock.waiting(), 0);
    assert_eq!(lock.into_inner().expect("nobody panicked"), 3);
    held
}

pub(crate) fn three_wait() {
    let held = contend();
    let (block, mutex) = (block_profile(), mutex_profile());
    assert_eq!(
        at(&block, "::waiter").0,
        3,
        "{}",
        block.top(None).expect("a type")
    );
    assert_eq!(total(&block).0, 3, "nobody else waited");

    let (releases, delay) = at(&mutex, "::holder");
    assert_eq!(releases, 1, "{}", mutex.top(None).expect("a type"));
    assert!(
        delay >= 3 * held,
        "three waited {held} ns each, and not {delay} together"
    );
    // The first of the three lets two wait, the second one, and the last nobody.
    assert_eq!(at(&mutex, "::waiter").0, 2);
    assert_eq!(total(&mutex).0, 3);
    // What nobody answers for: the way from a release to the next one who has the lock.
    assert!(total(&mutex).1 <= total(&block).1);
}

pub(crate) fn uncontended() {
    let lock = Mutex::new(0);
    for _ in 0..1_000 {
        waiter(&lock);
    }
    let guard = lock.lock().expect("nobody panicked");
    assert!(
        matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
        "to try isn't to wait"
    );
    drop(guard);
    assert_eq!(total(&block_profile()), (0, 0));
    assert_eq!(total(&mutex_profile()), (0, 0));
}

pub(crate) fn poisoned() {
    let lock = Mutex::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.lock().expect("nobody panicked yet");
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err() && lock.is_poisoned());
    assert_eq!(*lock.lock().expect_err("a holder panicked").into_inner(), 1);
    assert!(matches!(lock.try_lock(), Err(TryLockError::Poisoned(_))));
    lock.clear_poison();
    assert_eq!(*lock.lock().expect("forgotten"), 1);
}

pub(crate) fn many() {
    const TIMES: u32 = 20_000;
    let lock = Mutex::new(0_u32);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..TIMES).for_each(|_| waiter(&lock)));
        }
    });
    assert_eq!(*lock.lock().expect("nobody panicked"), 4 * TIMES);
    assert_eq!(lock.waiting(), 0);
    let (waited, held) = (total(&block_profile()).1, total(&mutex_profile()).1);
    assert!(held <= waited, "{held} of {waited}");
}
