//! The kernel's sums of a process' memory. Nothing here allocates.

use super::Whose;
use super::file::each_line;
use std::io;

/// The sums over all mappings of a process, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rollup {
    pub(crate) resident: u64,
    /// The part of it that has no file behind it: heap and stacks, lazily freed memory among them.
    pub(crate) anonymous: u64,
    pub(crate) lazily_freed: u64,
    /// What is on disk for want of memory, and not resident.
    pub(crate) swapped: u64,
}

/// The sums of `smaps_rollup`: the kernel walks the process' page tables for them. Doesn't allocate.
pub(crate) fn rollup(whose: Whose) -> io::Result<Rollup> {
    let fields = ["Rss:", "Anonymous:", "LazyFree:", "Swap:"];
    let figures = of(whose, "smaps_rollup", fields)?;
    let [resident, anonymous, lazily_freed, swapped] = figures.map(Option::unwrap_or_default);
    Ok(Rollup {
        resident,
        anonymous,
        lazily_freed,
        swapped,
    })
}

/// Pages of a process that are in RAM.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResidentPages {
    pub(crate) all: u64,
    pub(crate) of_files_or_shared: u64,
}

/// How many pages of a process are resident, as `statm` estimates it: far cheaper than the sums. Doesn't allocate.
#[cfg(target_os = "linux")]
pub(crate) fn resident_pages(whose: Whose) -> io::Result<Option<ResidentPages>> {
    let mut pages = None;
    each_line(whose, "statm", |line| {
        let words = line.split(u8::is_ascii_whitespace).skip(1);
        let mut numbers = words.map_while(|word| std::str::from_utf8(word).ok()?.parse().ok());
        let both = numbers.next().zip(numbers.next());
        pages = both.map(|(all, of_files_or_shared)| ResidentPages {
            all,
            of_files_or_shared,
        });
    })?;
    Ok(pages)
}

/// How many threads a process has. Doesn't allocate.
pub(crate) fn thread_count(whose: Whose) -> io::Result<Option<u64>> {
    let mut threads = None;
    each_line(whose, "status", |line| {
        let value = line.strip_prefix(b"Threads:");
        let value = value.and_then(|value| std::str::from_utf8(value).ok());
        threads = threads.or_else(|| value?.trim().parse().ok());
    })?;
    Ok(threads)
}

/// Figures of `status` by their fields, such as `VmData:`, in bytes; `None` for one that isn't there. Doesn't allocate.
pub(crate) fn status_of<const FIELDS: usize>(
    whose: Whose,
    fields: [&str; FIELDS],
) -> io::Result<[Option<u64>; FIELDS]> {
    of(whose, "status", fields)
}

fn of<const FIELDS: usize>(
    whose: Whose,
    file: &str,
    fields: [&str; FIELDS],
) -> io::Result<[Option<u64>; FIELDS]> {
    let mut figures = [None; FIELDS];
    each_line(whose, file, |line| {
        for (field, figure) in fields.iter().zip(&mut figures) {
            *figure = figure.or_else(|| bytes(line, field));
        }
    })?;
    Ok(figures)
}

/// The value of `Rss:      12 kB`, in bytes.
pub(super) fn bytes(line: &[u8], field: &str) -> Option<u64> {
    let value = std::str::from_utf8(line.strip_prefix(field.as_bytes())?).ok()?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn a_figure_is_read_in_bytes() {
        assert_eq!(bytes(b"Rss:                  12 kB", "Rss:"), Some(12_288));
        assert_eq!(bytes(b"VmData:\t       0 kB", "VmData:"), Some(0));
        for other in [
            &b""[..],
            b"Rss:",
            b"Rss: 12",
            b"Rss: many kB",
            b"Rss: \xd1 kB",
            b"RssAnon: 12 kB",
        ] {
            assert_eq!(bytes(other, "Rss:"), None, "{}", other.escape_ascii());
        }
    }
}
