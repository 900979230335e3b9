//! Where nothing of this is told.

use super::full::Limit;
use super::{Mapped, Resident, Rollup};
use crate::readings::process::kernel::Whose;
use std::io;

fn unsupported() -> io::Error {
    let why = "detectors reads where resident memory goes on Linux alone, from /proc";
    io::Error::new(io::ErrorKind::Unsupported, why)
}

pub(super) fn resident() -> io::Result<Resident> {
    Err(unsupported())
}

pub(super) fn resident_estimate() -> Option<u64> {
    None
}

pub(super) fn rollup(_id: u32) -> io::Result<Rollup> {
    Err(unsupported())
}

pub(super) fn mapped(_whose: Whose) -> io::Result<Mapped> {
    Err(unsupported())
}

pub(super) fn page_out_lazily_freed() -> io::Result<()> {
    Err(unsupported())
}

pub(super) fn set_limit(_bytes: u64) -> io::Result<()> {
    let why = "detectors limits a process' memory on Linux alone";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

pub(super) fn limits() -> [Option<Limit>; 2] {
    [None, None]
}
