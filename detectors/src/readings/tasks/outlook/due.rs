//! Where a runtime keeps the tasks that are due: rings of pointers to them. A pointer stays there when its task has run, and when its
//! task's memory is something else by then. So a ring would look as if the runtime held whatever lies there today.
//!
//! ```text
//! many threads:  the handle -> for each thread: -> its queue -> a ring of 256
//! one thread:    the thread's local storage -> its frame in `block_on` -> its core -> a ring that grows
//! ```
//!
//! A task that is due says so itself, in its own state: a ring tells nothing besides. What is read as a ring counts only if it is one: its
//! numbers fit, and each task that they say is in it is one that is due.
//!
//! Source: `runtime/scheduler/multi_thread/{queue,worker}.rs`, `runtime/scheduler/current_thread/mod.rs` and `runtime/context.rs` of
//! tokio 1.41 to 1.54.

use super::lists::{HANDLE_WORDS, Reader, WORD_BYTES, is_address, of_handle};
use crate::allocator::stacks;
use crate::readings::holders::wakes::locals;
use std::collections::HashSet;
use std::ops::Range;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Entries of a thread's ring, in a runtime of many threads.
const RING: usize = 256;

/// For each thread: its queue, and by what it is woken.
const REMOTE_WORDS: usize = 2;

/// What is shared begins with how often it is held, strongly and weakly.
const COUNTS_WORDS: usize = 2;

/// A thread's queue: its ring, where its entries begin, and where they end.
const QUEUE_WORDS: usize = 3;

/// So much of a frame in `block_on`, and of a core, is looked through.
const CONTEXT_WORDS: usize = 8;
const CORE_WORDS: usize = 64;

/// A ring that grows: its room, where that is, where its entries begin, and how many there are. A compiler that has them in another order
/// leaves it unfound, and it is read like all memory.
const DEQUE_WORDS: usize = 4;

/// It begins with so much room, and doubles it as tasks wait for their turn.
const RING_LEAST: usize = 64;
const RING_MOST: usize = 1 << 30;

/// Due tasks, by where they are.
type Due = HashSet<usize>;

/// Where due tasks stand, one after the other.
#[derive(Debug)]
struct Ring {
    start: usize,
    /// Entries that there is room for.
    room: usize,
    first: usize,
    count: usize,
}

impl Ring {
    fn is_whole(&self, due: &Due, reader: &Reader) -> bool {
        (0..self.count).all(|entry| {
            let at = self.start + self.first.wrapping_add(entry) % self.room * WORD_BYTES;
            reader.word(at).is_some_and(|task| due.contains(&task))
        })
    }
}

/// The rings of a runtime; none where one of them isn't whole. What looks like its rings first is them: further on lies memory of others.
pub(super) fn rings(
    runtime: &Handle,
    core: Option<usize>,
    due: &Due,
    reader: &Reader,
) -> Vec<Range<usize>> {
    let rings = match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => core.and_then(|core| Some(vec![of_core(core, reader)?])),
        _ => of_threads(runtime, reader),
    };
    let whole = rings.filter(|rings| rings.iter().all(|ring| ring.is_whole(due, reader)));
    let whole = whole.into_iter().flatten();
    whole
        .map(|ring| ring.start..ring.start + ring.room * WORD_BYTES)
        .collect()
}

fn of_threads(runtime: &Handle, reader: &Reader) -> Option<Vec<Ring>> {
    let threads = runtime.metrics().num_workers();
    let mut room = [[0; WORD_BYTES]; HANDLE_WORDS];
    of_handle(runtime, reader).find_map(|leads_to| {
        let words = reader.read(leads_to, &mut room);
        words.windows(2).find_map(|pair| {
            let [queues, length] = [pair[0], pair[1]].map(usize::from_ne_bytes);
            if length != threads || !is_address(queues) {
                return None;
            }
            (0..REMOTE_WORDS).find_map(|word| {
                let each = (0..threads).map(|thread| {
                    let at = queues + (thread * REMOTE_WORDS + word) * WORD_BYTES;
                    of_queue(reader.word(at)?, reader)
                });
                each.collect()
            })
        })
    })
}

/// The ring of the queue at an address, if one is there.
fn of_queue(at: usize, reader: &Reader) -> Option<Ring> {
    if !is_address(at) {
        return None;
    }
    let words = reader.words::<QUEUE_WORDS>(at + COUNTS_WORDS * WORD_BYTES)?;
    // Which word is which is the compiler's choice.
    (0..QUEUE_WORDS).find_map(|ring| {
        let (one, other) = (words[(ring + 1) % 3], words[(ring + 2) % 3]);
        let (first, count) = entries(one, other).or_else(|| entries(other, one))?;
        let start = words[ring];
        is_address(start).then_some(Ring {
            start,
            room: RING,
            first,
            count,
        })
    })
}

