//! What each mapping is for, and what the system is asked to do with it.

use super::Mapped;
use super::full::Limit;
use crate::allocator;
use crate::model::mapping::Mapping;
use crate::readings::kernel::{self, InRam, Page, Pages, Whose};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::ops::Range;

pub(super) fn resident_estimate() -> Option<u64> {
    Some(without_instruments(
        kernel::resident_pages(Whose::Own).ok()??.all,
    ))
}

pub(super) fn anonymous_estimate() -> Option<u64> {
    let pages = kernel::resident_pages(Whose::Own).ok()??;
    let pages = pages.all.saturating_sub(pages.of_files_or_shared);
    Some(without_instruments(pages))
}

fn without_instruments(pages: u64) -> u64 {
    let all = pages * rustix::param::page_size() as u64;
    all.saturating_sub(own_tables_resident())
}

pub(super) fn own_tables_resident() -> u64 {
    let page = rustix::param::page_size();
    let mut bits = [0_u8; 4_096];
    let mut resident = 0;
    for table in allocator::own_tables() {
        let (first, last) = (table.start / page * page, table.end);
        for part in (first..last).step_by(page * bits.len()) {
            let length = (last - part).min(page * bits.len());
            let start = std::ptr::with_exposed_provenance_mut(part);
            // SAFETY: it writes a byte for each page of the range, which are as many as `bits` has or fewer, and touches no page.
            if unsafe { libc::mincore(start, length, bits.as_mut_ptr()) } == 0 {
                let pages = &bits[..length.div_ceil(page)];
                resident += pages.iter().filter(|page| **page & 1 == 1).count();
            }
        }
    }
    (resident * page) as u64
}

/// Whether a mapping lies below a stack, for it to run into when it overflows.
fn is_guard_of(guard: &Mapping, stack: &Mapping) -> bool {
    kernel::is_guard(guard) && guard.range.end == stack.range.start && !ends_an_arena(guard)
}

/// Whether a closed mapping may be the rest of a heap of glibc's, which is open as far as it is used: each lies at a multiple of its
/// size, and the next one begins where it ends.
fn ends_an_arena(closed: &Mapping) -> bool {
    const HEAP: usize = 64 << 20;
    closed.range.end.is_multiple_of(HEAP)
}

pub(super) fn mapped(whose: Whose) -> io::Result<Mapped> {
    // Tables of ours that grow while this reads are seen by the kernel later than by us; so they are asked for first.
    let instruments: Vec<Range<usize>> = match whose {
        Whose::Own => allocator::own_tables().collect(),
        Whose::Of(_) => Vec::new(),
    };
    let mut stacks = kernel::stack_pointers(whose);
    let here = 0_u8;
    if whose == Whose::Own {
        stacks.push(std::ptr::from_ref(&here).addr());
    }
    let program = kernel::program(whose)?;
    let mut all = Mapped::default();
    let mappings = kernel::in_ram(whose)?;
    for (at, in_ram) in mappings.iter().enumerate() {
        let InRam {
            mapping,
            resident,
            lazily_freed,
        } = in_ram;
        let (range, path) = (&mapping.range, &mapping.path);
        let is_guarded = at > 0 && is_guard_of(&mappings[at - 1].mapping, mapping);
        all.resident += resident;
        all.lazily_freed += lazily_freed;
        let is_anonymous = mapping.is_anonymous();
        let is_stack = is_guarded || stacks.iter().any(|pointer| range.contains(pointer));
        if path.as_os_str() == "[stack]" || is_anonymous && is_stack {
            all.stacks += resident - lazily_freed;
        } else if is_anonymous {
            // The kernel joins neighbours: a table of ours may be a part of a mapping.
            let tables = instruments.iter().map(|table| overlap(table, range));
            let ours: u64 = tables.map(|table| resident_in(&table)).sum();
            let ours = ours.min(resident - lazily_freed);
            all.instruments += ours;
            all.heap += resident - lazily_freed - ours;
        } else if *path == program {
            all.program += resident - lazily_freed;
        } else if mapping.is_shared_memory() {
            all.shared += resident - lazily_freed;
        } else {
            all.files += resident - lazily_freed;
        }
    }
    Ok(all)
}

