//! Where the process' resident memory goes: each byte of it, by what holds it.
//!
//! Resident memory is what the system counts, what an orchestrator limits, and what a graph shows. Live memory is a part of it. This
//! module says what the rest is.
//!
//! ```
//! let accounts = detectors::memory::Accounts::now()?;
//! println!("{accounts}");
//! let sum: u64 = accounts.parts().iter().map(|part| part.bytes).sum();
//! assert_eq!(sum, accounts.resident());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! And when there is no more of it, [`report_when_full`] has the process say what it held, in place of one line and silence.
//!
//! # Where it can mislead you
//!
//! - *Live* is what [`ProfilingAllocator`](crate::ProfilingAllocator) counts. Without one it isn't known, and stands with what the
//!   allocator holds.
//! - A block that was allocated and never written to is live and not resident. So live may be more than its part here.
//! - Free memory in the allocator's hands is one part, whatever keeps it there. Whether it can be given back, only trying tells:
//!   [`trim`].
//! - Other threads go on meanwhile. Two readings of one busy process differ.
//!
//! It is read from Linux' `/proc`; on other systems each function returns an error that says so.

mod full;
#[cfg(target_os = "linux")]
#[path = "memory/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "memory/unread.rs"]
mod system;

pub use full::{report_when_full, set_limit};

use crate::allocator;
use crate::text::grouped;
use std::fmt;
use std::io;

/// Resident memory, and the part of it that was freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// Bytes in RAM, as the system counts them (`Rss`).
    pub resident: u64,
    /// The part of it that was freed with `MADV_FREE` (`LazyFree`): the system takes it when it needs it, and not before.
    pub lazily_freed: u64,
}

impl fmt::Display for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = |bytes: u64| grouped(bytes.cast_signed());
        let (resident, lazily) = (figure(self.resident), figure(self.lazily_freed));
        write!(f, "{resident} bytes, {lazily} of them lazily freed")
    }
}

/// Resident memory now. Doesn't allocate.
///
/// # Errors
///
/// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always.
pub fn resident() -> io::Result<Resident> {
    system::resident()
}

/// What the C library's allocator has from the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glibc {
    /// Bytes that it has from the system.
    pub mapped: u64,
    /// The part of them that is in blocks, with what stands around each.
    pub in_use: u64,
}

impl Glibc {
    /// The part that holds no block now.
    pub fn free(&self) -> u64 {
        self.mapped.saturating_sub(self.in_use)
    }
}

/// What glibc's allocator says of itself; `None` with any other C library. A program that uses another allocator has little there.
pub fn glibc() -> Option<Glibc> {
    system::glibc()
}

/// What came of asking the allocator to give back what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trimmed {
    /// It gave something back.
    Gave,
    /// It had nothing to give.
    Nothing,
    /// There is no way to ask this system's allocator.
    CannotAsk,
}

impl fmt::Display for Trimmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trimmed::Gave => "malloc_trim gave memory back",
            Trimmed::Nothing => "malloc_trim had nothing to give back",
            Trimmed::CannotAsk => "this system's C library has no malloc_trim",
        })
    }
}

/// Asks glibc's allocator to give back each free page that it holds, by `malloc_trim(0)`. Takes time: all its lists are walked,
/// and the pages must be asked for again.
///
/// A program whose allocator is another one asks that: `malloc_trim` reaches what the C library itself allocated.
pub fn trim() -> Trimmed {
    system::trim()
}

/// What holds a part of resident memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Blocks that the program has allocated and not freed.
    Live,
    /// What stands around the blocks: sizes, and rounding up.
    Overhead,
    /// What the allocator holds and no block lies in.
    AllocatorHeld,
    /// Freed with `MADV_FREE`, and not yet taken by the system.
    LazilyFreed,
    /// The threads' stacks.
    Stacks,
    /// The program's own file.
    Program,
    /// Other files that are mapped: libraries above all.
    Files,
    /// What these instruments hold.
    Instruments,
    /// What none of these explains.
    Remainder,
}

impl Holder {
    fn words(self) -> &'static str {
        match self {
            Holder::Live => "live blocks",
            Holder::Overhead => "around the blocks",
            Holder::AllocatorHeld => "held by the allocator",
            Holder::LazilyFreed => "lazily freed",
            Holder::Stacks => "stacks",
            Holder::Program => "the program's file",
            Holder::Files => "other files",
            Holder::Instruments => "these instruments",
            Holder::Remainder => "not explained",
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A part of resident memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What holds it.
    pub holder: Holder,
    /// Resident bytes.
    pub bytes: u64,
}

/// Resident memory in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    resident: u64,
    parts: Vec<Part>,
}

/// What the kernel's list of mappings says, in resident bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mapped {
    resident: u64,
    lazily_freed: u64,
    stacks: u64,
    program: u64,
    files: u64,
    instruments: u64,
    /// Anonymous, and none of these: the allocator's.
    heap: u64,
}

impl Accounts {
    /// Resident memory now, each byte in one part.
    ///
    /// # Errors
    ///
    /// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always.
    pub fn now() -> io::Result<Self> {
        // Before anything here allocates.
        let live = allocator::is_in_use().then(|| allocator::stats().live_bytes);
        let glibc = glibc();
        Ok(Self::of(system::mapped()?, live, glibc))
    }

    fn of(mapped: Mapped, live: Option<u64>, glibc: Option<Glibc>) -> Self {
        let live = live.unwrap_or(0).min(mapped.heap);
        // Another allocator's blocks don't lie in glibc's memory: what that says then isn't about them.
        let glibc = glibc.filter(|glibc| glibc.in_use >= live);
        let in_use = glibc.map_or(live, |glibc| glibc.in_use.min(mapped.heap));
        let beyond = glibc.map_or(0, |glibc| {
            mapped.heap.saturating_sub(glibc.mapped.max(in_use))
        });
        let parts = [
            (Holder::Live, live),
            (Holder::Overhead, in_use - live),
            (Holder::AllocatorHeld, mapped.heap - in_use - beyond),
            (Holder::LazilyFreed, mapped.lazily_freed),
            (Holder::Stacks, mapped.stacks),
            (Holder::Program, mapped.program),
            (Holder::Files, mapped.files),
            (Holder::Instruments, mapped.instruments),
            (Holder::Remainder, beyond),
        ];
        Accounts {
            resident: mapped.resident,
            parts: parts.map(|(holder, bytes)| Part { holder, bytes }).to_vec(),
        }
    }

    /// All of it, in bytes.
    pub fn resident(&self) -> u64 {
        self.resident
    }

    /// The parts, live first. Together they are all of it.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// One part, in bytes.
    pub fn of_holder(&self, holder: Holder) -> u64 {
        let part = self.parts.iter().find(|part| part.holder == holder);
        part.map_or(0, |part| part.bytes)
    }
}

/// A line for each part.
impl fmt::Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, bytes: u64, what: &str| {
            let share = 100.0 * bytes as f64 / self.resident.max(1) as f64;
            writeln!(
                f,
                "{:>14} {share:>6.1}%  {what}",
                grouped(bytes.cast_signed())
            )
        };
        line(f, self.resident, "resident bytes")?;
        for part in &self.parts {
            line(f, part.bytes, part.holder.words())?;
        }
        Ok(())
    }
}
