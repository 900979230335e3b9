//! Random programs of tasks that wait for each other, whose true state is known by how they were made. They are judged while they run.
//! Then whatever can go on is let go on, and nothing may that was called stuck.
//!
//! `DETECTORS_REPETITIONS=2500 cargo test -p detectors-proofs --test outlook model` runs so many programs on each kind of runtime.

use super::random::Random;
use super::world::{self, DEADLINE, Flavour, far_below, wipe_below};
use detectors::Scope;
use detectors::heap::Detail;
use detectors::tasks::{Outlook, Why, outlooks};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::any::Any;
use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc as threads};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

detectors::tests! {
    fn random_programs_on_one_thread() { programs(Flavour::Current); }
    fn random_programs_on_many_threads() { programs(Flavour::Threads); }
}

/// Programs of each kind, unless told otherwise.
const PROGRAMS: u64 = 20;

/// Of the stuck tasks that nobody has a waker of, so many are to be found; and of all, where each block is noted. What was left on stacks
/// and in blocks leads from nearly each of a program's channels to another.
const SHARE_WITHOUT_A_WAKER: f64 = 0.99;
const SHARE_OF_ALL: f64 = 0.5;

/// In the upper bits of a word, which no address has.
const MARK: usize = 0x5c << 56;

type Waits = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What ends a wait when it is dropped.
type Ends = Box<dyn Any + Send>;

/// Who has what ends a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Task(usize),
    /// The one who looks, on its stack or in a block.
    Asker,
    Static,
    Thread,
    /// Nobody: it was forgotten. Then the wait never ends, and nothing that can be seen says so.
    Forgotten,
    /// The program, by a pointer in other bits.
    Hidden,
    /// The program, by a pointer with a mark in the bits that an address doesn't need.
    Tagged,
}

/// What a task waits for; for one of several where there are more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Nothing,
    /// It comes in an hour.
    Timer,
    /// It looks at each tick whether it may go on.
    Ticks,
    /// It always wants to run.
    Turns,
    /// A socket whose other end somebody has.
    Socket(Owner),
    Ending(Owner),
    Join(usize),
}

struct Program {
    waits: Vec<Vec<For>>,
}

impl Program {
    fn of(random: &mut Random) -> Self {
        let tasks = 3 + random.below(20);
        let waits = (0..tasks).map(|task| {
            let several = if random.below(5) == 0 { 2 } else { 1 };
            (0..several)
                .map(|_| waits_for(task, tasks, random))
                .collect()
        });
        Program {
            waits: waits.collect(),
        }
    }

    /// Whether each task can go on, if ends that were `forgotten` could still come, and such that are hidden.
    fn can_go_on(&self, forgotten: bool, hidden: bool) -> Vec<bool> {
        let mut can = vec![false; self.waits.len()];
        loop {
            let of_owner = |owner: Owner| match owner {
                Owner::Task(task) => can[task],
                Owner::Forgotten => forgotten,
                Owner::Hidden => hidden,
                Owner::Asker | Owner::Static | Owner::Thread | Owner::Tagged => true,
            };
            let ends = |wait: &For| match *wait {
                For::Nothing => false,
                For::Timer | For::Ticks | For::Turns | For::Socket(_) => true,
                For::Ending(owner) => of_owner(owner),
                For::Join(task) => can[task],
            };
            let next: Vec<bool> = self
                .waits
                .iter()
                .map(|waits| waits.iter().any(ends))
                .collect();
            if next == can {
                return can;
            }
            can = next;
        }
    }

    /// Whether each task goes on soon once it may: an hour is too long to wait for.
    fn goes_on_soon(&self) -> Vec<bool> {
        let mut soon = vec![false; self.waits.len()];
        loop {
            let of_owner = |owner: Owner| match owner {
                Owner::Task(task) => soon[task],
                Owner::Forgotten => false,
                Owner::Asker | Owner::Static | Owner::Thread | Owner::Hidden | Owner::Tagged => {
                    true
                }
            };
            let ends = |wait: &For| match *wait {
                For::Nothing | For::Timer => false,
                For::Ticks | For::Turns => true,
                For::Socket(owner) | For::Ending(owner) => of_owner(owner),
                For::Join(task) => soon[task],
            };
            let next: Vec<bool> = self
                .waits
                .iter()
                .map(|waits| waits.iter().any(ends))
                .collect();
            if next == soon {
                return soon;
            }
            soon = next;
        }
    }
}

