//! The kernel's list of mappings.

use super::full::Limit;
use super::{Mapped, Resident, Rollup};
use crate::allocator;
use crate::readings::process::kernel::{self, Whose};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::read;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ffi::{CStr, CString};
use std::ops::Range;
use std::{fs, io};

const KIB: u64 = 1_024;

pub(super) fn resident() -> io::Result<Resident> {
    let rollup = rollup_in(c"/proc/self/smaps_rollup")?;
    Ok(Resident {
        resident: rollup.resident,
        lazily_freed: rollup.lazily_freed,
    })
}

pub(super) fn rollup(id: u32) -> io::Result<Rollup> {
    rollup_in(&CString::new(format!("/proc/{id}/smaps_rollup"))?)
}

/// The kernel's sums over all mappings. Doesn't allocate.
fn rollup_in(path: &CStr) -> io::Result<Rollup> {
    let mut buffer = [0; 4_096];
    let text = contents(path, &mut buffer)?;
    let bytes = |field: &str| lines(text).find_map(|line| kib(line, field)).unwrap_or(0) * KIB;
    Ok(Rollup {
        resident: bytes("Rss:"),
        anonymous: bytes("Anonymous:"),
        lazily_freed: bytes("LazyFree:"),
        swapped: bytes("Swap:"),
    })
}

pub(super) fn resident_estimate() -> Option<u64> {
    let mut buffer = [0; 256];
    let text = contents(c"/proc/self/statm", &mut buffer).ok()?;
    let pages: u64 = lines(text).next()?.split(' ').nth(1)?.parse().ok()?;
    let all = pages * rustix::param::page_size() as u64;
    Some(all.saturating_sub(own_tables_resident()))
}

/// How much of these instruments' tables is in RAM. Doesn't allocate.
fn own_tables_resident() -> u64 {
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

/// What a small file holds, without allocating.
fn contents<'b>(path: &CStr, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut filled = 0;
    loop {
        let more = read(&file, &mut buffer[filled..])?;
        filled += more;
        if more == 0 {
            break;
        }
    }
    Ok(&buffer[..filled])
}

/// The lines that are text. The program's name isn't, where the kernel has cut it inside a letter.
fn lines(contents: &[u8]) -> impl Iterator<Item = &str> {
    let lines = contents.split(|byte| *byte == b'\n');
    lines.filter_map(|line| std::str::from_utf8(line).ok())
}

/// The value of `Rss:      12 kB`.
fn kib(line: &str, field: &str) -> Option<u64> {
    let value = line.strip_prefix(field)?.trim().strip_suffix("kB")?;
    value.trim().parse().ok()
}

/// One mapping of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapping {
    range: Range<usize>,
    path: String,
    resident: u64,
    lazily_freed: u64,
    /// Whether nobody may read or write there.
    is_closed: bool,
    /// Whether other processes see what is written there.
    is_shared: bool,
}

impl Mapping {
    fn is_anonymous(&self) -> bool {
        let path = &self.path;
        path.is_empty() || path.starts_with("[anon") || path == "[heap]"
    }

    /// Whether this lies below a stack, for it to run into when it overflows.
    fn is_guard_of(&self, stack: &Mapping) -> bool {
        const GUARD_MAX: usize = 64 << 10;
        self.is_closed && self.range.len() <= GUARD_MAX && self.range.end == stack.range.start
    }
}

pub(super) fn mapped(whose: Whose) -> io::Result<Mapped> {
    // Tables of ours that grow while this reads are seen by the kernel later than by us; so they are asked for first.
    let instruments: Vec<Range<usize>> = match whose {
        Whose::Own => allocator::own_tables().collect(),
        Whose::Of(_) => Vec::new(),
    };
    let stacks = stack_pointers(whose);
    let program = fs::read_link(format!("/proc/{whose}/exe"))?;
    let program = program.to_string_lossy();
    let mut all = Mapped::default();
    let mappings = mappings(&kernel::text(&format!("/proc/{whose}/smaps"))?);
    for (at, mapping) in mappings.iter().enumerate() {
        let Mapping {
            range,
            path,
            resident,
            lazily_freed,
            ..
        } = mapping;
        let is_guarded = at > 0 && mappings[at - 1].is_guard_of(mapping);
        all.resident += resident;
        all.lazily_freed += lazily_freed;
        let is_anonymous = mapping.is_anonymous();
        let is_stack = is_guarded || stacks.iter().any(|pointer| range.contains(pointer));
        if path == "[stack]" || is_anonymous && is_stack {
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
        } else if mapping.is_shared && is_memory(path) {
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
    for mapping in mappings(&kernel::text("/proc/self/smaps")?) {
        if mapping.lazily_freed > 0 {
            let start = std::ptr::with_exposed_provenance_mut(mapping.range.start);
            // SAFETY: it changes where pages are kept and not what is in them, but for those that their owner gave up. A mapping
            // that has gone meanwhile is refused.
            unsafe { libc::madvise(start, mapping.range.len(), libc::MADV_PAGEOUT) };
        }
    }
    Ok(())
}

/// Where a process' anonymous mappings lie.
pub(crate) fn anonymous_ranges(id: u32) -> io::Result<Vec<Range<usize>>> {
    let mappings = mappings(&kernel::text(&format!("/proc/{id}/maps"))?);
    Ok(mappings
        .into_iter()
        .filter(Mapping::is_anonymous)
        .map(|mapping| mapping.range)
        .collect())
}

/// Whether a shared mapping has no file on a disk behind it: System V's, memfd's, and `/dev/shm`.
fn is_memory(path: &str) -> bool {
    ["/SYSV", "/memfd:", "/dev/shm/", "/dev/zero"]
        .iter()
        .any(|start| path.starts_with(start))
}

fn mappings(smaps: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        if let Some(mapping) = head(line) {
            mappings.push(mapping);
        } else if let Some(last) = mappings.last_mut() {
            let fields = [
                ("Rss:", &mut last.resident),
                ("LazyFree:", &mut last.lazily_freed),
            ];
            for (field, value) in fields {
                if let Some(kib) = kib(line, field) {
                    *value = kib * KIB;
                }
            }
        }
    }
    mappings
}

/// `55d0c000-55d2e000 r--p 00000000 08:02 173521      /usr/bin/dbus-daemon`
fn head(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = address(start)?..address(end)?;
    // Offset, device, inode; then a path, which may have spaces.
    let permissions = words.next()?;
    let inode = words.nth(2)?;
    let after = line
        .rfind(&format!(" {inode} "))
        .map(|at| at + inode.len() + 2);
    Some(Mapping {
        range,
        path: after.map_or("", |after| line[after..].trim()).to_owned(),
        resident: 0,
        lazily_freed: 0,
        is_closed: permissions.starts_with("---"),
        is_shared: permissions.ends_with('s'),
    })
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    one.start.max(other.start)..one.end.min(other.end)
}

/// How much of a range is in RAM, by the kernel's own bits for each page. Zero where they can't be read.
fn resident_in(range: &Range<usize>) -> u64 {
    const ENTRY: usize = 8;
    const PRESENT: u64 = 1 << 63;
    if range.is_empty() {
        return 0;
    }
    let page = rustix::param::page_size();
    let (first, last) = (range.start / page, (range.end - 1) / page);
    let mut entries = vec![0_u8; (last - first + 1) * ENTRY];
    let read = fs::File::open("/proc/self/pagemap").and_then(|file| {
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut entries, (first * ENTRY) as u64)
    });
    if read.is_err() {
        return 0;
    }
    let present = entries
        .as_chunks::<ENTRY>()
        .0
        .iter()
        .filter(|entry| u64::from_ne_bytes(**entry) & PRESENT != 0);
    (present.count() * page) as u64
}

