//! Two looks, and what they say together.

use super::look::{self, Guards, Look, Seen, Spawned};
use super::probe::{Learned, Probe};
use super::stacks;
use super::{AliveTask, NoOutlooks, Outlook, Outlooks, Rule, Why, WokenBy};
use crate::allocator::{self, Scope, stacks::wipe_below};
use crate::profile::Names;
use crate::readings::holders::wakes::{From, Lead, Walked, static_at};
use crate::readings::spawn_site::SpawnSite;
use crate::readings::tasks::guarded;
use crate::readings::tasks::runtime_id::RuntimeId;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How far apart the two looks are. A waker that is on its way lies in a register for some nanoseconds.
const APART: Duration = Duration::from_millis(20);

/// A thread that has run for so long since the first look has done with what it had in its registers then.
const FAR: Duration = Duration::from_millis(1);

/// How long a copy may take at most.
const PATIENCE: Duration = Duration::from_mins(1);

/// How it is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// How far apart the two looks are.
    pub(crate) apart: Duration,
    /// Whether a copy may live on that has lived for so long.
    pub(crate) goes_on: fn(Duration) -> Result<(), String>,
}

impl Default for Asked {
    fn default() -> Self {
        Asked {
            apart: APART,
            goes_on: in_time,
        }
    }
}

fn in_time(took: Duration) -> Result<(), String> {
    if took < PATIENCE {
        return Ok(());
    }
    Err(format!(
        "after {} s the copy of the process wasn't done: another thread may have held what it waited for",
        PATIENCE.as_secs()
    ))
}

pub(crate) async fn outlooks_while(runtime: &Handle, asked: Asked) -> Result<Outlooks, NoOutlooks> {
    let began = Instant::now();
    let failed = |reason| NoOutlooks {
        reason,
        next: "ask again; if it stays, count tasks instead (detectors::tasks::Tasks)".to_owned(),
    };
    let probe = Probe::on(runtime);
    let learned = probe.learned().await.map_err(failed)?;
    let workers = if allocator::notes_every_block() {
        stacks::wipe_those_of(runtime, &stacks::Asker::here()).await
    } else {
        stacks::Workers::new()
    };
    let looked_at = runtime.clone();
    // A thread of its own, so that the stack of whoever asks is another's.
    let thread = std::thread::Builder::new().name("outlooks".to_owned());
    let waits = Asker::new();
    let end = AtTheEnd(Arc::clone(&waits));
    let looks = thread.spawn(move || {
        let _end = end;
        let looks = allocator::uncounted(|| twice(&looked_at, &learned, &workers, asked));
        wipe_below();
        looks
    });
    let looks = looks.map_err(|error| failed(format!("there is no thread to be had: {error}")))?;
    std::future::poll_fn(|context| waits.poll(context)).await;
    drop(probe);
    let looks = looks.join();
    let looks = looks
        .unwrap_or_else(|_| Err("the look at them panicked".to_owned()))
        .map_err(failed)?;
    Ok(allocator::uncounted(|| {
        let mut told = told(looks);
        told.took = began.elapsed();
        told
    }))
}

/// Who waits for the looks, and rests meanwhile.
///
/// It may be a task, which can wake. So its waker lies where a look sees it: in a block that nobody notes.
#[derive(Default)]
struct Asker {
    waker: Mutex<Option<Waker>>,
    is_done: AtomicBool,
}

