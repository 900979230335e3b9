//! What is live at one moment, and how much of it is asked for.

use std::fmt;

/// How much a heap source records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// Counts only: fast.
    Counts,
    /// Counts and a whole stack for each block: for the profile.
    Stacks,
}

/// The live heap at one moment, above what was live when counting began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
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

impl HeapReading {
    /// So many live blocks and bytes; what an instrument doesn't know of the rest stays zero.
    pub fn live(blocks: u64, bytes: u64) -> Self {
        HeapReading {
            blocks,
            bytes,
            ..HeapReading::default()
        }
    }
}

/// What is live at one site: of all blocks that one stack allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiteReading {
    /// The site's number: the same for the same stack as long as the process lives.
    pub site: usize,
    /// Live blocks.
    pub blocks: u64,
    /// Live bytes.
    pub bytes: u64,
}

impl SiteReading {
    /// What is live at the site of that number.
    pub fn new(site: usize, blocks: u64, bytes: u64) -> Self {
        SiteReading {
            site,
            blocks,
            bytes,
        }
    }
}

/// Why something can't be read, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadError {
    /// What is wrong.
    pub reason: String,
    /// What to do about it; empty where nothing helps.
    pub next: String,
}

impl ReadError {
    /// Both in words: `reason` says what is wrong, `next` what to do about it.
    pub fn new(reason: impl Into<String>, next: impl Into<String>) -> Self {
        ReadError {
            reason: reason.into(),
            next: next.into(),
        }
    }
}

impl From<String> for ReadError {
    fn from(reason: String) -> Self {
        ReadError::new(reason, "")
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.next.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}; {}", self.reason, self.next)
        }
    }
}

impl std::error::Error for ReadError {}
