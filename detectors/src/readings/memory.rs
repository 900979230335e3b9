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
//! - Free memory in glibc's hands is one part, whatever keeps it there. Whether it can be given back, only trying tells: that is
//!   what [`Retention::find`] does.
//! - glibc is known without a word, another allocator once [`set_underlying`] has named it. Until then all that it has counts as
//!   held by it, and [`Retention::find`] answers [`RetentionKind::NotAsked`].
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

#[doc(hidden)]
pub use full::report_in_tests;
pub use full::{report_when_full, set_limit};
mod retention;
mod underlying;

pub use retention::{Retention, RetentionKind, Trial};
pub use underlying::{AllocatorFigures, Underlying, set_underlying, underlying};
pub(in crate::readings) use underlying::{CHeap, c_heap};

use crate::allocator;
use crate::model::words::grouped;
use crate::readings::kernel::{self, Whose};
use std::fmt;
use std::io;

/// Resident memory, and the part of it that was freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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
    let rollup = kernel::rollup(Whose::Own)?;
    Ok(Resident {
        resident: rollup.resident,
        lazily_freed: rollup.lazily_freed,
    })
}

/// Another process' resident memory, by what its mappings are for.
#[cfg(feature = "triage")]
pub(crate) fn mapped(id: u32) -> io::Result<Mapped> {
    system::mapped(Whose::Of(id))
}

/// Resident memory now, without what these instruments hold, as the kernel estimates it: far cheaper than [`resident`] where much is
/// mapped, and off by some pages of each core. Doesn't allocate. `None` where the system doesn't tell.
pub(crate) fn resident_estimate() -> Option<u64> {
    system::resident_estimate()
}

/// Of that, what has no file and isn't shared, as cheap and as near. Doesn't allocate.
pub(crate) fn anonymous_estimate() -> Option<u64> {
    system::anonymous_estimate()
}

/// How much of these instruments' tables is in RAM. Doesn't allocate.
pub(crate) fn own_tables_resident() -> u64 {
    system::own_tables_resident()
}

/// Asks the allocator to give back all that it can, and returns what was called for that; `None` when it can't be asked.
///
/// It takes time, for which other threads may wait for memory; and pages that are asked for again have to be made again.
pub fn give_back() -> Option<&'static str> {
    underlying()?.purge()
}

/// What holds a part of resident memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResidentPart {
    /// Blocks that the program has allocated and not freed.
    Live,
    /// What stands around the blocks: sizes, and rounding up.
    Overhead,
    /// Free room on pages that have blocks, where the allocator tells it from what it holds.
    Fragmentation,
    /// The allocator's own tables, where it tells them from what it holds.
    Metadata,
    /// What the allocator holds and no block lies in.
    AllocatorHeld,
    /// Freed with `MADV_FREE`, and not yet taken by the system.
    LazilyFreed,
    /// The threads' stacks.
    Stacks,
    /// The program's own file.
    Program,
    /// Other files that are mapped, libraries above all; and shared memory.
    Files,
    /// What these instruments hold.
    Instruments,
    /// What none of these explains.
    Remainder,
}

impl ResidentPart {
    fn words(self) -> &'static str {
        match self {
            ResidentPart::Live => "live blocks",
            ResidentPart::Overhead => "around the blocks",
            ResidentPart::Fragmentation => "free between the blocks",
            ResidentPart::Metadata => "the allocator's tables",
            ResidentPart::AllocatorHeld => "held by the allocator",
            ResidentPart::LazilyFreed => "lazily freed",
            ResidentPart::Stacks => "stacks",
            ResidentPart::Program => "the program's file",
            ResidentPart::Files => "other files",
            ResidentPart::Instruments => "these instruments",
            ResidentPart::Remainder => "not explained",
        }
    }
}

impl fmt::Display for ResidentPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A part of resident memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Which part.
    pub part: ResidentPart,
    /// Resident bytes.
    pub bytes: u64,
}

/// Resident memory in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    resident: u64,
    parts: Vec<Account>,
}

/// What the kernel's list of mappings says, in resident bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mapped {
    pub(crate) resident: u64,
    pub(crate) lazily_freed: u64,
    pub(crate) stacks: u64,
    pub(crate) program: u64,
    pub(crate) files: u64,
    /// Shared with other processes, or ready to be, and without a file on a disk.
    pub(crate) shared: u64,
    pub(crate) instruments: u64,
    /// Anonymous, and none of these: the allocator's.
    pub(crate) heap: u64,
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
        let figures = underlying().and_then(Underlying::figures);
        Ok(Self::from_mapped(
            system::mapped(Whose::Own)?,
            live,
            figures,
        ))
    }

    fn from_mapped(mapped: Mapped, live: Option<u64>, figures: Option<AllocatorFigures>) -> Self {
        let live = live.unwrap_or(0).min(mapped.heap);
        let mut rest = mapped.heap;
        let mut take = |bytes: u64| {
            let taken = bytes.min(rest);
            rest -= taken;
            taken
        };
        let mut parts = vec![(ResidentPart::Live, take(live))];
        if let Some(figures) = figures {
            parts.push((
                ResidentPart::Overhead,
                take(figures.in_use.saturating_sub(live)),
            ));
            let told = [
                (ResidentPart::Fragmentation, figures.fragmentation),
                (ResidentPart::Metadata, figures.metadata),
            ];
            let told = told.map(|(part, bytes)| bytes.map(|bytes| (part, take(bytes))));
            parts.extend(told.into_iter().flatten());
        }
        let beyond = figures.map_or(0, |figures| {
            let known: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
            mapped.heap.saturating_sub(figures.mapped.max(known))
        });
        parts.extend([
            (ResidentPart::AllocatorHeld, rest - beyond),
            (ResidentPart::LazilyFreed, mapped.lazily_freed),
            (ResidentPart::Stacks, mapped.stacks),
            (ResidentPart::Program, mapped.program),
            (ResidentPart::Files, mapped.files + mapped.shared),
            (ResidentPart::Instruments, mapped.instruments),
            (ResidentPart::Remainder, beyond),
        ]);
        let parts = parts.into_iter();
        Accounts {
            resident: mapped.resident,
            parts: parts.map(|(part, bytes)| Account { part, bytes }).collect(),
        }
    }

    /// All of it, in bytes.
    pub fn resident(&self) -> u64 {
        self.resident
    }

    /// The parts, live first. Together they are all of it.
    pub fn parts(&self) -> &[Account] {
        &self.parts
    }

    /// What is resident and holds no block: kept by the allocator, between its blocks, or lazily freed.
    pub fn free(&self) -> u64 {
        let free = [
            ResidentPart::AllocatorHeld,
            ResidentPart::Fragmentation,
            ResidentPart::LazilyFreed,
        ];
        free.map(|part| self.of(part)).iter().sum()
    }

    /// One part, in bytes; 0 for one that isn't told apart here.
    pub fn of(&self, part: ResidentPart) -> u64 {
        let mut all = self.parts.iter();
        all.find(|account| account.part == part)
            .map_or(0, |account| account.bytes)
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
        for account in &self.parts {
            line(f, account.bytes, account.part.words())?;
        }
        Ok(())
    }
}
