//! Which units describe the wanted addresses, and what each says of them.

use std::rc::Rc;

use gimli::{DebugInfoOffset, UnitType};

use super::file::{AROUND, File};
use super::lines::Files;
use super::ranges::in_range;
use super::{Dwarf, Frame, Slice, UnitRef, functions, lines};

/// A unit that may describe an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    unit: usize,
    /// The address' position.
    at: usize,
    /// Where the range ends that the address lies in.
    end: u64,
}

/// The frames at addresses, which come in rising order; none where no unit describes one. `None` where the program's debug
/// information is split over other files.
pub(super) fn frames<'data>(
    dwarf: &Dwarf<'data>,
    workspace: Option<&str>,
    addresses: &[u64],
    file: &File,
) -> Option<Vec<Vec<Frame<'data>>>> {
    let mut hits = hits(dwarf, addresses, file).unwrap_or_default();
    hits.sort_unstable();
    hits.dedup_by_key(|hit| (hit.unit, hit.at));
    let mut found: Vec<Vec<Frame<'_>>> = addresses.iter().map(|_| Vec::new()).collect();
    // Where several units claim an address, the one whose range ends first is asked first.
    let mut claimed = vec![(u64::MAX, usize::MAX); addresses.len()];
    for hits in hits.chunk_by(|one, other| one.unit == other.unit) {
        file.has_read(AROUND);
        let Ok(unit) = unit(dwarf, hits[0].unit) else {
            continue;
        };
        if unit.dwo_id.is_some() {
            return None;
        }
        let inside: Vec<u64> = hits.iter().map(|hit| addresses[hit.at]).collect();
        let Ok(described) = described(gimli::UnitRef::new(dwarf, &unit), workspace, &inside, file)
        else {
            continue;
        };
        for (hit, frames) in hits.iter().zip(described) {
            let claim = (hit.end, hit.unit);
            if !frames.is_empty() && claim < claimed[hit.at] {
                claimed[hit.at] = claim;
                found[hit.at] = frames;
            }
        }
    }
    Some(found)
}

fn unit<'data>(dwarf: &Dwarf<'data>, offset: usize) -> gimli::Result<gimli::Unit<Slice<'data>>> {
    dwarf.unit(
        dwarf
            .debug_info
            .header_from_offset(DebugInfoOffset(offset))?,
    )
}

/// What a unit says of addresses in it.
fn described<'data>(
    unit: UnitRef<'_, 'data>,
    workspace: Option<&str>,
    addresses: &[u64],
    file: &File,
) -> gimli::Result<Vec<Vec<Frame<'data>>>> {
    let functions = functions::find(unit, addresses, file)?;
    let rows = lines::find(unit, addresses, file)?;
    let mut files = Files::of(unit, workspace);
    let nowhere: Rc<str> = Rc::from("");
    let mut described = Vec::with_capacity(addresses.len());
    for (function, row) in functions.into_iter().zip(rows) {
        let mut place = match row {
            Some(row) => (files.path(row.file)?, row.line),
            None => (Rc::clone(&nowhere), 0),
        };
        let mut frames = Vec::new();
        let mut name = super::Name::Unknown;
        if let Some(function) = &function {
            name = function.name;
            // A call's name stands at the callee, its place in the caller.
            for call in function.inlined.iter().rev() {
                let path = match call.call_file {
                    Some(file) => files.path(file)?,
                    None => Rc::clone(&nowhere),
                };
                let (file, line) = std::mem::replace(&mut place, (path, call.call_line));
                let name = call.name;
                frames.push(Frame { name, file, line });
            }
        }
        if function.is_some() || row.is_some() {
            let (file, line) = place;
            frames.push(Frame { name, file, line });
        }
        described.push(frames);
    }
    Ok(described)
}

/// The units that may describe addresses, by the table for that, and by the units themselves where it is silent.
fn hits(dwarf: &Dwarf<'_>, addresses: &[u64], file: &File) -> gimli::Result<Vec<Hit>> {
    let mut hits = Vec::new();
    let mut listed = Vec::new();
    let mut sets = dwarf.debug_aranges.headers();
    while let Some(set) = sets.next()? {
        file.has_read(set.length());
        let unit = set.debug_info_offset().0;
        let mut entries = set.entries();
        let mut is_listed = false;
        while let Some(entry) = entries.next().transpose() {
            // An entry whose end overflows describes no code.
            let Ok(entry) = entry else { continue };
            is_listed |= entry.length() != 0;
            claim(&mut hits, addresses, unit, entry.range());
        }
        if is_listed {
            listed.push(unit);
        }
    }
    let mut is_found = vec![false; addresses.len()];
    for hit in &hits {
        is_found[hit.at] = true;
    }
    if is_found.iter().all(|found| *found) {
        return Ok(hits);
    }
    listed.sort_unstable();
    each_unlisted(dwarf, &listed, file, |unit, range| {
        claim(&mut hits, addresses, unit, range);
    })?;
    Ok(hits)
}

fn claim(hits: &mut Vec<Hit>, addresses: &[u64], unit: usize, range: gimli::Range) {
    let end = range.end;
    hits.extend(in_range(addresses, range).map(|at| Hit { unit, at, end }));
}

fn each_unlisted(
    dwarf: &Dwarf<'_>,
    listed: &[usize],
    file: &File,
    mut visit: impl FnMut(usize, gimli::Range),
) -> gimli::Result<()> {
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        file.has_read(1 << 12);
        let has_code = !matches!(
            header.type_(),
            UnitType::Type { .. } | UnitType::SplitType { .. } | UnitType::Partial
        );
        let Some(DebugInfoOffset(offset)) = header.debug_info_offset() else {
            continue;
        };
        if !has_code || listed.binary_search(&offset).is_ok() {
            continue;
        }
        let Ok(unit) = dwarf.unit(header) else {
            continue;
        };
        file.has_read(1 << 14);
        let mut ranges = dwarf.unit_ranges(&unit)?;
        while let Some(range) = ranges.next()? {
            visit(offset, range);
        }
    }
    Ok(())
}