/// The first entry, and how many there are. `begins` is two numbers: up to the second one, entries are being taken by another thread.
fn entries(begins: usize, ends: usize) -> Option<(usize, usize)> {
    let low = |word: usize| u32::try_from(word & 0xffff_ffff).unwrap_or(0);
    let (taken, begins, ends) = (low(begins >> 32), low(begins), low(ends));
    let (count, being_taken) = (ends.wrapping_sub(taken), begins.wrapping_sub(taken));
    let fits = count as usize <= RING && being_taken <= count;
    fits.then_some((taken as usize, count as usize))
}

/// The core of the runtime of one thread that this is called on, upside down.
pub(super) fn core_here(reader: &Reader) -> Option<usize> {
    let handle = Handle::current();
    let handles: Vec<usize> = of_handle(&handle, reader).collect();
    let stack = stacks::of_this_thread()?;
    let locals = locals().into_iter();
    let mut words = locals.flat_map(|local| local.step_by(WORD_BYTES));
    let context = words.find_map(|at| {
        let context = reader.word(at).filter(|context| stack.contains(context))?;
        let words = reader.words::<CONTEXT_WORDS>(context)?;
        let is_its = words.iter().any(|word| handles.contains(word));
        is_its.then_some(words)
    })?;
    let has_ring = |word: &usize| !handles.contains(word) && of_core(*word, reader).is_some();
    let mut cores = context.into_iter().filter(has_ring);
    match (cores.next(), cores.next()) {
        (Some(core), None) => Some(!core),
        _ => None,
    }
}

/// The ring of a core, if one is there.
fn of_core(core: usize, reader: &Reader) -> Option<Ring> {
    if !is_address(core) {
        return None;
    }
    let mut room = [[0; WORD_BYTES]; CORE_WORDS];
    let words = reader.read(core, &mut room);
    words.windows(DEQUE_WORDS).find_map(|words| {
        let words = [words[0], words[1], words[2], words[3]].map(usize::from_ne_bytes);
        let [room, start, first, count] = words;
        let is_room = room.is_power_of_two() && (RING_LEAST..RING_MOST).contains(&room);
        let is_ring = is_room && is_address(start) && first < room && count <= room;
        is_ring.then_some(Ring {
            start,
            room,
            first,
            count,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Due, Reader, core_here, entries, rings};
    use tokio::runtime::{Builder, Handle};

    #[test]
    fn a_queue_is_empty_where_its_numbers_meet_and_has_no_more_than_a_ring() {
        let begins = |taken: usize, first: usize| taken << 32 | first;
        assert_eq!(entries(begins(7, 7), 7), Some((7, 0)));
        assert_eq!(entries(begins(7, 7), 9), Some((7, 2)));
        assert_eq!(entries(begins(6, 7), 9), Some((6, 3)), "one is being taken");
        assert_eq!(entries(begins(7, 7), 6), None);
        assert_eq!(entries(begins(7, 7), 300), None);
        assert_eq!(
            entries(begins(7, 12), 9),
            None,
            "more is taken than is there"
        );
        assert_eq!(
            entries(begins(0xffff_ffff, 0xffff_ffff), 1),
            Some((0xffff_ffff, 2)),
            "they go round"
        );
    }

    #[test]
    fn each_thread_of_a_runtime_has_its_ring() {
        let runtime = Builder::new_multi_thread().worker_threads(3).build();
        let runtime = runtime.expect("the system has threads");
        let reader = Reader::new().expect("Linux tells");
        let rings = rings(runtime.handle(), None, &Due::new(), &reader);
        let bytes: Vec<usize> = rings.iter().map(std::ops::Range::len).collect();
        assert_eq!(bytes, [2_048; 3]);
    }

    #[test]
    fn the_core_of_a_runtime_of_one_thread_is_found_by_a_task_of_it() {
        let runtime = Builder::new_current_thread().build();
        let runtime = runtime.expect("it needs nothing");
        let reader = Reader::new().expect("Linux tells");
        let core = || tokio::spawn(async { core_here(&Reader::new().expect("Linux tells")) });
        let core = runtime.block_on(async { core().await.expect("it ends") });
        let core = core.map(|core| !core).expect("it is found");
        let found = |due: &Due| rings(runtime.handle(), Some(core), due, &reader);
        assert_eq!(found(&Due::new())[0].len(), 64 * 8);
        let in_turn = runtime.block_on(async {
            // Tasks that wait for their turn are in it. What isn't due is no entry, and the ring not whole.
            drop(tokio::spawn(async {}));
            rings(&Handle::current(), Some(core), &Due::new(), &reader)
        });
        assert_eq!(in_turn, []);
    }
}
