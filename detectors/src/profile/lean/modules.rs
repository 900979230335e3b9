//! Which files this process' code comes from.

use crate::model::mapping::Mapping;
use std::path::{Path, PathBuf};

/// The program or a shared library, and the wanted addresses in it.
#[derive(Debug)]
pub(super) struct Module {
    /// The file's name.
    pub(super) name: String,
    /// Where it can be opened.
    pub(super) path: PathBuf,
    /// Whether it is the program itself.
    pub(super) is_program: bool,
    /// Calls in it.
    pub(super) calls: Vec<Call>,
}

#[derive(Debug)]
pub(in crate::profile) struct Call {
    pub(in crate::profile) return_address: usize,
    /// Where in the file the call's last byte lies.
    pub(in crate::profile) in_file: u64,
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
    let mut modules: Vec<(PathBuf, Module)> = Vec::new();
    let lines = maps.split(|byte| *byte == b'\n');
    for mapping in lines.filter_map(Mapping::parse).filter(Mapping::is_of_file) {
        let Mapping { range, path, .. } = mapping;
        // The address after a call may be another function's; one less is inside the call.
        let from = wanted.partition_point(|&address| address <= range.start);
        let to = wanted.partition_point(|&address| address <= range.end);
        if from == to {
            continue;
        }
        let calls = wanted[from..to].iter().map(|&return_address| Call {
            return_address,
            in_file: mapping.offset + (return_address - 1 - range.start) as u64,
        });
        if let Some((_, module)) = modules.iter_mut().find(|(known, _)| *known == path) {
            module.calls.extend(calls);
        } else {
            let module = module(&path, program.as_ref(), calls.collect());
            modules.push((path, module));
        }
    }
    modules.into_iter().map(|(_, module)| module).collect()
}

fn module(path: &Path, program: Option<&PathBuf>, calls: Vec<Call>) -> Module {
    let is_program = program.is_some_and(|program| program == path);
    let name = path.file_name().unwrap_or_default();
    Module {
        name: name.to_string_lossy().into_owned(),
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
