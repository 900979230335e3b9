//! Which files this process' code comes from.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The program or a shared library, and the wanted addresses in it.
#[derive(Debug)]
pub(super) struct Module {
    /// Where it can be opened.
    pub(super) path: PathBuf,
    /// Whether it is the program itself.
    pub(super) is_program: bool,
    /// Calls in it.
    pub(super) calls: Vec<Call>,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) return_address: usize,
    /// Where in the file the call's last byte lies.
    pub(super) in_file: u64,
}

/// A part of a file that is mapped into this process.
struct Mapped<'a> {
    start: usize,
    end: usize,
    offset: u64,
    path: &'a Path,
}

/// The files that hold the calls before these return addresses. Addresses outside of every file are left out.
pub(super) fn holding(return_addresses: &[usize]) -> Vec<Module> {
    let mut wanted = return_addresses.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let Ok(maps) = std::fs::read("/proc/self/maps") else {
        return Vec::new();
    };
    let program = std::fs::read_link("/proc/self/exe").ok();
    let mut modules: Vec<(&Path, Module)> = Vec::new();
    for mapped in maps.split(|byte| *byte == b'\n').filter_map(parse) {
        // The address after a call may be another function's; one less is inside the call.
        let from = wanted.partition_point(|&address| address <= mapped.start);
        let to = wanted.partition_point(|&address| address <= mapped.end);
        if from == to {
            continue;
        }
        let calls = wanted[from..to].iter().map(|&return_address| Call {
            return_address,
            in_file: mapped.offset + (return_address - 1 - mapped.start) as u64,
        });
        match modules.iter_mut().find(|(path, _)| *path == mapped.path) {
            Some((_, module)) => module.calls.extend(calls),
            None => modules.push((
                mapped.path,
                module(mapped.path, program.as_ref(), calls.collect()),
            )),
        }
    }
    modules.into_iter().map(|(_, module)| module).collect()
}

fn module(path: &Path, program: Option<&PathBuf>, calls: Vec<Call>) -> Module {
    let is_program = program.is_some_and(|program| program == path);
    Module {
        // This opens the running program also after an update has replaced its file.
        path: if is_program {
            PathBuf::from("/proc/self/exe")
        } else {
            path.to_owned()
        },
        is_program,
        calls,
    }
}

/// Parses `start-end permissions offset device inode path`; `None` for what is mapped from no file. A path needn't be text.
fn parse(line: &[u8]) -> Option<Mapped<'_>> {
    let (fields, path) = line.split_at(line.iter().position(|byte| *byte == b'/')?);
    let mut fields = std::str::from_utf8(fields).ok()?.split(' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let _permissions = fields.next()?;
    Some(Mapped {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        offset: u64::from_str_radix(fields.next()?, 16).ok()?,
        path: Path::new(OsStr::from_bytes(path)),
    })
}
