//! The functions and inlined calls at addresses, from a unit's entries.

use gimli::{Abbreviation, AttributeValue, EntriesRaw};

use super::file::File;
use super::names::{Attributes, Name};
use super::ranges::{Ranges, in_range};
use super::{Slice, UnitRef};

/// After how many bytes of entries the file hears of it.
const STEP: usize = 1 << 16;

/// The function at an address, and what is inlined there.
#[derive(Debug)]
pub(super) struct Function<'data> {
    pub(super) name: Name<'data>,
    /// The outermost first.
    pub(super) inlined: Vec<Inlined<'data>>,
}

/// A call that was inlined.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inlined<'data> {
    /// Of the function that was called.
    pub(super) name: Name<'data>,
    /// The number of the calling file in the unit's table.
    pub(super) call_file: Option<u64>,
    pub(super) call_line: u32,
}

/// An entry that encloses what is read.
struct Around {
    depth: isize,
    /// Whether it is a function of its own, with which the count of inlined calls begins anew.
    is_function: bool,
    /// Which addresses lie in it; empty for an inlined call, which leaves that to its function.
    addresses: Vec<usize>,
}

/// The functions at addresses, which come in rising order; the entries are read once, and those of other addresses skipped.
pub(super) fn find<'data>(
    unit: UnitRef<'_, 'data>,
    addresses: &[u64],
    file: &File,
) -> gimli::Result<Vec<Option<Function<'data>>>> {
    let mut found: Vec<Option<Function<'_>>> = addresses.iter().map(|_| None).collect();
    let mut around: Vec<Around> = Vec::new();
    let mut entries = unit.entries_raw(None)?;
    let mut heard = 0;
    while !entries.is_empty() {
        let offset = entries.next_offset().0;
        if offset - heard >= STEP {
            file.has_read(offset - heard);
            heard = offset;
        }
        let depth = entries.next_depth();
        let Some(abbreviation) = entries.read_abbreviation()? else {
            continue;
        };
        while around.last().is_some_and(|outer| outer.depth >= depth) {
            around.pop();
        }
        let is_function = abbreviation.tag() == gimli::DW_TAG_subprogram;
        let inlined_in = around.iter().rposition(|outer| outer.is_function);
        let inside = inlined_in.map_or(&[][..], |function| &around[function].addresses);
        let is_inlined =
            abbreviation.tag() == gimli::DW_TAG_inlined_subroutine && !inside.is_empty();
        if !is_function && !is_inlined {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let entry = Entry::read(unit, &mut entries, abbreviation)?;
        let mut here = Vec::new();
        entry
            .ranges
            .each(unit, |range| here.extend(in_range(addresses, range)))?;
        if is_function {
            here.retain(|&at| found[at].is_none());
            if !here.is_empty() {
                let name = entry.name.name(unit)?;
                file.has_read(STEP);
                for &at in &here {
                    let inlined = Vec::new();
                    found[at] = Some(Function { name, inlined });
                }
            }
        } else {
            file.has_read(STEP / 64);
            let level = inlined_in.map_or(0, |function| around.len() - function - 1);
            here.retain(|at| inside.contains(at));
            if !here.is_empty() {
                let call = entry.inlined(unit)?;
                for at in here.drain(..) {
                    let inlined = found[at].as_mut().map(|function| &mut function.inlined);
                    // Where calls of one level overlap, the first one stays.
                    if let Some(inlined) = inlined.filter(|inlined| inlined.len() == level) {
                        inlined.push(call);
                    }
                }
            }
        }
        around.push(Around {
            depth,
            is_function,
            addresses: here,
        });
    }
    Ok(found)
}

/// What is read of an entry.
#[derive(Default)]
struct Entry<'data> {
    ranges: Ranges,
    name: Attributes<'data>,
    call_file: Option<u64>,
    call_line: u32,
}

impl<'data> Entry<'data> {
    fn read(
        unit: UnitRef<'_, 'data>,
        entries: &mut EntriesRaw<'_, Slice<'data>>,
        abbreviation: &Abbreviation,
    ) -> gimli::Result<Self> {
        let mut entry = Self::default();
        for &specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(specification)?;
            match attribute.name() {
                gimli::DW_AT_low_pc | gimli::DW_AT_high_pc | gimli::DW_AT_ranges => {
                    entry
                        .ranges
                        .take(unit, attribute.name(), attribute.value())?;
                }
                gimli::DW_AT_call_file => {
                    // Zero means no file up to version 4, and the first one since.
                    if let AttributeValue::FileIndex(index) = attribute.value()
                        && (index > 0 || unit.header.version() >= 5)
                    {
                        entry.call_file = Some(index);
                    }
                }
                gimli::DW_AT_call_line => {
                    let line = attribute.udata_value().unwrap_or(0);
                    entry.call_line = u32::try_from(line).unwrap_or(0);
                }
                name => entry.name.take(name, attribute.value()),
            }
        }
        Ok(entry)
    }

    fn inlined(&self, unit: UnitRef<'_, 'data>) -> gimli::Result<Inlined<'data>> {
        Ok(Inlined {
            name: self.name.name(unit)?,
            call_file: self.call_file,
            call_line: self.call_line,
        })
    }
}
