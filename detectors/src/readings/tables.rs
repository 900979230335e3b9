//! How full the program's large hash tables are: what goes into a table's room costs no memory that an allocator sees.
//!
//! A table keeps a byte for each of its buckets, behind them in the same block; these tell its entries. Which blocks may be tables is known
//! by the allocator's samples: a block of 4 MiB is sampled in all but 4 of 10,000 cases, one of 1 MiB in 86 of 100.
//!
//! It is read through `/proc/self/mem` while the program runs on: what is freed meanwhile can't be read or is no table, and nothing
//! faults. A table that doubles just then may be missing in one reading.

#[cfg(all(feature = "debug", target_os = "linux"))]
mod read;

#[cfg(all(feature = "debug", target_os = "linux"))]
pub(crate) use read::now;

use serde::{Deserialize, Serialize};

/// The tables of one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OfSite {
    /// Its name, as findings have it.
    pub(crate) site: String,
    pub(crate) tables: u64,
    /// Of all of them, with their buckets.
    pub(crate) bytes: u64,
    pub(crate) buckets: u64,
    pub(crate) entries: u64,
}

#[cfg(feature = "triage")]
impl OfSite {
    /// What the entries take up, in bytes: each has its bucket, and the byte beside.
    pub(crate) fn filled_bytes(&self) -> u64 {
        self.bytes / self.buckets.max(1) * self.entries
    }
}

/// The tables that there are now, by site.
#[cfg(all(feature = "debug", not(target_os = "linux")))]
pub(crate) fn now() -> std::io::Result<Vec<OfSite>> {
    Err(std::io::ErrorKind::Unsupported.into())
}
