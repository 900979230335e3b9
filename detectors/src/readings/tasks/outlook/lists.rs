//! tokio's own list of a runtime's alive tasks, read in memory.
//!
//! A runtime's handle leads to its list: a number of shards, each with its first and its last task. A task has its state, its table of
//! functions, and behind its future the links to the next one and the one before. So says tokio's source; no rule promises it. What is
//! read counts only if it is whole: as many tasks as the runtime counts, the probe among them, and each number where the probe has its own.
//!
//! Source: `runtime/task/{core,state,raw,list}.rs` and `util/{sharded_list,linked_list}.rs` of tokio 1.41 to 1.54.

use super::probe::Learned;
use crate::readings::kernel;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use tokio::runtime::Handle;

pub(super) const WORD_BYTES: usize = size_of::<usize>();

/// Below this, a word is no address.
const LOWEST_ADDRESS: usize = 1 << 16;

/// So much of what a handle leads to is looked through for the list.
pub(super) const HANDLE_WORDS: usize = 512;

/// A list has at most so many shards.
const SHARDS_MAX: usize = 1 << 16;

/// A shard: its lock, its first task and its last.
const SHARD_WORDS: usize = 3;

/// The links stand among so many words behind the future.
const LINK_WORDS: usize = 8;

/// Behind the future are the links and the waker of whoever waits for the task's end, at least.
const TRAILER_BYTES: usize = 4 * WORD_BYTES;

/// Tasks have cache lines of their own.
const LINE_BYTES: usize = 128;

/// A task in memory, while it is alive.
#[derive(Debug, Clone, Copy)]
pub(super) struct InMemory {
    pub(super) start: usize,
    /// How far its future goes. The end's address would be a pointer into the task, in memory that isn't known.
    pub(super) future_bytes: usize,
    pub(super) id: u64,
    pub(super) state: State,
    /// Where the compiler has the line that spawned it.
    pub(super) location: Option<usize>,
}

impl InMemory {
    pub(super) fn size(&self) -> usize {
        (self.future_bytes + TRAILER_BYTES).next_multiple_of(LINE_BYTES)
    }
}

/// A task's state, as tokio packs it into a word.
///
/// ```text
/// bit  63..6   5          4           3             2         1         0
///      counted cancelled  join waker  join handle   notified  complete  running
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State(usize);

impl State {
    const RUNS: usize = 0b1;
    const RUNS_OR_IS_DUE: usize = 0b10_0111;
    const JOIN_HANDLE: usize = 0b1000;
    const COUNTED: u32 = 6;

    /// Of a task that waits, with so many wakers and a `JoinHandle`.
    pub(super) fn waiting_with(wakers: usize) -> Self {
        State(((wakers + 2) << Self::COUNTED) | Self::JOIN_HANDLE)
    }

    pub(super) fn word(self) -> u64 {
        self.0 as u64
    }

    /// Whether a thread polls it.
    pub(super) fn is_polled(self) -> bool {
        self.0 & Self::RUNS != 0
    }

    /// How many wakers of it there are; `None` where it runs, is due, or is about to go. A handle to abort it counts as one: both are
    /// a reference, and nothing else is known of either.
    ///
    /// Exact at the instant of the reading: tokio changes the whole word at once. Its list has one reference, its `JoinHandle` another.
    pub(super) fn wakers(self) -> Option<u64> {
        let counted = self.0 >> Self::COUNTED;
        let others = 1 + usize::from(self.0 & Self::JOIN_HANDLE != 0);
        let waits = self.0 & Self::RUNS_OR_IS_DUE == 0;
        waits.then(|| counted.checked_sub(others).map(|wakers| wakers as u64))?
    }
}

/// Where a task has what, as its table of functions says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    trailer: usize,
    id: usize,
    location: Option<usize>,
}

/// Reads words of this process.
pub(super) struct Reader(File);

impl Reader {
    pub(super) fn new() -> Result<Self, String> {
        let memory = kernel::memory();
        memory
            .map(Reader)
            .map_err(|error| format!("/proc/self/mem can't be read: {error}"))
    }

