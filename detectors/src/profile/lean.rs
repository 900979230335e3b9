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
pub(super) use modules::Call;
use modules::Module;
use names::Name;

use super::SourceFrame;
use super::program::Told;
use crate::model::sources;

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

/// The frames at addresses of a file, each with where its code lies in the file; the innermost inlined one first.
///
/// The file may be another program's, so it is read and not mapped: what it holds stays the same while it is looked at. `None` where
/// it is no program's or library's, has more than `bytes_max`, or is another build than the one that is asked for.
pub(super) fn resolve_file(
    path: &std::path::Path,
    build_id: &str,
    calls: &[Call],
    bytes_max: u64,
) -> Option<HashMap<usize, Vec<SourceFrame>>> {
    let file = File::read(path, bytes_max)?;
    let is_another = |own: String| !build_id.is_empty() && own != build_id;
    if Elf::parse(&file)?.build_id().is_some_and(is_another) {
        return None;
    }
    if let Some(dwarf) = Elf::parse(&file).and_then(|elf| elf.dwarf()) {
        packages::note_crates(&dwarf, &file);
    }
    let mut known = HashMap::new();
    resolve_calls(&file, false, calls, &mut known);
    Some(known)
}

/// What this program's own file has.
pub(super) fn told() -> Told {
    let file = File::open(std::path::Path::new("/proc/self/exe"));
    let Some(elf) = file.as_ref().and_then(Elf::parse) else {
        return Told::Lines; // nothing is known against it
    };
    if elf.has(b".debug_line") || elf.has(b".zdebug_line") {
        Told::Lines
    } else if elf.has(b".symtab") {
        Told::Functions
    } else {
        Told::Nothing
    }
}

/// The call before a return address as a place in its file, as `addr2line` takes it: `shop+0x1b96a`. The same in every run.
pub(super) fn place_of(return_address: usize) -> Option<String> {
    let module = modules::holding(&[return_address]).pop()?;
    let file = File::open(&module.path)?;
    let address = Elf::parse(&file)?.address(module.calls.first()?.in_file)?;
    Some(format!("{}+{address:#x}", module.name))
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
    resolve_calls(&file, module.is_program, &module.calls, known)
}

fn resolve_calls(
    file: &File,
    is_program: bool,
    calls: &[Call],
    known: &mut HashMap<usize, Vec<SourceFrame>>,
) -> Option<()> {
    let elf = Elf::parse(file)?;
    let mut wanted: Vec<(u64, usize)> = calls
        .iter()
        .filter_map(|call| Some((elf.address(call.in_file)?, call.return_address)))
        .collect();
    wanted.sort_unstable();
    let addresses: Vec<u64> = wanted.iter().map(|(address, _)| *address).collect();
    let mut frames: Vec<Vec<Frame<'_>>> = Vec::new();
    let dwarf = match elf.dwarf() {
        Some(dwarf) => Some(dwarf),
        // Its debug information may lie in a file of its own.
        None if is_program => return None,
        None => None,
    };
    if let Some(dwarf) = &dwarf {
        let workspace = is_program.then(|| packages::workspace(dwarf, file));
        frames = units::frames(dwarf, workspace.flatten(), &addresses, file)?;
        let mut names = frames.iter_mut().flatten().map(|frame| &mut frame.name);
        names::resolve_elsewhere(dwarf, &mut names, file);
    }
    frames.resize_with(addresses.len(), Vec::new);
    let wants_symbol = |frames: &Vec<Frame<'_>>| {
        let outermost = frames.last().and_then(|frame| frame.name.bytes());
        outermost.is_none_or(is_bare) || frames.iter().any(|frame| frame.name.bytes().is_none())
    };
    let positions: Vec<usize> = (0..frames.len())
        .filter(|&at| wants_symbol(&frames[at]))
        .collect();
    let asked: Vec<u64> = positions.iter().map(|&at| addresses[at]).collect();
    let mut symbols = vec![None; addresses.len()];
    for (at, symbol) in positions.into_iter().zip(elf.symbols(&asked)) {
        symbols[at] = symbol;
    }
    for (((_, return_address), frames), symbol) in wanted.into_iter().zip(frames).zip(symbols) {
        known.insert(return_address, readable(frames, symbol, file));
    }
    Some(())
}

fn readable(frames: Vec<Frame<'_>>, symbol: Option<&[u8]>, file: &File) -> Vec<SourceFrame> {
    // What `backtrace` makes of it; `:#` leaves out the hash.
    let demangled = |name: &[u8]| {
        file.has_read(file::AROUND);
        format!("{:#}", backtrace::SymbolName::new(name))
    };
    let symbol = symbol.map(demangled);
    if frames.is_empty() {
        let named = symbol.map(|function| SourceFrame::new(function, "", 0));
        return named.into_iter().collect();
    }
    let outermost = frames.len() - 1;
    let frames = frames.into_iter().enumerate();
    frames
        .filter_map(|(at, frame)| {
            let told = frame.name.bytes().map(demangled);
            // The symbol is of the code at an address, whatever was inlined there.
            let of_code = symbol.as_deref().filter(|_| at == outermost);
            let name = match told {
                Some(name) => whole(name, &frame.file, of_code),
                None => symbol.clone()?,
            };
            Some(SourceFrame::new(name, &*frame.file, frame.line))
        })
        .collect()
}

fn is_bare(name: &[u8]) -> bool {
    // A mangled name is a whole one.
    !name.starts_with(b"_ZN")
        && !name.starts_with(b"_R")
        && std::str::from_utf8(name).is_ok_and(sources::is_bare)
}

/// The whole name of a function: its symbol's, where that is of the same function, with the type too; else by its file.
fn whole(name: String, file: &str, symbol: Option<&str>) -> String {
    if !sources::is_bare(&name) {
        return name;
    }
    let bare = sources::without_types(&name);
    if symbol == Some(bare) {
        return name; // without a crate on purpose: `#[unsafe(no_mangle)]`
    }
    let by_file = sources::whole_name(&name, file);
    let is_same = |symbol: &&str| {
        let ends = match symbol.rsplit("::").next() {
            Some("{{closure}}") => bare.starts_with("{closure"),
            last => last == Some(bare),
        };
        // Functions with the same code may have become one, with the names of all.
        let told = by_file.as_deref().and_then(sources::crate_of);
        ends && told.is_none_or(|told| sources::crate_of(symbol) == Some(told))
    };
    match symbol.filter(is_same) {
        Some(symbol) => symbol.to_owned(),
        None => by_file.unwrap_or(name),
    }
}
