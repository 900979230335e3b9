//! Wipes what calls that have returned left on stacks. The frames of a thread that rests lie over it, and what they don't write to
//! themselves would be full of pointers to whatever was polled there last. It would make stuck tasks look as if a thread held them.

use crate::allocator::stacks::of_this_thread;
use std::collections::HashSet;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};

const PAGE_BYTES: usize = 4 << 10;

/// So much is wiped at most; half of what a stack has left, where it is small.
const PAGES_MAX: usize = 64;

/// How long a runtime's threads wait for each other, so that each of them wipes its own.
const MEET_WITHIN: Duration = Duration::from_millis(2);

/// Wipes this thread's stack below the calling function.
#[inline(never)]
pub(super) fn wipe_below() {
    let here = 0_usize;
    let here = (&raw const here).addr();
    let left = of_this_thread().map_or(0, |stack| here.saturating_sub(stack.start));
    wipe((left / 2 / PAGE_BYTES).min(PAGES_MAX));
}

#[inline(never)]
fn wipe(pages: usize) {
    let mut page = [0_u8; PAGE_BYTES];
    black_box(&mut page);
    if pages > 1 {
        wipe(pages - 1);
    }
    // Used after the call as well, so that each call has a page of its own.
    black_box(&mut page);
}

/// Has each thread of the runtime wipe its stack, as far as they come to it.
pub(super) async fn wipe_those_of(runtime: &Handle) {
    let threads = match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => 1,
        _ => runtime.metrics().num_workers(),
    };
    let threads_met: Arc<Mutex<HashSet<std::thread::ThreadId>>> = Arc::default();
    let wipes = (0..threads).map(|_| {
        let threads_met = Arc::clone(&threads_met);
        runtime.spawn(async move {
            wipe_below();
            let meet = || {
                let mut all = threads_met.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(std::thread::current().id());
                all.len()
            };
            let since = Instant::now();
            while meet() < threads && since.elapsed() < MEET_WITHIN {
                std::thread::yield_now();
            }
        })
    });
    let wipes: Vec<_> = wipes.collect();
    for wipe in wipes {
        let _ = wipe.await;
    }
}
