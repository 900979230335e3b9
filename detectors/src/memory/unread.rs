//! Where nothing of this is told.

use super::full::Limit;
use super::{Glibc, Mapped, Resident, Trimmed};
use std::io;

fn unsupported() -> io::Error {
    let why = "detectors reads where resident memory goes on Linux alone, from /proc";
    io::Error::new(io::ErrorKind::Unsupported, why)
}

pub(super) fn resident() -> io::Result<Resident> {
    Err(unsupported())
}

pub(super) fn mapped() -> io::Result<Mapped> {
    Err(unsupported())
}

pub(super) fn glibc() -> Option<Glibc> {
    None
}

pub(super) fn trim() -> Trimmed {
    Trimmed::CannotAsk
}

pub(super) fn set_limit(_bytes: u64) -> io::Result<()> {
    let why = "detectors limits a process' memory on Linux alone";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

pub(super) fn limits() -> [Option<Limit>; 2] {
    [None, None]
}
