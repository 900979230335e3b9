//! Where heap readings come from.

mod dhat_source;

pub use dhat_source::DhatSource;

use crate::Profile;
use std::fmt;

/// Something that counts the live heap: today dhat, another allocator tomorrow.
///
/// A watch starts it, reads it after each iteration, and stops it. Only what is allocated between start
/// and stop counts, so each reading is *above what was live at the start*.
pub trait HeapSource: fmt::Debug {
    /// The instrument's name, for the evidence.
    fn name(&self) -> &'static str;

    /// How stacks are taken and what this build lacks, for the evidence.
    fn stacks(&self) -> String;

    /// Starts to count from zero.
    ///
    /// # Errors
    ///
    /// When the instrument can't see this process' allocations.
    fn start(&mut self, detail: Detail) -> Result<(), SourceError>;

    /// What is live now. Must not allocate.
    fn read(&self) -> HeapReading;

    /// Stops, and gives the profile of the run when it was started with [`Detail::Stacks`].
    ///
    /// # Errors
    ///
    /// When the profile can't be taken.
    fn stop(&mut self) -> Result<Option<Profile>, SourceError>;
}

/// How much a heap source records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Counts only: fast.
    Counts,
    /// Counts and a whole stack for each block: for the profile.
    Stacks,
}

/// The live heap at one moment, above what was live when counting began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapReading {
    /// Live blocks.
    pub blocks: u64,
    /// Live bytes.
    pub bytes: u64,
    /// The highest live bytes so far.
    pub peak_bytes: u64,
    /// Blocks allocated so far, freed or not.
    pub total_blocks: u64,
    /// Bytes allocated so far, freed or not.
    pub total_bytes: u64,
}

/// Why a heap source can't speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub next: String,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.next)
    }
}

impl std::error::Error for SourceError {}
