//! Which waiting tasks something may still wake: the pointers of the whole program, read with Go's rule for goroutines.
//!
//! ```text
//! statics, stacks, thread-locals, memory that isn't known, tasks that run or are due
//!      | live is what these lead to
//!      v
//!   a block, or a task's own memory, with a waker of a waiting task -> that task lives, and what it holds
//! ```
//!
//! A waiting task is no root. What it holds is live once it is itself. This goes on until nothing changes. What is left waits for what
//! only such tasks hold.
//!
//! That much is Go's, whose collector knows every pointer. Here a pointer may be out of sight: in a register, in the kernel, in other
//! bits than an address. So three things are asked of what is left, and what fails one of them is in doubt, with all that it leads to:
//!
//! - Each reference that a task's own count tells of is seen as a waker, and not in a block by itself.
//! - A block with counts of its own, as an `Arc` has, is pointed at as often as the counts say.
//! - Nothing of it is led to by a block that nothing points at.
//!
//! It is asked of a copy of the process, in which nothing moves.

use super::glibc::Freed;
use super::memory::Memory;
pub(crate) use super::memory::{locals, static_at};
use pointers::Pointers;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use walk::Walk;

mod pointers;
mod walk;

/// A task that is alive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alive {
    /// Where its memory is.
    pub(crate) start: usize,
    pub(crate) size: usize,
    /// How many wakers there are of it; `None` where it runs or is due to, and needs none.
    pub(crate) wakers: Option<u64>,
}

/// How a waker of a task lies in memory: two words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WakerInMemory {
    /// Where its table of functions is.
    pub(crate) table: usize,
    /// Where the table's address stands, in words from the task's.
    pub(crate) table_at: isize,
}

/// What the walk came to, for one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Walked {
    /// It runs or is due.
    Runs,
    /// Something live can wake it.
    Lives(Lead),
    /// It has no waker.
    NoWaker,
    /// All its wakers are in memory that only such tasks hold.
    OnlyByStuck,
    /// Some of its wakers weren't found.
    OutOfSight,
    /// What holds a waker of it is itself held by something that is out of sight.
    HeldOutOfSight,
}

/// The way to what can wake a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lead {
    /// The sites of the blocks that lead to its waker, the nearest first.
    pub(crate) sites: Vec<u32>,
    pub(crate) from: From,
}

/// Where such a way begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum From {
    /// The static at this address.
    Static(usize),
    Thread,
    /// Another task: which of those that were asked about.
    Task(u64),
    Elsewhere,
    /// More places than there are wakers of it look as if they had one: some are left from a task that lay there before, and which isn't
    /// known.
    Unclear,
}

impl From {
    const KINDS: u8 = 3;

    /// How well it is known, the best first.
    fn kind(self) -> u8 {
        match self {
            From::Static(_) => 0,
            From::Thread => 1,
            From::Task(_) => 2,
            From::Elsewhere | From::Unclear => Self::KINDS,
        }
    }
}

/// Blocks of a waiting task that nothing live leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holds {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

/// No block, no task.
const NONE: u32 = u32::MAX;

/// What the memory says of each task, and what it holds. `without` holds nothing, whatever stands there.
///
/// # Errors
///
/// In words, when the memory can't be read.
pub(crate) fn judge(
    tasks: &[Alive],
    waker: WakerInMemory,
    without: &[Range<usize>],
) -> Result<Vec<(Walked, Holds)>, String> {
    let memory = Memory::of_this_process(None)?;
    let freed = Freed::in_a_copy(&memory);
    let mut pointers = Pointers::of(tasks);
    pointers.read(&memory, &freed, waker, without)?;
    let counted = |block: u32| pointers.counted(block, &memory);
    let mut walk = Walk::of(&pointers, tasks, &counted);
    walk.spread_roots();
    walk.mark_what_the_rest_holds();
    walk.doubt();
    Ok(walk.told())
}
