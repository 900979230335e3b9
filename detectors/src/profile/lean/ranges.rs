//! Which of the wanted addresses a piece of debug information is about.

use std::ops::Range;

use gimli::{AttributeValue, RangeListsOffset};

use super::{Slice, UnitRef};

/// Linkers write 0 or 1 where the code that a piece described was left out.
const LEFT_OUT: u64 = 1;

/// Which addresses, all in rising order, lie from `begin` to before `end`.
pub(super) fn covered(addresses: &[u64], begin: u64, end: u64) -> Range<usize> {
    let from = addresses.partition_point(|&address| address < begin);
    let to = addresses.partition_point(|&address| address < end);
    from..to.max(from)
}

/// Which addresses lie in a range, none if its code was left out of the program.
pub(super) fn in_range(addresses: &[u64], range: gimli::Range) -> Range<usize> {
    if range.begin <= LEFT_OUT {
        return 0..0;
    }
    covered(addresses, range.begin, range.end)
}

/// What an entry's attributes say of where its code lies.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    low: Option<u64>,
    high: Option<u64>,
    size: Option<u64>,
    list: Option<RangeListsOffset>,
}

impl Ranges {
    pub(super) fn take<'data>(
        &mut self,
        unit: UnitRef<'_, 'data>,
        name: gimli::DwAt,
        value: AttributeValue<Slice<'data>>,
    ) -> gimli::Result<()> {
        match (name, value) {
            (gimli::DW_AT_low_pc, AttributeValue::Addr(address)) => self.low = Some(address),
            (gimli::DW_AT_low_pc, AttributeValue::DebugAddrIndex(index)) => {
                self.low = Some(unit.address(index)?);
            }
            (gimli::DW_AT_high_pc, AttributeValue::Addr(address)) => self.high = Some(address),
            (gimli::DW_AT_high_pc, AttributeValue::DebugAddrIndex(index)) => {
                self.high = Some(unit.address(index)?);
            }
            (gimli::DW_AT_high_pc, AttributeValue::Udata(size)) => self.size = Some(size),
            (gimli::DW_AT_ranges, value) => self.list = unit.attr_ranges_offset(value)?,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn each(
        &self,
        unit: UnitRef<'_, '_>,
        mut visit: impl FnMut(gimli::Range),
    ) -> gimli::Result<()> {
        if let Some(list) = self.list {
            let mut ranges = unit.ranges(list)?;
            while let Some(range) = ranges.next()? {
                visit(range);
            }
        } else if let Some(begin) = self.low {
            let end = self
                .high
                .or_else(|| self.size.map(|size| begin.wrapping_add(size)));
            if let Some(end) = end {
                visit(gimli::Range { begin, end });
            }
        }
        Ok(())
    }
}