/// Has the kernel take the pages that were freed with `MADV_FREE`, as it would if it needed them. The rest of their mappings goes
/// to swap where there is any, and comes back when it is used.
pub(super) fn page_out_lazily_freed() -> io::Result<()> {
    for in_ram in kernel::in_ram(Whose::Own)? {
        if in_ram.lazily_freed > 0 {
            let range = in_ram.mapping.range;
            let start = std::ptr::with_exposed_provenance_mut(range.start);
            // SAFETY: it changes where pages are kept and not what is in them, but for those that their owner gave up. A mapping
            // that has gone meanwhile is refused.
            unsafe { libc::madvise(start, range.len(), libc::MADV_PAGEOUT) };
        }
    }
    Ok(())
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    one.start.max(other.start)..one.end.min(other.end)
}

/// How much of a range is in RAM, by the kernel's own bits for each page. Zero where they can't be read.
fn resident_in(range: &Range<usize>) -> u64 {
    if range.is_empty() {
        return 0;
    }
    let page = rustix::param::page_size();
    let (first, last) = (range.start / page, (range.end - 1) / page);
    let mut entries = vec![[0; Page::BYTES]; last - first + 1];
    let read = Pages::of_this_process().and_then(|pages| pages.read(first, &mut entries));
    if read.is_err() {
        return 0;
    }
    let present = entries
        .into_iter()
        .filter(|entry| Page::of(*entry).is_present());
    (present.count() * page) as u64
}

pub(super) fn set_limit(bytes: u64) -> io::Result<()> {
    let limit = Rlimit {
        current: Some(bytes),
        maximum: getrlimit(Resource::Data).maximum,
    };
    Ok(setrlimit(Resource::Data, limit)?)
}

/// How much this process may write to, in RAM or not. Doesn't allocate.
#[cfg(target_env = "gnu")]
pub(super) fn writable() -> Option<u64> {
    let [writable] = kernel::status_of(Whose::Own, ["VmData:"]).ok()?;
    writable
}

/// What may refuse memory to this process. Doesn't allocate.
pub(super) fn limits() -> [Option<Limit>; 2] {
    let used = kernel::status_of(Whose::Own, ["VmData:", "VmSize:"]).unwrap_or_default();
    let [data, addresses] = used.map(Option::unwrap_or_default);
    let limits = [
        (Resource::Data, data, "what it may write to (RLIMIT_DATA)"),
        (Resource::As, addresses, "its addresses (RLIMIT_AS)"),
    ];
    limits.map(|(resource, used, what)| {
        let at_most = getrlimit(resource).current?;
        Some(Limit {
            what,
            used,
            at_most,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::is_guard_of;
    use crate::model::mapping::Mapping;

    #[test]
    fn the_rest_of_an_arena_is_no_guard_of_a_stack() {
        let mapping = |text: &str| Mapping::parse(text.as_bytes()).expect("a line of the kernel's");
        let guards = |lines: [&str; 2]| is_guard_of(&mapping(lines[0]), &mapping(lines[1]));
        assert!(guards([
            "7f1d3c1ff000-7f1d3c200000 ---p 00000000 00:00 0 ",
            "7f1d3c200000-7f1d3c400000 rw-p 00000000 00:00 0 ",
        ]));
        // Three arenas in a row, of which the first is full but for a page.
        assert!(!guards([
            "7f1d3bfff000-7f1d3c000000 ---p 00000000 00:00 0 ",
            "7f1d3c000000-7f1d3fffe000 rw-p 00000000 00:00 0 ",
        ]));
    }
}
