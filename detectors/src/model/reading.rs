//! What is live at one moment, and how much of it is asked for.

use std::fmt;

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

/// What is live at one site: of all blocks that one stack allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteReading {
    /// The site's number: the same for the same stack as long as the process lives.
    pub site: usize,
    /// Live blocks.
    pub blocks: u64,
    /// Live bytes.
    pub bytes: u64,
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
