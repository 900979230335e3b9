//! Sampling, changed and read while others allocate.

use detectors::allocator::{estimates, profile, set_sampling_interval, stats};
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const THREADS: usize = 4;
/// Nothing takes longer, unless it never comes.
const DEADLINE: Duration = Duration::from_secs(30);

/// Allocates, grows and frees until it is told to stop; holds nothing in the end.
#[inline(never)]
fn allocate(done: &AtomicBool) {
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(64);
    let mut at = 0_usize;
    while !done.load(Relaxed) {
        at += 1;
        let mut block = vec![1_u8; 1 + at * 7_919 % 40_000];
        block.reserve_exact(at * 104_729 % 70_000);
        if kept.len() == 64 {
            kept.swap_remove(at % 64);
        }
        kept.push(black_box(block));
    }
}

/// Runs `meanwhile` while threads allocate. What they allocated is gone afterwards, from the counts and from the estimates.
fn while_threads_allocate(meanwhile: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let run = |meanwhile: &mut dyn FnMut()| {
        let outcome = std::thread::scope(|threads| {
            let running: Vec<_> = (0..THREADS)
                .map(|_| threads.spawn(|| allocate(&done)))
                .collect();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
            done.store(true, Relaxed);
            for thread in running {
                thread.join().expect("it doesn't panic");
            }
            outcome
        });
        outcome.expect("nothing of it panics");
    };
    let mut meanwhile = Some(meanwhile);
    run(&mut || {
        if let Some(meanwhile) = meanwhile.take() {
            meanwhile();
        }
    });
    // Names take long, and few stacks hold anything.
    for at in estimates() {
        if at.values[2..] != [0.0, 0.0] {
            assert!(!names_allocate(at.stack), "{at:?}");
        }
    }
}

/// Whether the stack passes `allocate`.
fn names_allocate(stack: &[usize]) -> bool {
    let mut found = false;
    for &address in stack {
        backtrace::resolve(std::ptr::without_provenance_mut(address - 1), |symbol| {
            found |= symbol
                .name()
                .is_some_and(|name| name.to_string().contains("rates::allocate"));
        });
    }
    found
}

pub(crate) fn change_while_threads_allocate() {
    let before = stats();
    while_threads_allocate(|| {
        let rates = [None, Some(1), Some(4_096), Some(512 << 10), Some(100)];
        for round in 0..500 {
            set_sampling_interval(rates[round % rates.len()]);
            std::thread::yield_now();
        }
        set_sampling_interval(None);
    });
    assert!(stats().total_blocks > before.total_blocks);
    assert_eq!(stats().lost.samples, 0);
}

pub(crate) fn four_profiles_at_once() {
    set_sampling_interval(Some(4_096));
    while_threads_allocate(|| {
        let since = Instant::now();
        while estimates().is_empty() {
            assert!(since.elapsed() < DEADLINE, "no sample yet");
            std::thread::yield_now();
        }
        std::thread::scope(|threads| {
            let profiles: Vec<_> = (0..4)
                .map(|_| {
                    threads.spawn(|| {
                        for _ in 0..2 {
                            let profile = profile().expect("there are samples");
                            for stack in profile.stacks() {
                                assert!(stack.values.iter().all(|value| *value >= 0));
                            }
                        }
                    })
                })
                .collect();
            for profile in profiles {
                profile.join().expect("it doesn't panic");
            }
        });
    });
}

/// What the caller allocates next is sampled at the interval that it asked for, and nothing of it after it stopped the sampling.
pub(crate) fn the_calling_thread_follows_at_once() {
    let sampled = || -> f64 { estimates().iter().map(|at| at.values[0]).sum() };
    set_sampling_interval(None);
    for _ in 0..100 {
        let before = sampled();
        set_sampling_interval(Some(1));
        let block = black_box(vec![1_u8; 100]);
        set_sampling_interval(None);
        let beyond = black_box(vec![1_u8; 100]);
        let blocks = sampled() - before;
        assert!((blocks - 1.0).abs() < 0.5, "{blocks} blocks were sampled");
        drop((block, beyond));
    }
}