fn waits_for(task: usize, tasks: usize, random: &mut Random) -> For {
    match random.below(20) {
        0 | 1 => For::Nothing,
        2 => For::Timer,
        3 => For::Ticks,
        4 if random.below(4) == 0 => For::Turns,
        5 => For::Socket(owner(tasks, random)),
        6 | 7 if task > 0 => For::Join(random.below(task)),
        _ => For::Ending(owner(tasks, random)),
    }
}

fn owner(tasks: usize, random: &mut Random) -> Owner {
    match random.below(24) {
        0 | 1 => Owner::Asker,
        2 => Owner::Static,
        3 => Owner::Thread,
        4 => match random.below(4) {
            0 => Owner::Forgotten,
            1 => Owner::Hidden,
            2 => Owner::Tagged,
            _ => Owner::Asker,
        },
        _ => Owner::Task(random.below(tasks)),
    }
}

/// Gives a word when it is dropped.
struct Notifies(Arc<Notify>);

impl Drop for Notifies {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Gives a permit when it is dropped.
struct Permits(Arc<Semaphore>);

impl Drop for Permits {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// Some way to wait for another one's word.
#[inline(never)]
fn ending(random: &mut Random) -> (Ends, Waits) {
    wipe_below();
    match random.below(9) {
        0 => {
            let (ends, wait) = oneshot::channel::<()>();
            (Box::new(ends), Box::pin(async move { drop(wait.await) }))
        }
        1 => {
            let (ends, mut wait) = mpsc::channel::<[u64; 4]>(1 + random.below(40));
            (
                Box::new(ends),
                Box::pin(async move { while wait.recv().await.is_some() {} }),
            )
        }
        2 => {
            let (ends, mut wait) = mpsc::unbounded_channel::<String>();
            // Some of its words are read before.
            let _ = ends.send("a word".to_owned());
            (
                Box::new(ends),
                Box::pin(async move { while wait.recv().await.is_some() {} }),
            )
        }
        3 => {
            let (ends, mut wait) = watch::channel(0_u64);
            (
                Box::new(ends),
                Box::pin(async move { while wait.changed().await.is_ok() {} }),
            )
        }
        4 => {
            let (ends, mut wait) = broadcast::channel::<u64>(8);
            (
                Box::new(ends),
                Box::pin(async move { while wait.recv().await.is_ok() {} }),
            )
        }
        5 => {
            let notify = Arc::new(Notify::new());
            let ends = Notifies(Arc::clone(&notify));
            (
                Box::new(ends),
                Box::pin(async move { notify.notified().await }),
            )
        }
        6 => {
            let permits = Arc::new(Semaphore::new(0));
            let ends = Permits(Arc::clone(&permits));
            (
                Box::new(ends),
                Box::pin(async move { drop(permits.acquire().await) }),
            )
        }
        7 => {
            let lock = Arc::new(tokio::sync::Mutex::new(0_u64));
            let ends = Arc::clone(&lock).try_lock_owned().expect("nobody has it");
            (
                Box::new(ends),
                Box::pin(async move { drop(lock.lock().await) }),
            )
        }
        _ => {
            let lock = Arc::new(tokio::sync::RwLock::new(0_u64));
            let ends = Arc::clone(&lock).try_write_owned().expect("nobody has it");
            (
                Box::new(ends),
                Box::pin(async move { drop(lock.read().await) }),
            )
        }
    }
}

/// The same, held in one of the ways in which things are held.
fn wrapped(ends: Ends, random: &mut Random) -> Ends {
    match random.below(6) {
        0 => Box::new(Arc::new(Mutex::new(Some(ends)))),
        1 => Box::new(vec![ends]),
        2 => Box::new(HashMap::from([("ends".to_owned(), ends)])),
        3 => Box::new(Arc::new(Mutex::new((vec![0_u8; random.size(12)], ends)))),
        _ => ends,
    }
}

/// Waits for the first of several, in one of the ways in which one does.
fn first_of(mut waits: Vec<Waits>, random: &mut Random) -> Waits {
    match (waits.len(), random.below(4)) {
        (1, 0) => Box::pin(async move {
            let mut wait = waits.remove(0);
            tokio::select! { () = &mut wait => {} () = pending() => {} }
        }),
        (1, 1..) => waits.remove(0),
        (2, 0) => Box::pin(async move {
            let (mut one, mut other) = (waits.remove(0), waits.remove(0));
            tokio::select! { () = &mut one => {} () = &mut other => {} }
        }),
        _ => Box::pin(async move {
            FuturesUnordered::from_iter(waits).next().await;
        }),
    }
}

static STATIC: Mutex<Vec<Ends>> = Mutex::new(Vec::new());

/// A program that runs.
struct Running {
    ids: Vec<u64>,
    ran: Vec<Arc<AtomicBool>>,
    arrived: Arc<AtomicUsize>,
    go_on: Arc<AtomicBool>,
    kept: Vec<Ends>,
    handles: Vec<JoinHandle<()>>,
    /// Upside down.
    hidden: Vec<usize>,
    tagged: Vec<usize>,
    thread: threads::Sender<()>,
}

impl Running {
    #[expect(clippy::too_many_lines, reason = "a table of ways to wait")]
    fn of(program: &Program, random: &mut Random) -> Self {
        let tasks = program.waits.len();
        let go_on = Arc::new(AtomicBool::new(false));
        let arrived = Arc::new(AtomicUsize::new(0));
        let mut holds: Vec<Vec<Ends>> = (0..tasks).map(|_| Vec::new()).collect();
        let mut waits: Vec<Vec<Waits>> = (0..tasks).map(|_| Vec::new()).collect();
        let (mut kept, mut of_thread) = (Vec::new(), Vec::new());
        let (mut hidden, mut tagged) = (Vec::new(), Vec::new());
        for (task, all) in program.waits.iter().enumerate() {
            for wait in all {
                let mut give = |owner: Owner, ends: Ends| match owner {
                    Owner::Task(task) => holds[task].push(ends),
                    Owner::Asker => kept.push(ends),
                    Owner::Static => STATIC.lock().expect("not poisoned").push(ends),
                    Owner::Thread => of_thread.push(ends),
                    #[expect(clippy::mem_forget, reason = "it is the case")]
                    Owner::Forgotten => std::mem::forget(ends),
                    Owner::Hidden => {
                        hidden.push(!Box::into_raw(Box::new(ends)).expose_provenance());
                    }
                    Owner::Tagged => {
                        tagged.push(MARK | Box::into_raw(Box::new(ends)).expose_provenance());
                    }
                };
                let waiting: Waits = match *wait {
                    For::Nothing => Box::pin(pending()),
                    For::Timer => Box::pin(tokio::time::sleep(Duration::from_hours(1))),
                    For::Ticks => {
                        let go_on = Arc::clone(&go_on);
                        Box::pin(async move {
                            while !go_on.load(SeqCst) {
                                tokio::time::sleep(Duration::from_millis(5)).await;
                            }
                        })
                    }
                    For::Turns => {
                        let go_on = Arc::clone(&go_on);
                        Box::pin(async move {
                            while !go_on.load(SeqCst) {
                                tokio::task::yield_now().await;
                            }
                        })
                    }
                    For::Socket(owner) => {
                        wipe_below();
                        let (mine, others) = std::os::unix::net::UnixStream::pair().expect("two");
                        give(owner, Box::new(others));
                        mine.set_nonblocking(true).expect("a socket");
                        let mine = tokio::net::UnixStream::from_std(mine).expect("a socket");
                        Box::pin(async move { drop(mine.readable().await) })
                    }
                    For::Ending(owner) => {
                        let (ends, wait) = ending(random);
                        give(owner, wrapped(ends, random));
                        wait
                    }
                    // Below, when the other one has been spawned.
                    For::Join(_) => continue,
                };
                waits[task].push(waiting);
            }
        }
        let mut handles: Vec<Option<JoinHandle<()>>> = Vec::new();
        let (mut ids, mut ran) = (Vec::new(), Vec::new());
        for (task, (holds, mut waits)) in holds.into_iter().zip(waits).enumerate() {
            for wait in &program.waits[task] {
                if let For::Join(other) = *wait {
                    waits.push(match handles[other].take() {
                        Some(handle) => Box::pin(async move { drop(handle.await) }),
                        // Somebody else waits for it already.
                        None => Box::pin(pending()),
                    });
                }
            }
            wipe_below();
            let waits = first_of(waits, random);
            let has_run = Arc::new(AtomicBool::new(false));
            ran.push(Arc::clone(&has_run));
            let arrived = Arc::clone(&arrived);
            let handle = tokio::spawn(async move {
                let holds = holds;
                arrived.fetch_add(1, SeqCst);
                waits.await;
                has_run.store(true, SeqCst);
                drop(holds);
            });
            ids.push(world::id(&handle));
            handles.push(Some(handle));
        }
        wipe_below();
        let (thread, end) = threads::channel::<()>();
        std::thread::spawn(move || {
            let held = of_thread;
            let _ = end.recv();
            drop(held);
        });
        Running {
            ids,
            ran,
            arrived,
            go_on,
            kept,
            // Half of the rest are kept by the one who looks.
            handles: handles
                .into_iter()
                .flatten()
                .filter(|_| random.below(2) == 0)
                .collect(),
            hidden,
            tagged,
            thread,
        }
    }