    pub(super) fn words<const COUNT: usize>(&self, at: usize) -> Option<[usize; COUNT]> {
        let mut bytes = [[0; WORD_BYTES]; COUNT];
        let room = bytes.as_flattened_mut();
        self.0.read_exact_at(room, at as u64).ok()?;
        Some(bytes.map(usize::from_ne_bytes))
    }

    pub(super) fn word(&self, at: usize) -> Option<usize> {
        self.words::<1>(at).map(|[word]| word)
    }

    /// Reads as many whole words as there are.
    pub(super) fn read<'r>(
        &self,
        at: usize,
        room: &'r mut [[u8; WORD_BYTES]],
    ) -> &'r [[u8; WORD_BYTES]] {
        let read = self.0.read_at(room.as_flattened_mut(), at as u64);
        &room[..read.unwrap_or(0) / WORD_BYTES]
    }

    pub(super) fn state(&self, task: usize) -> Option<State> {
        self.word(task).map(State)
    }

    /// What the task at this address looks like.
    pub(super) fn shape(&self, task: usize) -> Option<Shape> {
        let table = self.word(task + 2 * WORD_BYTES)?;
        self.shape_by(table)
    }

    fn shape_by(&self, table: usize) -> Option<Shape> {
        // Seven functions, then where the links are, the runtime and the number; with `tokio_unstable` the line that spawned it.
        let words = self.words::<10>(table)?;
        let (functions, offsets) = words.split_at(7);
        let (trailer, scheduler, id) = (offsets[0], offsets[1], offsets[2]);
        let is_one = functions.iter().all(|at| *at >= LOWEST_ADDRESS)
            && scheduler < id
            && id < trailer
            && trailer.is_multiple_of(WORD_BYTES)
            && trailer < 1 << 40;
        let location = if cfg!(tokio_unstable) {
            self.word(table + 10 * WORD_BYTES)
        } else {
            None
        };
        is_one.then_some(Shape {
            trailer,
            id,
            location: location.filter(|location| *location == id + size_of::<u64>()),
        })
    }

    pub(super) fn id(&self, task: usize, shape: Shape) -> Option<u64> {
        self.words::<1>(task + shape.id).map(|[id]| id as u64)
    }

    pub(super) fn location(&self, task: usize, shape: Shape) -> Option<usize> {
        self.word(task + shape.location?)
    }
}

/// All alive tasks of the runtime. In a copy of the process they are those of one instant.
///
/// # Errors
///
/// In words, when its list isn't found or isn't whole: it may be another version's, or was being changed at that instant.
pub(super) fn alive(
    runtime: &Handle,
    learned: &Learned,
    reader: &Reader,
) -> Result<Vec<InMemory>, String> {
    let alive = runtime.metrics().num_alive_tasks();
    let mut walk = Walk {
        reader,
        shapes: HashMap::new(),
        knows_locations: learned.knows_locations,
    };
    let mut room = [[0; WORD_BYTES]; HANDLE_WORDS];
    let mut most = 0;
    for leads_to in of_handle(runtime, reader) {
        let words = reader.read(leads_to, &mut room);
        for pair in words.windows(2) {
            let [list, shards] = [pair[0], pair[1]].map(usize::from_ne_bytes);
            if !is_address(list) || !shards.is_power_of_two() || shards > SHARDS_MAX {
                continue;
            }
            let Some(tasks) = walk.list(list, shards, alive) else {
                continue;
            };
            // Who counts a task has put it into the list just before.
            if tasks.len() == alive && tasks.iter().any(|task| task.start == learned.task()) {
                return Ok(tasks);
            }
            most = most.max(tasks.len());
        }
    }
    Err(format!(
        "tokio's list of tasks wasn't found whole: {most} of {alive} were read; this library knows that of tokio 1.41 to 1.54"
    ))
}

/// What a handle leads to.
pub(super) fn of_handle(runtime: &Handle, reader: &Reader) -> impl Iterator<Item = usize> {
    let handle: [usize; size_of::<Handle>() / WORD_BYTES] = reader
        .words(std::ptr::from_ref(runtime).addr())
        .unwrap_or_default();
    handle.into_iter().filter(|word| is_address(*word))
}

pub(super) fn is_address(word: usize) -> bool {
    word >= LOWEST_ADDRESS && word.is_multiple_of(WORD_BYTES)
}

