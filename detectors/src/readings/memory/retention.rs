//! Why memory stays resident that no block lies in: found by asking for it back, and seeing what that gives.

use super::{Accounts, ResidentPart, Underlying, resident, system, underlying};
use crate::allocator;
use crate::model::words::{bytes, grouped};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// What is free must be that many times what is live: below it, a service's graph shows its live memory.
const TIMES: u64 = 4;

/// Memory that is resident and holds no block, what keeps it, and what was tried to find that out.
///
/// ```
/// use detectors::memory::Retention;
///
/// if let Some(retention) = Retention::find(64 << 20)? {
///     println!("{retention}");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retention {
    /// What keeps it.
    pub kind: RetentionKind,
    /// The allocator's name; `None` where it isn't known.
    pub allocator: Option<String>,
    /// Resident bytes before anything was tried.
    pub resident: u64,
    /// The part of them in blocks.
    pub in_blocks: u64,
    /// The part of them that holds no block: freed, and still resident.
    pub free: u64,
    /// The part of that which was freed with `MADV_FREE`.
    pub lazily_freed: u64,
    /// What was tried, in order.
    pub trials: Vec<Trial>,
    /// What to do about it: the remedy that the trials showed to work.
    pub fix: String,
}

/// What keeps freed memory resident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RetentionKind {
    /// The allocator holds whole free pages, in its arenas or below a block that pins the end of its heap: asked for them, it
    /// gives them back.
    ByAllocator,
    /// Asked for them, the allocator has next to nothing to give. Most often live blocks lie on the pages. With glibc it may also be
    /// the free end of a thread's arena, which it keeps for that arena (`malloc/malloc.c`, `mtrim`).
    Fragmentation,
    /// The allocator has given the pages up with `MADV_FREE`: the system takes them when it needs them, and not before.
    LazilyFreed,
    /// The allocator's timers have run out and nothing runs them: asked to, it gives back what was due.
    DecayNotRunning,
    /// The allocator beneath isn't known, so that it couldn't be asked: one that
    /// [`set_underlying`](super::set_underlying) didn't name, or a C library other than glibc.
    NotAsked,
}

impl RetentionKind {
    /// What it means, in one line.
    pub fn definition(self) -> &'static str {
        match self {
            RetentionKind::ByAllocator => {
                "the allocator holds free pages, and gives them back when it is asked"
            }
            RetentionKind::Fragmentation => {
                "asked, the allocator has next to nothing to give: live blocks lie on the pages, or they end a thread's arena"
            }
            RetentionKind::LazilyFreed => {
                "the pages are given up with MADV_FREE, and the system takes them when it needs them"
            }
            RetentionKind::DecayNotRunning => {
                "free pages are due to go back, and nothing runs the allocator's timers"
            }
            RetentionKind::NotAsked => {
                "it isn't known which allocator holds them, so it couldn't be asked for them"
            }
        }
    }
}

impl fmt::Display for RetentionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RetentionKind::ByAllocator => "held by the allocator",
            RetentionKind::Fragmentation => "fragmentation",
            RetentionKind::LazilyFreed => "lazily freed",
            RetentionKind::DecayNotRunning => "decay not running",
            RetentionKind::NotAsked => "not asked",
        })
    }
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial {
    /// What was called: `malloc_trim(0)`.
    pub call: String,
    /// Resident bytes that went.
    pub gave: u64,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (gave, took) = (
            grouped(self.gave.cast_signed()),
            self.took.as_secs_f64() * 1e3,
        );
        write!(f, "{} gave {gave} bytes back in {took:.0} ms", self.call)
    }
}

impl Retention {
    /// What keeps freed memory resident; `None` when less than `from` bytes are kept, or less than four times what is live.
    ///
    /// It is found by experiment. What is lazily freed is put under memory pressure (`MADV_PAGEOUT`); else the allocator is asked
    /// to give back what is due, and then all that it can. So afterwards less is resident, and the program's next requests pay for
    /// pages that they would have found. It takes up to some hundred milliseconds, for which other threads may wait for memory.
    ///
    /// Ask while the service is at rest: what is busy is not retained.
    ///
    /// # Errors
    ///
    /// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always. Where nobody tells how much lies in
    /// blocks: without a [`ProfilingAllocator`](crate::ProfilingAllocator), on an allocator whose own count can't be read (that of
    /// a glibc before 2.33 in a process of 4 GiB or more).
    pub fn find(from: u64) -> io::Result<Option<Self>> {
        let before = Footing::now()?;
        if before.free < from.max(1) || before.free / TIMES < before.in_blocks {
            return Ok(None);
        }
        let allocator = underlying();
        let mut found = Retention {
            kind: RetentionKind::NotAsked,
            allocator: allocator.map(|allocator| allocator.name().to_owned()),
            resident: before.resident,
            in_blocks: before.in_blocks,
            free: before.free,
            lazily_freed: before.lazily_freed,
            trials: Vec::new(),
            fix: String::new(),
        };
        found.kind = found.experiment(allocator)?;
        found.fix = found.fix(allocator);
        Ok(Some(found))
    }

    /// Least first, so that each trial tells its kind from those that would need more.
    fn experiment(&mut self, allocator: Option<&dyn Underlying>) -> io::Result<RetentionKind> {
        if self.is_most(self.lazily_freed) {
            return self.under_pressure();
        }
        let Some(allocator) = allocator else {
            return Ok(RetentionKind::NotAsked);
        };
        let due = self.attempt(|| allocator.decay())?;
        if self.is_most(due) {
            return Ok(RetentionKind::DecayNotRunning);
        }
        let all = due + self.attempt(|| allocator.purge())?;
        if self.is_most(all) {
            return Ok(RetentionKind::ByAllocator);
        }
        // Pages that were given up lazily when it was asked are as resident as before.
        if self.is_most(resident()?.lazily_freed) {
            return self.under_pressure();
        }
        Ok(RetentionKind::Fragmentation)
    }

