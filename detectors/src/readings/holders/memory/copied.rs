//! Threads' stacks in a copy of the process: which part is whose, and which is left from calls that have returned.
//!
//! The kernel joins mappings that lie side by side. So a mapping in which a stack ends may have more than that stack: another one, or
//! memory of the heap. Only what lies just below a stack's end, page after page that was ever written to, is what returned calls left.

use super::{Page, Pages};
use crate::readings::kernel::Stack;
use std::ops::Range;

/// Whose a part of a mapping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The thread's whose number among the stacks this is: variables of calls that haven't returned, with what is local to it.
    Thread(usize),
    Unknown,
}

/// The parts of a mapping, without what returned calls left, and without the stack of the thread that looks. `None` where no stack ends.
pub(super) fn parts(
    mapping: &Range<usize>,
    stacks: &[Stack],
    own: &Range<usize>,
    pagemap: Option<&Pages>,
) -> Option<Vec<(Range<usize>, Of)>> {
    let mut ends: Vec<(usize, Of)> = stacks
        .iter()
        .enumerate()
        .map(|(at, stack)| (stack.pointer, Of::Thread(at)))
        .filter(|(end, _)| mapping.contains(end))
        .collect();
    let is_own = mapping.contains(&own.start);
    if ends.is_empty() && !is_own {
        return None;
    }
    ends.sort_unstable_by_key(|(end, _)| *end);
    let mut parts = Vec::new();
    let (mut from, mut of) = (mapping.start, Of::Unknown);
    for (end, thread) in ends {
        let left = used_below(end, from, pagemap);
        // Where pages in use lead down to the stack before, nobody knows where the one ends and the other begins.
        let until = if left > from || of == Of::Unknown {
            left
        } else {
            end
        };
        parts.push((from..until, of));
        (from, of) = (end, thread);
    }
    parts.push((from..mapping.end, of));
    let without_own = parts.into_iter().flat_map(|(range, of)| {
        let before = range.start..range.end.min(own.start).max(range.start);
        let behind = range.start.max(own.end).min(range.end)..range.end;
        [(before, of), (behind, of)]
    });
    Some(without_own.filter(|(range, _)| !range.is_empty()).collect())
}

/// Down to where pages are in use without a gap, below an address.
fn used_below(address: usize, lowest: usize, pagemap: Option<&Pages>) -> usize {
    let Some(pagemap) = pagemap else {
        return address;
    };
    let page_bytes = rustix::param::page_size();
    let is_in_use = |page: usize| {
        let mut entry = [[0; Page::BYTES]];
        let is_read = pagemap.read(page, &mut entry).is_ok();
        let page = Page::of(entry[0]);
        is_read && (page.is_present() || page.is_swapped())
    };
    let mut page = address / page_bytes;
    while page * page_bytes > lowest && is_in_use(page - 1) {
        page -= 1;
    }
    (page * page_bytes).max(lowest).min(address)
}

#[cfg(test)]
mod tests {
    use super::{Of, parts};
    use crate::readings::kernel::Stack;

    #[test]
    fn what_lies_beside_a_stack_in_its_mapping_is_read() {
        let stack = |pointer| Stack {
            name: String::new(),
            pointer,
            is_of_instruments: false,
        };
        let (mapping, own) = (0x10_0000..0x20_0000, 0x12_0000..0x13_0000);
        // Without the kernel's word on pages nothing is taken for left.
        let told = parts(&mapping, &[stack(0x18_0000), stack(0x1c_0000)], &own, None);
        let expected = vec![
            (0x10_0000..0x12_0000, Of::Unknown),
            (0x13_0000..0x18_0000, Of::Unknown),
            (0x18_0000..0x1c_0000, Of::Thread(0)),
            (0x1c_0000..0x20_0000, Of::Thread(1)),
        ];
        assert_eq!(told, Some(expected));
        assert_eq!(parts(&mapping, &[], &(0..0), None), None);
    }
}
