//! The names of functions, which often stand at another entry than their code.

use std::collections::BTreeMap;

use gimli::{AttributeValue, DebugInfoOffset, UnitOffset};

use super::file::{AROUND, File};
use super::{Dwarf, Slice, UnitRef};

/// How many entries a name is looked for, one referring to the next.
const REFERENCES: usize = 16;

/// A function's name as the compiler wrote it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name<'data> {
    Known(Slice<'data>),
    /// At an entry of another unit.
    Elsewhere(DebugInfoOffset),
    Unknown,
}

impl<'data> Name<'data> {
    pub(super) fn bytes(&self) -> Option<&'data [u8]> {
        match self {
            Self::Known(name) => Some(name.slice()),
            Self::Elsewhere(_) | Self::Unknown => None,
        }
    }
}

/// What an entry's attributes say of its name.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Attributes<'data> {
    /// With its crate, its types and a hash.
    linkage: Option<AttributeValue<Slice<'data>>>,
    bare: Option<AttributeValue<Slice<'data>>>,
    /// Of whose copy the entry is.
    origin: Option<AttributeValue<Slice<'data>>>,
}

impl<'data> Attributes<'data> {
    pub(super) fn take(&mut self, name: gimli::DwAt, value: AttributeValue<Slice<'data>>) {
        let place = match name {
            gimli::DW_AT_linkage_name | gimli::DW_AT_MIPS_linkage_name => &mut self.linkage,
            gimli::DW_AT_name => &mut self.bare,
            gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => &mut self.origin,
            _ => return,
        };
        *place = Some(value);
    }

    pub(super) fn name(self, unit: UnitRef<'_, 'data>) -> gimli::Result<Name<'data>> {
        let mut attributes = self;
        for _ in 0..REFERENCES {
            let text = [attributes.linkage, attributes.bare]
                .into_iter()
                .flatten()
                .find_map(|value| unit.attr_string(value).ok());
            if let Some(text) = text {
                return Ok(Name::Known(text));
            }
            match attributes.origin {
                Some(AttributeValue::UnitRef(offset)) => attributes = read(unit, offset)?,
                Some(AttributeValue::DebugInfoRef(offset)) => return Ok(Name::Elsewhere(offset)),
                _ => break,
            }
        }
        Ok(Name::Unknown)
    }
}

fn read<'data>(unit: UnitRef<'_, 'data>, offset: UnitOffset) -> gimli::Result<Attributes<'data>> {
    let mut attributes = Attributes::default();
    let mut entries = unit.entries_raw(Some(offset))?;
    if let Some(abbreviation) = entries.read_abbreviation()? {
        for &specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(specification)?;
            attributes.take(attribute.name(), attribute.value());
        }
    }
    Ok(attributes)
}

/// Puts names in place of references to other units, each of which is read once for all of them.
pub(super) fn resolve_elsewhere<'data: 'name, 'name>(
    dwarf: &Dwarf<'data>,
    names: &mut dyn Iterator<Item = &'name mut Name<'data>>,
    file: &File,
) {
    let mut waiting: Vec<&mut Name<'_>> = names
        .filter(|name| matches!(name, Name::Elsewhere(_)))
        .collect();
    for _ in 0..REFERENCES {
        let mut found: BTreeMap<usize, Name<'_>> = BTreeMap::new();
        for name in &waiting {
            if let Name::Elsewhere(offset) = **name {
                found.insert(offset.0, Name::Unknown);
            }
        }
        if found.is_empty() {
            return;
        }
        // What can't be read leaves names unknown, and they are taken from the symbol table then.
        let _unreadable = read_all(dwarf, &mut found, file);
        for name in &mut waiting {
            if let Name::Elsewhere(offset) = **name {
                **name = found[&offset.0];
            }
        }
        waiting.retain(|name| matches!(name, Name::Elsewhere(_)));
    }
}

fn read_all<'data>(
    dwarf: &Dwarf<'data>,
    found: &mut BTreeMap<usize, Name<'data>>,
    file: &File,
) -> gimli::Result<()> {
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        file.has_read(1 << 12);
        let Some(start) = header.debug_info_offset() else {
            continue;
        };
        let end = start.0 + header.length_including_self();
        let mut inside = found.range_mut(start.0..end).peekable();
        if inside.peek().is_none() {
            continue;
        }
        let unit = dwarf.unit(header)?;
        let unit = gimli::UnitRef::new(dwarf, &unit);
        file.has_read(AROUND);
        for (offset, name) in inside {
            file.has_read(1 << 12);
            let Some(offset) = DebugInfoOffset(*offset).to_unit_offset(&unit.header) else {
                continue;
            };
            *name = read(unit, offset)?.name(unit)?;
        }
    }
    Ok(())
}