impl Asker {
    fn new() -> Arc<Self> {
        allocator::uncounted(Arc::default)
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        wipe_below();
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        if self.is_done.load(SeqCst) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// Wakes whoever asks, whichever way the looks end.
struct AtTheEnd(Arc<Asker>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        self.0.is_done.store(true, SeqCst);
        let waker = self
            .0
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Looks {
    first: Look,
    second: Look,
    /// The sites of tasks that this library counts itself.
    guarded: Vec<SpawnSite>,
}

fn twice(
    runtime: &Handle,
    learned: &Learned,
    workers: &stacks::Workers,
    asked: Asked,
) -> Result<Looks, String> {
    let (guards, guarded): (Vec<usize>, Vec<SpawnSite>) = guarded::by_guard(RuntimeId::of(runtime))
        .into_iter()
        .unzip();
    let guards: Guards = guards
        .into_iter()
        .enumerate()
        .map(|(at, guard)| (guard, at))
        .collect();
    let one = || look::look(runtime, learned, &guards, workers, &asked.goes_on);
    let first = one()?;
    std::thread::sleep(asked.apart);
    Ok(Looks {
        first,
        second: one()?,
        guarded,
    })
}

fn told(looks: Looks) -> Outlooks {
    let Looks {
        first,
        second,
        guarded,
    } = looks;
    let paused = first.paused + second.paused;
    let held_up = held_up(&first, &second);
    let rule = if second.walked {
        Rule::Reach
    } else {
        Rule::Counts
    };
    let before: HashMap<u64, Seen> = first
        .tasks
        .into_iter()
        .map(|seen| (seen.id, seen))
        .collect();
    let mut names = NamesOfSites::default();
    let tasks = second.tasks.into_iter().map(|seen| AliveTask {
        id: seen.id,
        site: site(seen.spawned, &guarded),
        outlook: outlook(before.get(&seen.id), &seen, held_up, &mut names),
        held_bytes: seen.holds.bytes,
        held_blocks: seen.holds.blocks,
        waits: None,
    });
    let tasks: Vec<AliveTask> = tasks.collect();
    Outlooks {
        tasks,
        rule,
        paused,
        took: Duration::ZERO,
    }
}

/// Whether a thread was about to run all the time between the two looks. What it has in its registers isn't known.
fn held_up(first: &Look, second: &Look) -> bool {
    first.threads.iter().any(|(id, thread)| {
        let later = second.threads.get(id);
        later.is_some_and(|later| thread.was_held_until(later, FAR))
    })
}

fn site(spawned: Spawned, guarded: &[SpawnSite]) -> Option<SpawnSite> {
    match spawned {
        Spawned::At(location) => {
            // SAFETY: it was read where the probe, another task of the same runtime, has exactly its own location, and tokio has a
            // `&'static Location` there.
            let location =
                unsafe { &*std::ptr::with_exposed_provenance::<Location<'static>>(location) };
            Some(SpawnSite::told(location))
        }
        Spawned::By(guard) => guarded.get(guard).copied(),
        Spawned::Unknown => None,
    }
}

fn outlook(before: Option<&Seen>, now: &Seen, held_up: bool, names: &mut NamesOfSites) -> Outlook {
    let undecided = |reason: &str| Outlook::NotDecided(reason.to_owned());
    let Some(wakers) = now.wakers else {
        return Outlook::Runs;
    };
    let agree = before.is_some_and(|before| {
        let same = before.state == now.state;
        same && why(before).is_some() && why(before) == why(now)
    });
    match (why(now), &now.walked) {
        (Some(_), _) if !agree => undecided("it began to wait a moment ago"),
        (Some(Why::OnlyStuckTasks { .. }), _) if held_up => undecided(
            "a thread that was about to run hasn't run since the first look, and may have its waker in a register",
        ),
        (Some(why), _) => Outlook::NeverWakes(why),
        (None, Some(Walked::Lives(lead))) => Outlook::CanWake(names.woken_by(lead)),
        (None, Some(Walked::OutOfSight)) => undecided(
            "it is referred to more often than its wakers were found: by a handle to abort it, or by a waker in a form that isn't seen",
        ),
        (None, Some(Walked::HeldOutOfSight)) => undecided(
            "what it waits for is held by memory that nothing points at, or more often than pointers to it were found",
        ),
        (None, Some(Walked::Runs)) => Outlook::Runs,
        (None, _) => Outlook::CanWake(WokenBy::Wakers(wakers)),
    }
}

/// Why the task is stuck, if it is by this look alone.
fn why(seen: &Seen) -> Option<Why> {
    match (seen.wakers?, &seen.walked) {
        (0, _) => Some(Why::NoWaker),
        (wakers, Some(Walked::OnlyByStuck)) => Some(Why::OnlyStuckTasks { wakers }),
        _ => None,
    }
}

/// What is known of the sites that lead to a waker, and of the statics: each is looked up once.
#[derive(Default)]
struct NamesOfSites {
    names: Names,
    known: HashMap<u32, Option<WokenBy>>,
    statics: HashMap<usize, String>,
}

impl NamesOfSites {
    fn woken_by(&mut self, lead: &Lead) -> WokenBy {
        let by_runtime = lead.sites.iter().find_map(|site| self.by_runtime(*site));
        by_runtime.unwrap_or_else(|| match lead.from {
            From::Static(address) => {
                let name = || static_at(address).unwrap_or_default();
                WokenBy::Static(self.statics.entry(address).or_insert_with(name).clone())
            }
            From::Thread => WokenBy::Thread,
            From::Task(id) => WokenBy::Task(id),
            From::Elsewhere => WokenBy::Elsewhere,
            From::Unclear => WokenBy::Unclear,
        })
    }

    /// The runtime's own part whose block it is.
    fn by_runtime(&mut self, site: u32) -> Option<WokenBy> {
        let names = &mut self.names;
        let known = self.known.entry(site).or_insert_with(|| {
            let stack = Scope::stack_of(site as usize);
            let functions = names.of_stacks(&[stack]).pop()?.1;
            let has = |path: &str| functions.iter().any(|function| function.contains(path));
            match () {
                () if has("tokio::runtime::time::") => Some(WokenBy::Timer),
                () if has("tokio::runtime::io::") => Some(WokenBy::Socket),
                () => None,
            }
        });
        known.clone()
    }
}
