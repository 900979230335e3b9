//! Names from a file's symbol table, for code without debug information.

use object::NativeEndian;
use object::elf::{SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB, STT_FUNC, STT_OBJECT};
use object::read::elf::{SectionTable, Sym};

use super::file::{AROUND, File, Header};
use super::ranges::covered;

/// How many symbols are read before the file hears of it.
const STEP: usize = 4096;

/// The nearest symbol at or before an address.
#[derive(Debug, Clone, Copy)]
struct Nearest {
    start: u64,
    size: u64,
    name: u32,
}

/// The symbols that hold addresses, which come in rising order.
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::useless_conversion,
        reason = "the fields have 32 bits on some targets"
    )
)]
pub(super) fn find<'data>(
    endian: NativeEndian,
    sections: &SectionTable<'data, Header>,
    file: &'data File,
    addresses: &[u64],
) -> Vec<Option<&'data [u8]>> {
    let mut names = vec![None; addresses.len()];
    if addresses.is_empty() {
        return names;
    }
    let table = [SHT_SYMTAB, SHT_DYNSYM]
        .into_iter()
        .filter_map(|kind| sections.symbols(endian, file.data(), kind).ok())
        .find(|table| !table.is_empty());
    let Some(table) = table else {
        return names;
    };
    let mut nearest: Vec<Option<Nearest>> = vec![None; addresses.len()];
    for (at, symbol) in table.iter().enumerate() {
        if at % STEP == 0 {
            file.has_read(STEP * size_of_val(symbol));
        }
        let kind = symbol.st_type();
        let is_named = kind == STT_FUNC || kind == STT_OBJECT;
        if !is_named || symbol.st_shndx(endian) == SHN_UNDEF {
            continue;
        }
        let symbol = Nearest {
            start: symbol.st_value(endian).into(),
            size: symbol.st_size(endian).into(),
            name: symbol.st_name(endian),
        };
        // It is kept at the first address only, and handed on to the others once all symbols were seen.
        let first = covered(addresses, symbol.start, u64::MAX).start;
        if let Some(place) = nearest.get_mut(first)
            && place.is_none_or(|other| other.start < symbol.start)
        {
            *place = Some(symbol);
        }
    }
    let mut last: Option<Nearest> = None;
    for ((address, own), name) in addresses.iter().zip(nearest).zip(&mut names) {
        last = own.or(last);
        if let Some(symbol) = last
            // One past the end too, as `backtrace` has it.
            && *address <= symbol.start.saturating_add(symbol.size)
        {
            file.has_read(AROUND);
            *name = table.strings().get(symbol.name).ok();
        }
    }
    names
}