/// Where each thread's stack is just now: the kernel tells of threads that wait, and this one knows its own.
fn stack_pointers(whose: Whose) -> Vec<usize> {
    let here = 0_u8;
    let mut pointers = match whose {
        Whose::Own => vec![std::ptr::from_ref(&here).addr()],
        Whose::Of(_) => Vec::new(),
    };
    for entry in fs::read_dir(format!("/proc/{whose}/task"))
        .into_iter()
        .flatten()
        .flatten()
    {
        // `7 0x5 0x7ffc... 0x8000 0x0 0x0 0x0 0x7ffcSP 0x7f..PC`, or `running`.
        let Ok(call) = fs::read_to_string(entry.path().join("syscall")) else {
            continue;
        };
        let pointer = call
            .split_ascii_whitespace()
            .rev()
            .nth(1)
            .and_then(|word| word.strip_prefix("0x"));
        pointers.extend(pointer.and_then(|word| usize::from_str_radix(word, 16).ok()));
    }
    pointers
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
    let mut buffer = [0; 4_096];
    let text = contents(c"/proc/self/status", &mut buffer).ok()?;
    let kib = lines(text).find_map(|line| kib(line, "VmData:"))?;
    Some(kib * KIB)
}

/// What may refuse memory to this process. Doesn't allocate.
pub(super) fn limits() -> [Option<Limit>; 2] {
    let mut buffer = [0; 4_096];
    let text = contents(c"/proc/self/status", &mut buffer).unwrap_or_default();
    let used = |field| lines(text).find_map(|line| kib(line, field)).unwrap_or(0) * KIB;
    let limits = [
        (
            Resource::Data,
            "VmData:",
            "what it may write to (RLIMIT_DATA)",
        ),
        (Resource::As, "VmSize:", "its addresses (RLIMIT_AS)"),
    ];
    limits.map(|(resource, field, what)| {
        let at_most = getrlimit(resource).current?;
        let used = used(field);
        Some(Limit {
            what,
            used,
            at_most,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Mapping, kib, lines, mappings};

    #[test]
    fn a_name_that_is_cut_hides_no_figure() {
        let status = b"Name:\t\xd0\xbd\xd0\nVmSize:\t    12 kB\nVmData:\t     7 kB\n";
        let figure = |field| lines(status).find_map(|line| kib(line, field));
        assert_eq!([figure("VmSize:"), figure("VmData:")], [Some(12), Some(7)]);
    }

    #[test]
    fn a_mapping_is_read_with_its_figures() {
        let smaps = "\
55d0c0000000-55d0c0022000 r--p 00000000 08:02 173521      /usr/bin/a program
Size:                136 kB
Rss:                  64 kB
Anonymous:             8 kB
LazyFree:              0 kB
7f0000000000-7f0000100000 rw-p 00000000 00:00 0 
Rss:                1024 kB
Anonymous:          1024 kB
LazyFree:            512 kB
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0          [stack]
Rss:                  16 kB
";
        let mapping = |range, path: &str, resident, lazily_freed| Mapping {
            range,
            path: path.to_owned(),
            resident,
            lazily_freed,
            is_closed: false,
            is_shared: false,
        };
        assert_eq!(
            mappings(smaps),
            [
                mapping(
                    0x55d0_c000_0000..0x55d0_c002_2000,
                    "/usr/bin/a program",
                    65_536,
                    0
                ),
                mapping(0x7f00_0000_0000..0x7f00_0010_0000, "", 1 << 20, 1 << 19),
                mapping(0x7ffc_0000_0000..0x7ffc_0002_1000, "[stack]", 16_384, 0),
            ]
        );
    }
}