    fn under_pressure(&mut self) -> io::Result<RetentionKind> {
        self.attempt(|| {
            system::page_out_lazily_freed().ok()?;
            Some("memory pressure (MADV_PAGEOUT)")
        })?;
        Ok(RetentionKind::LazilyFreed)
    }

    fn is_most(&self, bytes: u64) -> bool {
        bytes >= self.free / 2
    }

    /// Tries one thing, and returns what it gave: nothing when it can't be had here.
    fn attempt(&mut self, call: impl FnOnce() -> Option<&'static str>) -> io::Result<u64> {
        // From what was seen first: a request of ours may have run the allocator's timers since, and what went then was due.
        let given: u64 = self.trials.iter().map(|trial| trial.gave).sum();
        let before = self.resident.saturating_sub(given);
        let started = Instant::now();
        let Some(call) = call() else {
            return Ok(0);
        };
        let took = started.elapsed();
        let gave = before.saturating_sub(resident()?.resident);
        self.trials.push(Trial {
            call: call.to_owned(),
            gave,
            took,
        });
        Ok(gave)
    }

    fn fix(&self, allocator: Option<&dyn Underlying>) -> String {
        let at_once = allocator.and_then(Underlying::how_to_free_at_once);
        let timers = allocator.and_then(Underlying::how_to_run_timers);
        match self.kind {
            RetentionKind::ByAllocator => format!(
                "{} gave it back: call detectors::memory::give_back() when a burst is over; or make less of it: copy what \
                 stays before the burst begins, parse into types, stream",
                self.last_call()
            ),
            RetentionKind::Fragmentation => {
                "asking gave next to nothing: copy what stays out of the burst's blocks, so that their pages are wholly free, and \
                 ask again; free pages at the end of a thread's arena can't be asked for, and the next burst uses them"
                    .to_owned()
            }
            RetentionKind::LazilyFreed => {
                let shown = at_once.map_or_else(String::new, |how| {
                    format!("; to see the figure fall at once: {how}")
                });
                format!(
                    "under {} these pages went: there is no line to mend; take what is lazily freed off the figure that you alert on{shown}",
                    self.last_call()
                )
            }
            RetentionKind::DecayNotRunning => format!(
                "{} gave it back: {}",
                self.last_call(),
                timers.unwrap_or("have the allocator's timers run")
            ),
            RetentionKind::NotAsked => {
                "say which allocator the program is on, by detectors::memory::set_underlying at its start (for jemalloc the package \
                 detectors-jemalloc has it), and look again"
                    .to_owned()
            }
        }
    }

    fn last_call(&self) -> &str {
        self.trials.last().map_or("nothing", |trial| &trial.call)
    }
}

/// The figures first, then what was tried, then what follows.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} are resident: {} in blocks, {} freed ({} of them lazily); the rest is the program, its stacks, and these instruments",
            bytes(self.resident),
            bytes(self.in_blocks),
            bytes(self.free),
            bytes(self.lazily_freed)
        )?;
        for trial in &self.trials {
            writeln!(f, "tried: {trial}")?;
        }
        writeln!(f, "{}: {}", self.kind, self.kind.definition())?;
        writeln!(f, "fix: {}", self.fix)
    }
}

/// Resident memory in the two parts that matter here.
struct Footing {
    resident: u64,
    in_blocks: u64,
    free: u64,
    lazily_freed: u64,
}

impl Footing {
    fn now() -> io::Result<Self> {
        somebody_counts_blocks(allocator::is_in_use(), underlying())?;
        let accounts = Accounts::now()?;
        let lazily_freed = accounts.of(ResidentPart::LazilyFreed);
        Ok(Footing {
            resident: accounts.resident(),
            in_blocks: accounts.of(ResidentPart::Live) + accounts.of(ResidentPart::Overhead),
            free: accounts.free(),
            lazily_freed,
        })
    }
}

/// What is free can't be told from what is live where nobody says how much lies in blocks. An allocator that isn't known isn't
/// asked and isn't accused, so there the question doesn't come up.
fn somebody_counts_blocks(is_counted: bool, allocator: Option<&dyn Underlying>) -> io::Result<()> {
    let can_t_tell = |allocator: &dyn Underlying| allocator.figures().is_none();
    if is_counted || !allocator.is_some_and(can_t_tell) {
        return Ok(());
    }
    let why = "how much lies in blocks isn't known: the program is on no ProfilingAllocator, and its allocator can't tell either \
               (glibc before 2.33 can't from 4 GiB on)";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Underlying, somebody_counts_blocks};
    use crate::readings::memory::AllocatorFigures;

    #[derive(Debug)]
    struct Silent;

    impl Underlying for Silent {
        fn name(&self) -> &'static str {
            "silent"
        }

        fn figures(&self) -> Option<AllocatorFigures> {
            None
        }

        fn purge(&self) -> Option<&'static str> {
            None
        }
    }

    #[test]
    fn nothing_is_called_free_where_nobody_counts_what_is_live() {
        let refused = somebody_counts_blocks(false, Some(&Silent)).unwrap_err();
        assert!(refused.to_string().contains("isn't known"), "{refused}");
        assert!(somebody_counts_blocks(true, Some(&Silent)).is_ok());
        assert!(somebody_counts_blocks(false, None).is_ok());
    }
}