    async fn all_wait(&self) {
        until(|| self.arrived.load(SeqCst) == self.ids.len()).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    /// Lets go on whatever can.
    fn release(&mut self) {
        self.go_on.store(true, SeqCst);
        drop(std::mem::take(&mut self.kept));
        // With its room, which would be full of old pointers.
        drop(std::mem::take(&mut *STATIC.lock().expect("not poisoned")));
        let hidden = self.hidden.drain(..).map(|hidden| !hidden);
        let tagged = self.tagged.drain(..).map(|tagged| tagged & !MARK);
        for address in hidden.chain(tagged) {
            let ends = std::ptr::with_exposed_provenance_mut::<Ends>(address);
            // SAFETY: it is the box that was given away above, turned round again, once.
            drop(unsafe { Box::from_raw(ends) });
        }
        let _ = self.thread.send(());
    }
}

async fn until(mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is() {
        assert!(Instant::now() < deadline, "it didn't come in time");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// How many tasks of which kind, and what was said of them.
#[derive(Debug, Default)]
struct Tally {
    programs: u64,
    tasks: u64,
    can_go_on: u64,
    undecided_of_those: u64,
    /// Those that only a pointer in other bits leads to. None is called stuck but where an old pointer happens to lead to the same block.
    only_by_hidden: u64,
    called_stuck_of_those: u64,
    stuck: u64,
    /// Of which nothing that can be seen is missing.
    can_be_told: u64,
    found: u64,
    found_by_counts: u64,
    without_a_waker: u64,
    found_without_a_waker: u64,
    undecided: u64,
    /// By what those might wake that can't and weren't found, as they are told.
    missed: std::collections::BTreeMap<String, u64>,
}

fn programs(flavour: Flavour) {
    let told = std::env::var("DETECTORS_REPETITIONS").ok();
    let programs = told.map_or(PROGRAMS, |text| {
        text.parse().expect("DETECTORS_REPETITIONS is a number")
    });
    let notes = Scope::of_process(Detail::Counts).expect("the allocator is ours");
    let mut tally = Tally::default();
    let runtime = flavour.runtime();
    for seed in 0..programs {
        let mut random = Random::new(seed * 2 + u64::from(flavour == Flavour::Threads));
        runtime.block_on(one(seed, &mut random, &mut tally));
    }
    runtime.shutdown_background();
    drop(notes);
    println!("{tally:#?}");
    let share = |found: u64, all: u64| found as f64 / all.max(1) as f64;
    let without = share(tally.found_without_a_waker, tally.without_a_waker);
    let of_all = share(tally.found, tally.can_be_told);
    let misled = tally.called_stuck_of_those;
    let misled_max = 1 + tally.only_by_hidden / 20;
    assert!(misled <= misled_max, "{tally:#?}");
    assert!(without >= SHARE_WITHOUT_A_WAKER, "{without}: {tally:#?}");
    assert!(of_all >= SHARE_OF_ALL, "{of_all}: {tally:#?}");
}

async fn one(seed: u64, random: &mut Random, tally: &mut Tally) {
    let mut program = Program::of(random);
    // A `JoinHandle` is one task's alone.
    let mut joined = std::collections::HashSet::new();
    for wait in program.waits.iter_mut().flatten() {
        if let For::Join(task) = *wait
            && !joined.insert(task)
        {
            *wait = For::Nothing;
        }
    }
    let mut running = far_below(|| Running::of(&program, random));
    running.all_wait().await;
    let outlooks = outlooks(&Handle::current()).await.expect("this is Linux");
    let (can, could) = (
        program.can_go_on(false, true),
        program.can_go_on(true, true),
    );
    let can_in_sight = program.can_go_on(false, false);
    tally.programs += 1;
    let mut called_stuck = Vec::new();
    for (task, id) in running.ids.iter().enumerate() {
        let Some(told) = outlooks.tasks().iter().find(|told| told.id == *id) else {
            assert!(running.ran[task].load(SeqCst), "seed {seed}: {id} is gone");
            continue;
        };
        tally.tasks += 1;
        let undecided = u64::from(matches!(told.outlook, Outlook::NotDecided(_)));
        if can[task] {
            tally.can_go_on += 1;
            tally.undecided_of_those += undecided;
            if !can_in_sight[task] {
                tally.only_by_hidden += 1;
                tally.called_stuck_of_those += u64::from(told.is_stuck());
                continue;
            }
            let waits = &program.waits;
            assert!(
                !told.is_stuck(),
                "seed {seed}: task {task} of {waits:?}: {told:?}"
            );
            continue;
        }
        tally.stuck += 1;
        tally.undecided += undecided;
        called_stuck.extend(told.is_stuck().then_some(task));
        if !could[task] {
            tally.can_be_told += 1;
            tally.found += u64::from(told.is_stuck());
            if !told.is_stuck() {
                let told = match &told.outlook {
                    Outlook::CanWake(by) => by.to_string(),
                    Outlook::NotDecided(why) => why.clone(),
                    other => format!("{other:?}"),
                };
                *tally.missed.entry(told).or_insert(0) += 1;
            }
        }
        // Two that wait for nothing are a set of futures, which keeps a waker for itself.
        if program.waits[task] == [For::Nothing] {
            tally.without_a_waker += 1;
            tally.found_without_a_waker += u64::from(told.is_stuck());
        }
        let has_none = told.outlook == Outlook::NeverWakes(Why::NoWaker);
        tally.found_by_counts += u64::from(has_none && !could[task]);
    }
    running.release();
    let soon = program.goes_on_soon();
    until(|| {
        let mut tasks = running.ran.iter().zip(&soon);
        tasks.all(|(ran, soon)| ran.load(SeqCst) || !soon)
    })
    .await;
    for task in called_stuck {
        assert!(
            !running.ran[task].load(SeqCst),
            "seed {seed}: task {task} ran"
        );
    }
    for (task, can) in can.iter().enumerate() {
        let ran = running.ran[task].load(SeqCst);
        assert!(
            *can || !ran,
            "seed {seed}: the model is wrong on task {task}"
        );
    }
    drop(std::mem::take(&mut running.handles));
}
