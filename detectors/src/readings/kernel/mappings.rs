//! A process' mappings, and what the kernel tells of their pages.

use super::Whose;
use super::figures::bytes;
use super::file::each_line;
use crate::model::mapping::Mapping;
use std::io;

pub(crate) use pages::{Page, Pages, memory};

/// Visits each mapping of a process, in the order of their addresses. No list of them is kept: for whoever looks for pointers it
/// would be full of them.
pub(crate) fn each_mapping(whose: Whose, mut visit: impl FnMut(Mapping)) -> io::Result<()> {
    each_line(whose, "maps", |line| {
        if let Some(mapping) = Mapping::parse(line) {
            visit(mapping);
        }
    })
}

/// A mapping, with how much of it is in RAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InRam {
    pub(crate) mapping: Mapping,
    /// In bytes, what is lazily freed among them.
    pub(crate) resident: u64,
    pub(crate) lazily_freed: u64,
}

/// All mappings of a process, with how much of each is in RAM: the kernel walks the process' page tables for them.
pub(crate) fn in_ram(whose: Whose) -> io::Result<Vec<InRam>> {
    let mut all = Vec::new();
    each_line(whose, "smaps", |line| add(&mut all, line))?;
    Ok(all)
}

/// Adds what a line of `smaps` says: a mapping's begins its figures.
fn add(all: &mut Vec<InRam>, line: &[u8]) {
    if let Some(mapping) = Mapping::parse(line) {
        all.push(InRam {
            mapping,
            resident: 0,
            lazily_freed: 0,
        });
    } else if let Some(last) = all.last_mut() {
        if let Some(bytes) = bytes(line, "Rss:") {
            last.resident = bytes;
        } else if let Some(bytes) = bytes(line, "LazyFree:") {
            last.lazily_freed = bytes;
        }
    }
}

mod pages {
    use super::super::file::open;
    use super::Whose;
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt;

    /// This process' memory, to be read at its addresses: what isn't mapped any more is an error, and nothing faults.
    pub(crate) fn memory() -> io::Result<File> {
        open(Whose::Own, "mem")
    }

    /// The kernel's word on each page of this process.
    pub(crate) struct Pages(File);

    impl Pages {
        pub(crate) fn of_this_process() -> io::Result<Self> {
            open(Whose::Own, "pagemap").map(Pages)
        }

        /// Reads the entries of as many pages as `entries` has room for, from the page of that number on. Doesn't allocate.
        pub(crate) fn read(
            &self,
            first: usize,
            entries: &mut [[u8; Page::BYTES]],
        ) -> io::Result<()> {
            let at = (first * Page::BYTES) as u64;
            self.0.read_exact_at(entries.as_flattened_mut(), at)
        }
    }

    /// A page's entry.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Page(u64);

    impl Page {
        pub(crate) const BYTES: usize = size_of::<u64>();

        pub(crate) fn of(entry: [u8; Self::BYTES]) -> Self {
            Page(u64::from_ne_bytes(entry))
        }

        pub(crate) fn is_present(self) -> bool {
            self.0 & 1 << 63 != 0
        }

        pub(crate) fn is_swapped(self) -> bool {
            self.0 & 1 << 62 != 0
        }

        pub(crate) fn is_of_file_or_shared(self) -> bool {
            self.0 & 1 << 61 != 0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InRam, Mapping, add};

    #[test]
    fn a_mapping_is_read_with_its_figures() {
        let heads = [
            "55d0c0000000-55d0c0022000 r--p 00000000 08:02 173521      /usr/bin/a program",
            "7f0000000000-7f0000100000 rw-p 00000000 00:00 0 ",
            "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0          [stack]",
        ];
        let smaps = format!(
            "{}\nSize:                136 kB\nRss:                  64 kB\nAnonymous:             8 kB\nLazyFree:              0 kB\n\
             {}\nRss:                1024 kB\nAnonymous:          1024 kB\nLazyFree:            512 kB\nVmFlags: rd wr mr\n\
             {}\nRss:                  16 kB\n",
            heads[0], heads[1], heads[2]
        );
        let mut all = Vec::new();
        smaps
            .lines()
            .for_each(|line| add(&mut all, line.as_bytes()));
        let figures = [(64 << 10, 0), (1 << 20, 1 << 19), (16 << 10, 0)];
        let expected = heads
            .iter()
            .zip(figures)
            .map(|(head, (resident, lazily_freed))| InRam {
                mapping: Mapping::parse(head.as_bytes()).expect("a mapping"),
                resident,
                lazily_freed,
            });
        assert_eq!(all, expected.collect::<Vec<_>>());
    }
}
