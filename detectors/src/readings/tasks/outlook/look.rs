//! One look at all tasks of a runtime, in a copy of the process.

use super::due;
use super::lists::{self, InMemory, Reader};
use super::probe::Learned;
use super::stacks::{self, Workers};
use crate::allocator;
use crate::readings::holders::wakes::{self, Alive, From, Holds, Lead, Walked};
use crate::readings::kernel::{Stack, Standing, standing, thread_id};
use crate::readings::{copy, holders};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::time::Duration;
use tokio::runtime::Handle;

/// So many copies are made until all other threads rest while one is made. In the last one what lies in a stack counts, whatever it is.
const TRIES: usize = 6;

/// How long the threads are left alone before each.
const REST: Duration = Duration::from_millis(2);

/// Bytes of a future that are looked through for where it was spawned.
const FUTURE_BYTES: usize = 16 << 10;

const WORD_BYTES: usize = size_of::<usize>();

/// Whether a copy of the process may live on that has lived for so long.
pub(crate) type GoesOn<'g> = &'g dyn Fn(Duration) -> Result<(), String>;

/// Where tasks were spawned that this library counts itself: by what their futures point at.
pub(super) type Guards = HashMap<usize, usize>;

/// A task, as a look saw it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) id: u64,
    /// Its state, whole.
    pub(super) state: u64,
    pub(super) wakers: Option<u64>,
    /// `None` where blocks aren't known one by one.
    pub(super) walked: Option<Walked>,
    pub(super) holds: Holds,
    pub(super) spawned: Spawned,
}

/// Where it was spawned.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Spawned {
    /// At the location that the compiler has here.
    At(usize),
    /// By this one of the guards.
    By(usize),
    Unknown,
}

#[derive(Debug)]
pub(super) struct Look {
    pub(super) tasks: Vec<Seen>,
    /// Whether it was looked for who holds their wakers.
    pub(super) walked: bool,
    /// For how long the process was held by making copies.
    pub(super) paused: Duration,
    /// The threads, right after the copy was made.
    pub(super) threads: HashMap<i32, Standing>,
}

/// Looks at the tasks of a runtime. A thread of its own does it: what its stack holds is the instrument's.
///
/// # Errors
///
/// In words, when no copy can be made, or its memory tells nothing.
pub(super) fn look(
    runtime: &Handle,
    learned: &Learned,
    guards: &Guards,
    workers: &Workers,
    goes_on: GoesOn<'_>,
) -> Result<Look, String> {
    let mut paused = Duration::ZERO;
    for attempt in 1.. {
        let is_last = attempt >= TRIES;
        std::thread::sleep(REST);
        let walks = allocator::notes_every_block();
        let now = || (standing(), stacks::rests(runtime));
        let before = now();
        let ends = Ends::of(&before.0, is_last, before.1.is_some().then_some(workers));
        let after = OnceCell::new();
        let work = || told_by_a_copy(runtime, learned, guards, walks.then_some(ends));
        let done = copy::of_this_process(work, |took| {
            after.get_or_init(now);
            goes_on(took)
        })?;
        paused += done.paused;
        let after = after.into_inner().unwrap_or_else(now);
        let told: Result<Vec<Seen>, String> = serde_json::from_slice(&done.told)
            .map_err(|error| format!("the copy told nothing that can be read: {error}"))?;
        match told {
            // A list that was being changed is whole in the next copy.
            Err(_) if !is_last => {}
            Err(error) => return Err(error),
            Ok(tasks) if is_last || !walks || have_rested(&before, &after) => {
                return Ok(Look {
                    tasks,
                    walked: walks,
                    paused,
                    threads: after.0,
                });
            }
            Ok(_) => {}
        }
    }
    unreachable!("the last attempt returns")
}

/// Where the stacks of other threads end.
struct Ends {
    all: Vec<Stack>,
    /// Without the runtime's own frames on its threads' stacks, where they rest.
    without_the_runtimes: Vec<Stack>,
}

