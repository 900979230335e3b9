//! From return addresses of this process to names, files and lines: all in one batch, and in little memory.
//!
//! `backtrace` parses every unit's header and the whole symbol table before its first answer, and keeps them: tens of
//! megabytes, for a service that only wants to be looked at. Here the debug information streams by, only what belongs to a
//! wanted address is kept, and the pages that were read are given back on the way. The frames are the same.

mod file;
mod functions;
mod lines;
mod modules;
mod names;
mod packages;
mod ranges;
mod symbol_table;
#[cfg(test)]
mod tests;
mod units;

use std::collections::HashMap;
use std::rc::Rc;

use file::{Elf, File};
use modules::Module;
use names::Name;

use super::SourceFrame;

type Slice<'data> = gimli::EndianSlice<'data, gimli::NativeEndian>;
type Dwarf<'data> = gimli::Dwarf<Slice<'data>>;
type UnitRef<'unit, 'data> = gimli::UnitRef<'unit, Slice<'data>>;

/// The frames at return addresses of this process, the innermost inlined one first; none where nothing is known of one.
///
/// An address that is absent wasn't looked up: its file can't be read, or holds its debug information in a form that isn't read
/// here. Shared libraries without debug information of their own are named from their symbol tables.
pub(super) fn resolve_all(return_addresses: &[usize]) -> HashMap<usize, Vec<SourceFrame>> {
    let mut known = HashMap::new();
    for module in modules::holding(return_addresses) {
        resolve_in(&module, &mut known);
    }
    known
}

/// The readable name of the symbol that lies at or before an address of a file: of data as well as of code.
pub(crate) fn symbol_at(path: &std::path::Path, address: u64) -> Option<String> {
    let file = File::open(path)?;
    let elf = Elf::parse(&file)?;
    let name = elf.symbols(&[address]).into_iter().next()??;
    Some(format!("{:#}", backtrace::SymbolName::new(name)))
}

/// One call before its name is made readable. The file and the line are those that the call stands at.
struct Frame<'data> {
    name: Name<'data>,
    file: Rc<str>,
    line: u32,
}

/// `None` where this module's addresses are left to others.
fn resolve_in(module: &Module, known: &mut HashMap<usize, Vec<SourceFrame>>) -> Option<()> {
    let file = File::open(&module.path)?;
    let elf = Elf::parse(&file)?;
    let mut wanted: Vec<(u64, usize)> = module
        .calls
        .iter()
        .filter_map(|call| Some((elf.address(call.in_file)?, call.return_address)))
        .collect();
    wanted.sort_unstable();
    let addresses: Vec<u64> = wanted.iter().map(|(address, _)| *address).collect();
    let mut frames: Vec<Vec<Frame<'_>>> = Vec::new();
    let dwarf = match elf.dwarf() {
        Some(dwarf) => Some(dwarf),
        // Its debug information may lie in a file of its own.
        None if module.is_program => return None,
        None => None,
    };
    if let Some(dwarf) = &dwarf {
        let workspace = module.is_program.then(|| packages::workspace(dwarf, &file));
        frames = units::frames(dwarf, workspace.flatten(), &addresses, &file)?;
        let mut names = frames.iter_mut().flatten().map(|frame| &mut frame.name);
        names::resolve_elsewhere(dwarf, &mut names, &file);
    }
    frames.resize_with(addresses.len(), Vec::new);
    let nameless = |frames: &Vec<Frame<'_>>| {
        frames.is_empty() || frames.iter().any(|frame| frame.name.bytes().is_none())
    };
    let positions: Vec<usize> = (0..frames.len())
        .filter(|&at| nameless(&frames[at]))
        .collect();
    let asked: Vec<u64> = positions.iter().map(|&at| addresses[at]).collect();
    let mut symbols = vec![None; addresses.len()];
    for (at, symbol) in positions.into_iter().zip(elf.symbols(&asked)) {
        symbols[at] = symbol;
    }
    for (((_, return_address), frames), symbol) in wanted.into_iter().zip(frames).zip(symbols) {
        known.insert(return_address, readable(frames, symbol, &file));
    }
    Some(())
}

fn readable(frames: Vec<Frame<'_>>, symbol: Option<&[u8]>, file: &File) -> Vec<SourceFrame> {
    let call = |name: &[u8], path: &str, line| {
        file.has_read(file::AROUND);
        SourceFrame {
            // What `backtrace` makes of it; `:#` leaves out the hash.
            function: format!("{:#}", backtrace::SymbolName::new(name)),
            file: path.to_owned(),
            line,
        }
    };
    if frames.is_empty() {
        return symbol.map(|name| call(name, "", 0)).into_iter().collect();
    }
    frames
        .into_iter()
        .filter_map(|frame| {
            let name = frame.name.bytes().or(symbol)?;
            Some(call(name, &frame.file, frame.line))
        })
        .collect()
}
