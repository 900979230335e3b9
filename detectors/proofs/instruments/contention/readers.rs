use super::{at, total, until};
use detectors::contention::{RwLock, block_profile, mutex_profile};
use std::thread;

#[inline(never)]
fn reader(lock: &RwLock<u32>) {
    assert!(*lock.read().expect("nobody panicked") < 10);
}

#[inline(never)]
fn writer(lock: &RwLock<u32>) {
    *lock.write().expect("nobody panicked") += 1;
}

#[inline(never)]
fn reads_until(lock: &RwLock<u32>, start: impl FnOnce(), waiting: usize) {
    let _guard = lock.read().expect("nobody panicked");
    start();
    until("they wait", || lock.waiting() == waiting);
}

#[inline(never)]
fn writes_until(lock: &RwLock<u32>, start: impl FnOnce(), waiting: usize) {
    let _guard = lock.write().expect("nobody panicked");
    start();
    until("they wait", || lock.waiting() == waiting);
}

pub(crate) fn writer_waits() {
    let lock = RwLock::new(0);
    thread::scope(|scope| reads_until(&lock, || drop(scope.spawn(|| writer(&lock))), 1));
    let (block, mutex) = (block_profile(), mutex_profile());
    assert_eq!(
        at(&block, "::writer").0,
        1,
        "{}",
        block.top(None).expect("a type")
    );
    assert_eq!(
        at(&mutex, "::reads_until").0,
        1,
        "{}",
        mutex.top(None).expect("a type")
    );
    assert_eq!((total(&block).0, total(&mutex).0), (1, 1));
}

pub(crate) fn readers_wait() {
    let lock = RwLock::new(0);
    thread::scope(|scope| {
        let start = || (0..2).for_each(|_| drop(scope.spawn(|| reader(&lock))));
        writes_until(&lock, start, 2);
    });
    let (block, mutex) = (block_profile(), mutex_profile());
    assert_eq!(
        at(&block, "::reader").0,
        2,
        "{}",
        block.top(None).expect("a type")
    );
    assert_eq!(
        at(&mutex, "::writes_until").0,
        1,
        "{}",
        mutex.top(None).expect("a type")
    );
    assert_eq!(lock.waiting(), 0);
}

pub(crate) fn together() {
    let lock = RwLock::new(0);
    let _guard = lock.read().expect("nobody panicked");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| reader(&lock)));
        }
    });
    assert!(lock.try_write().is_err(), "to try isn't to wait");
    assert_eq!(total(&block_profile()), (0, 0));
    assert_eq!(total(&mutex_profile()), (0, 0));
}