impl Ends {
    /// None where it isn't known that the threads rest while a copy is made.
    fn of(threads: &HashMap<i32, Standing>, is_last: bool, resting: Option<&Workers>) -> Self {
        let none = Workers::new();
        let of = |resting| {
            if is_last {
                Vec::new()
            } else {
                stacks::ends(threads, resting)
            }
        };
        Ends {
            all: of(&none),
            without_the_runtimes: of(resting.unwrap_or(&none)),
        }
    }
}

/// How the threads stand, and how often the runtime's have begun to rest and ended it, while all of them rest.
type Threads = (HashMap<i32, Standing>, Option<Vec<u64>>);

/// Whether all other threads waited while the copy was made, so that their stacks ended where they were said to.
fn have_rested(before: &Threads, after: &Threads) -> bool {
    let mut others = before.0.iter().filter(|(id, _)| **id != thread_id());
    let rested = others.all(|(id, thread)| {
        let later = after.0.get(id);
        later.is_some_and(|later| thread.has_rested_until(later))
    });
    rested && before.1 == after.1
}

/// What follows runs in the copy.
fn told_by_a_copy(
    runtime: &Handle,
    learned: &Learned,
    guards: &Guards,
    walks: Option<Ends>,
) -> Vec<u8> {
    let told = allocator::uncounted(|| seen(runtime, learned, guards, walks));
    serde_json::to_vec(&told).unwrap_or_default()
}

fn seen(
    runtime: &Handle,
    learned: &Learned,
    guards: &Guards,
    walks: Option<Ends>,
) -> Result<Vec<Seen>, String> {
    let reader = Reader::new()?;
    let tasks = lists::alive(runtime, learned, &reader)?;
    let is_probe = |task: &InMemory| task.start == learned.task();
    let walked: Vec<(Option<Walked>, Holds)> = if let Some(ends) = walks {
        // A task that is polled may have given its runtime's thread away, and wait on it.
        let is_polled = tasks.iter().any(|task| task.state.is_polled());
        holders::copy_knows(if is_polled {
            ends.all
        } else {
            ends.without_the_runtimes
        });
        let alive = |task: &InMemory| Alive {
            start: task.start,
            size: task.size(),
            // The probe's waker is the instrument's.
            wakers: task.state.wakers().filter(|_| !is_probe(task)),
        };
        let alive: Vec<Alive> = tasks.iter().map(alive).collect();
        let is_due = |task: &&InMemory| task.state.wakers().is_none();
        let due = tasks.iter().filter(is_due).map(|task| task.start).collect();
        let rings = due::rings(runtime, learned.core(), &due, &reader);
        let mut judged = wakes::judge(&alive, learned.waker, &rings)?;
        for (walked, _) in &mut judged {
            if let Walked::Lives(Lead {
                from: From::Task(task),
                ..
            }) = walked
            {
                // From here on by its own number.
                let of_list = usize::try_from(*task).ok().and_then(|at| tasks.get(at));
                *task = of_list.map_or(0, |task| task.id);
            }
        }
        let judged = judged.into_iter();
        judged
            .map(|(walked, holds)| (Some(walked), holds))
            .collect()
    } else {
        let own = |task: &InMemory| Holds {
            blocks: 1,
            bytes: task.size() as u64,
        };
        tasks.iter().map(|task| (None, own(task))).collect()
    };
    let tasks = tasks.into_iter().zip(walked);
    let seen = tasks
        .filter(|(task, _)| !is_probe(task))
        .map(|(task, (walked, holds))| Seen {
            id: task.id,
            state: task.state.word(),
            wakers: task.state.wakers(),
            walked,
            holds,
            spawned: spawned(&task, guards, &reader),
        });
    Ok(seen.collect())
}

fn spawned(task: &InMemory, guards: &Guards, reader: &Reader) -> Spawned {
    if let Some(location) = task.location {
        return Spawned::At(location);
    }
    if guards.is_empty() {
        return Spawned::Unknown;
    }
    let words = task.future_bytes.min(FUTURE_BYTES) / WORD_BYTES;
    let mut room = vec![[0; WORD_BYTES]; words];
    let read = reader.read(task.start, &mut room).iter();
    let mut words = read.map(|word| usize::from_ne_bytes(*word));
    let guard = words.find_map(|word| guards.get(&word));
    guard.map_or(Spawned::Unknown, |guard| Spawned::By(*guard))
}
