use super::{at, total, until};
use detectors::contention::{Mutex, block_profile, mutex_profile};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::TryLockError;
use std::thread;
use std::time::{Duration, Instant};

#[inline(never)]
fn waiter(lock: &Mutex<u32>) {
    *lock.lock().expect("nobody panicked") += 1;
}

/// Holds the lock until three wait, and then twice as long again. Returns for how long all three have waited at the least, and
/// at the most.
#[inline(never)]
fn holder(lock: &Mutex<u32>, hold: impl FnOnce()) -> (i64, i64) {
    let guard = lock.lock().expect("nobody panicked");
    let began = Instant::now();
    hold();
    until("three wait", || lock.waiting() == 3);
    let (all_wait, until_then) = (Instant::now(), began.elapsed());
    until("the clock goes on", || all_wait.elapsed() > 2 * until_then);
    let least = all_wait.elapsed();
    drop(guard);
    let nanoseconds = |time: Duration| time.as_nanos().try_into().expect("less than a minute");
    (nanoseconds(least), nanoseconds(began.elapsed()))
}

/// Three wait for one holder; then each of them lets those behind it wait.
pub(crate) fn contend() -> (i64, i64) {
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
    let (least, most) = contend();
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
        (3 * least..=3 * most).contains(&delay),
        "three waited {least} to {most} ns each, and not {delay} together"
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
    let step = |number: u32| {
        let mut sum = lock.lock().expect("nobody panicked");
        // Else a thread is hardly ever interrupted while it holds the lock, and none has to wait.
        if number.is_multiple_of(16) {
            thread::yield_now();
        }
        *sum += 1;
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..TIMES).for_each(step));
        }
    });
    assert_eq!(*lock.lock().expect("nobody panicked"), 4 * TIMES);
    assert_eq!(lock.waiting(), 0);
    let ((waits, waited), (_, held)) = (total(&block_profile()), total(&mutex_profile()));
    assert!(waits > 100, "{waits} waits");
    assert!(held <= waited, "{held} of {waited}");
}
