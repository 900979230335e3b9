//! What a runtime's threads have on their stacks while they rest: frames of the runtime alone, and what calls that have returned left
//! there. The frames lie over it, and what they don't write to themselves would be full of pointers to whatever was polled there last.
//! It would make stuck tasks look as if a thread held them.
//!
//! ```text
//! the thread's first function ... the loop that runs tasks | -> parks -> waits for an event    while it rests
//!                                                          | -> runs a task -> polls it        when it wiped what lies below
//!                                                          ^ from here on inwards, a thread that rests has the runtime's own alone
//! ```

use crate::allocator::{self, stacks::wipe_below};
use crate::readings::kernel::{Stack, Standing, thread_id};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor, RuntimeMetrics};

/// How long a runtime's threads wait for each other, so that each of them wipes its own.
const MEET_WITHIN: Duration = Duration::from_millis(2);

/// For each of the runtime's threads, by the kernel's number for it: where the frames begin that it has while it rests.
pub(super) type Workers = HashMap<i32, usize>;

/// A call that hasn't returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    function: usize,
    /// Where its part of the stack ends, and that of what it called begins.
    end: usize,
}

/// This thread's calls, the innermost first.
fn frames() -> Vec<Frame> {
    let mut frames = Vec::with_capacity(128);
    backtrace::trace(|frame| {
        frames.push(Frame {
            function: frame.symbol_address().addr(),
            end: frame.sp().addr(),
        });
        true
    });
    frames
}

/// Who asks: on a runtime of one thread, what it has in common with a task there are the runtime's frames and those around them.
pub(super) struct Asker {
    thread: i32,
    frames: Vec<Frame>,
}

impl Asker {
    #[inline(never)]
    pub(super) fn here() -> Self {
        Asker {
            thread: thread_id(),
            frames: allocator::uncounted(frames),
        }
    }

    /// The innermost call that both are made from.
    fn in_common(&self, others: &[Frame]) -> Option<Frame> {
        let both = self.frames.iter().rev().zip(others.iter().rev());
        both.take_while(|(one, other)| one == other)
            .last()
            .map(|(frame, _)| *frame)
    }
}

/// Has each thread of the runtime wipe its stack, as far as they come to it.
pub(super) async fn wipe_those_of(runtime: &Handle, asker: &Asker) -> Workers {
    let has_one = runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
    let threads = runtime.metrics().num_workers();
    let arrived: Arc<Mutex<HashMap<i32, Vec<Frame>>>> = Arc::default();
    let wipes = (0..threads).map(|_| {
        let arrived = Arc::clone(&arrived);
        runtime.spawn(async move {
            let frames = allocator::uncounted(frames);
            wipe_below();
            let mut frames = Some(frames);
            let mut meet = || {
                let mut all = arrived.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(frames) = frames.take() {
                    all.insert(thread_id(), frames);
                }
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
    let arrived = std::mem::take(&mut *arrived.lock().unwrap_or_else(PoisonError::into_inner));
    let begin = |(thread, frames): (i32, Vec<Frame>)| {
        let outermost = if !has_one {
            // All of it is the runtime's: it has made the thread.
            frames.last().copied()
        } else if thread == asker.thread {
            asker.in_common(&frames)
        } else {
            None
        };
        Some((thread, outermost?.end))
    };
    allocator::uncounted(|| arrived.into_iter().filter_map(begin).collect())
}

/// tokio tells it from 1.45 on. Before, no thread is known to rest.
#[allow(dead_code, reason = "it stands in for a method of tokio's own")]
trait BeforeTokio145 {
    fn worker_park_unpark_count(&self, _: usize) -> u64 {
        0
    }
}

impl BeforeTokio145 for RuntimeMetrics {}

/// How often each of the runtime's threads has begun to rest and ended it, while all of them rest; `None` while one doesn't.
pub(super) fn rests(runtime: &Handle) -> Option<Vec<u64>> {
    let metrics = runtime.metrics();
    let counts = (0..metrics.num_workers()).map(|at| metrics.worker_park_unpark_count(at));
    let rests = |count: u64| (count % 2 == 1).then_some(count);
    counts.map(rests).collect()
}

/// Where the stacks end of all other threads that wait. Of a runtime's own thread, which rests: without the runtime's frames.
pub(super) fn ends(threads: &HashMap<i32, Standing>, resting: &Workers) -> Vec<Stack> {
    let others = threads.iter().filter(|(id, _)| **id != thread_id());
    let stack = |(id, thread): (&i32, &Standing)| {
        let pointer = thread.stack_pointer()?;
        let begins = resting.get(id).copied();
        let begins = begins.filter(|begins| *begins > pointer && thread.waits_for_an_event());
        Some(Stack {
            name: String::new(),
            pointer: begins.unwrap_or(pointer),
            is_of_instruments: false,
        })
    };
    others.filter_map(stack).collect()
}
