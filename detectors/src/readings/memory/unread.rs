//! Where nothing of this is told.

use super::Mapped;
use super::full::Limit;
use crate::readings::kernel::{self, Whose};
use std::io;

pub(super) fn resident_estimate() -> Option<u64> {
    None
}

pub(super) fn anonymous_estimate() -> Option<u64> {
    None
}

pub(super) fn own_tables_resident() -> u64 {
    0
}

pub(super) fn mapped(_whose: Whose) -> io::Result<Mapped> {
    Err(kernel::unsupported())
}

pub(super) fn page_out_lazily_freed() -> io::Result<()> {
    Err(kernel::unsupported())
}

pub(super) fn set_limit(_bytes: u64) -> io::Result<()> {
    let why = "detectors limits a process' memory on Linux alone";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

pub(super) fn limits() -> [Option<Limit>; 2] {
    [None, None]
}
