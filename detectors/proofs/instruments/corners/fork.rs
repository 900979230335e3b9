//! A child that has one thread left of many, each of which may have been anywhere in the allocator.

use detectors::Scope;
use detectors::allocator::{profile, set_sampling_interval, stats};
use detectors::heap::Detail;
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const FORKS: usize = 100;
/// A child that is alive after this hangs.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn while_others_allocate() {
    set_sampling_interval(Some(1_024));
    let scope = Scope::of_process(Detail::Stacks).expect("there is no other");
    let done = AtomicBool::new(false);
    let hung = std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                let mut kept: Vec<Vec<u8>> = Vec::new();
                while !done.load(Relaxed) {
                    kept.push(black_box(vec![1; 10 + kept.len() * 37 % 5_000]));
                    if kept.len() > 100 {
                        kept.clear();
                    }
                }
            });
        }
        // The symbols' reader has locks of its own, which no thread but this one takes.
        drop(profile());
        let hung = (0..FORKS).find(|number| !ends(|| in_child(*number, &scope)));
        done.store(true, Relaxed);
        hung
    });
    assert_eq!(hung, None, "a child hung or failed");
}

/// Whether a child does all it is to do, says that it was right, and ends.
pub(crate) fn ends(in_child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls nothing that needs another thread: the system's allocator is made for forks.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "the system gives a process");
    if child == 0 {
        let good = in_child();
        // SAFETY: ends the child without running what belongs to the parent's threads.
        unsafe { libc::_exit(i32::from(!good)) };
    }
    let since = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: waits for our own child, and writes its status.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        if ended == child {
            return libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
        }
        if since.elapsed() > DEADLINE {
            // SAFETY: our own child, which was not waited for yet.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // SAFETY: as above.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn in_child(number: usize, scope: &Scope) -> bool {
    let before = (stats(), scope.read());
    let kept: Vec<Box<[u8; 500]>> = (0..100).map(|_| black_box(Box::new([1; 500]))).collect();
    let after = (stats(), scope.read());
    let mut good = after.0.live_blocks - before.0.live_blocks == 101
        && after.1.blocks - before.1.blocks == 101
        && after.1.bytes - before.1.bytes == 50_000 + 100 * 8;
    drop(kept);
    good &= stats().live_bytes == before.0.live_bytes && scope.read().bytes == before.1.bytes;
    // Names take a while to find.
    if number.is_multiple_of(50) {
        good &= profile().is_ok_and(|profile| profile.total("inuse_space").is_ok());
    }
    good
}