struct Walk<'r> {
    reader: &'r Reader,
    /// By the table of functions.
    shapes: HashMap<usize, Option<Shape>>,
    knows_locations: bool,
}

/// The first and the last task of a shard, in either order.
type Ends = (usize, usize);

impl Walk<'_> {
    /// The tasks of a list, if there is one.
    fn list(&mut self, list: usize, shards: usize, tasks_max: usize) -> Option<Vec<InMemory>> {
        let mut words = vec![[0; WORD_BYTES]; shards * SHARD_WORDS];
        let whole = self.reader.read(list, &mut words).len() == shards * SHARD_WORDS;
        let words: Vec<usize> = words.into_iter().map(usize::from_ne_bytes).collect();
        let mut ends = (0..SHARD_WORDS).filter_map(|lock| ends(&words, lock));
        let ends = ends.next().filter(|_| whole)?;
        (0..LINK_WORDS).find_map(|link| self.tasks(&ends, link, tasks_max))
    }

    /// The tasks from one end of each shard to the other, where the link to the next one is this word behind the future.
    fn tasks(&mut self, shards: &[Ends], link: usize, tasks_max: usize) -> Option<Vec<InMemory>> {
        let mut tasks = Vec::new();
        for &(first, last) in shards {
            let mut at = first;
            loop {
                let task = self.task(at)?;
                tasks.push(task);
                if tasks.len() > tasks_max {
                    return None;
                }
                if at == last {
                    break;
                }
                at = self
                    .reader
                    .word(at + task.future_bytes + link * WORD_BYTES)?;
            }
        }
        Some(tasks)
    }

    fn task(&mut self, start: usize) -> Option<InMemory> {
        if !is_address(start) {
            return None;
        }
        let [state, _, table] = self.reader.words::<3>(start)?;
        let reader = self.reader;
        let shape = self
            .shapes
            .entry(table)
            .or_insert_with(|| reader.shape_by(table));
        let shape = (*shape)?;
        Some(InMemory {
            start,
            future_bytes: shape.trailer,
            id: reader.id(start, shape)?,
            state: State(state),
            location: if self.knows_locations {
                reader.location(start, shape)
            } else {
                None
            },
        })
    }
}

/// The ends of all shards that have tasks, if the word at `lock` is each one's lock.
fn ends(words: &[usize], lock: usize) -> Option<Vec<Ends>> {
    let mut all = Vec::new();
    for shard in words.chunks(SHARD_WORDS) {
        let (first, last) = (
            shard[(lock + 1) % SHARD_WORDS],
            shard[(lock + 2) % SHARD_WORDS],
        );
        match (first, last) {
            (0, 0) => {}
            _ if is_task(first) && is_task(last) => all.push((first, last)),
            _ => return None,
        }
    }
    Some(all)
}

fn is_task(word: usize) -> bool {
    const LEAST_LINE_BYTES: usize = 32;
    word >= LOWEST_ADDRESS && word.is_multiple_of(LEAST_LINE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::{State, ends};

    #[test]
    fn a_state_tells_its_wakers_only_while_the_task_waits() {
        assert_eq!(State(0xcc).wakers(), None, "as it is spawned: due");
        assert_eq!(State(0x88).wakers(), Some(0), "its list and its handle");
        assert_eq!(State(0x40).wakers(), Some(0), "its list alone");
        assert_eq!(State(0x80).wakers(), Some(1));
        assert_eq!(State::waiting_with(2).wakers(), Some(2));
        assert_eq!(State(0x81).wakers(), None, "it runs");
        assert_eq!(State(0x84).wakers(), None, "it is due");
        assert_eq!(State(0x42).wakers(), None, "it is done");
        assert_eq!(State(0xa0).wakers(), None, "it was aborted");
        assert_eq!(State(0x08).wakers(), None, "no such state");
    }

    #[test]
    fn shards_are_known_by_their_ends() {
        let one = [0, 0x7f00_0080, 0x7f00_0100, 1, 0, 0];
        assert_eq!(ends(&one, 0), Some(vec![(0x7f00_0080, 0x7f00_0100)]));
        assert_eq!(ends(&one, 1), None);
    }
}
