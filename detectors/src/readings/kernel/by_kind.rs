//! How much is mapped, by what is behind it. Nothing here allocates.

/// Mappings of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// The kernel joins neighbours that are alike, so that these may be fewer than were asked for.
    pub(crate) mappings: u64,
    /// Addresses, in RAM or not.
    pub(crate) bytes: u64,
}

/// All mappings that the program may use, by what is behind them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MappedByKind {
    /// Without a file: the heap too, and no stacks.
    pub(crate) anonymous: Mapped,
    pub(crate) files: Mapped,
    /// Shared with other processes or ready to be, and without a file on a disk.
    pub(crate) shared: Mapped,
    /// Of threads: also those that the C library keeps of threads that have ended.
    pub(crate) stacks: u64,
    /// Heaps of glibc's for other threads than the first.
    pub(crate) arenas: u64,
}

#[cfg(target_os = "linux")]
pub(crate) use of_linux::{is_guard, mapped_by_kind};

#[cfg(not(target_os = "linux"))]
pub(crate) fn mapped_by_kind(_whose: super::Whose) -> std::io::Result<MappedByKind> {
    Err(super::unsupported())
}

#[cfg(target_os = "linux")]
mod of_linux {
    use super::super::Whose;
    use super::super::file::each_line;
    use super::{Mapped, MappedByKind};
    use crate::model::mapping::Mapping;
    use std::io;
    use std::ops::Range;
    use std::path::Path;

    impl Mapped {
        fn add<P>(&mut self, mapping: &Mapping<P>) {
            self.mappings += 1;
            self.bytes += mapping.range.len() as u64;
        }
    }

    /// The program's mappings, summed up. Doesn't allocate.
    pub(crate) fn mapped_by_kind(whose: Whose) -> io::Result<MappedByKind> {
        let mut all = MappedByKind::default();
        let mut guard_ends_at = None;
        let mut opened: Option<Range<usize>> = None;
        each_line(whose, "maps", |line| {
            let Some(mapping) = Mapping::parse_in_place(line) else {
                return;
            };
            let may_begin_an_arena = may_begin_an_arena(&mapping);
            let is_stack = guard_ends_at == Some(mapping.range.start) && !may_begin_an_arena;
            let begun = opened.take();
            all.arenas += u64::from(begun.is_some_and(|begun| is_arena(&begun, &mapping)));
            guard_ends_at = is_guard(&mapping).then_some(mapping.range.end);
            if mapping.is_closed() {
                return;
            }
            if mapping.is_shared_memory() {
                all.shared.add(&mapping);
            } else if mapping.is_of_file() {
                all.files.add(&mapping);
            } else if mapping.is_anonymous() && is_stack {
                all.stacks += 1;
            } else if mapping.is_anonymous() {
                all.anonymous.add(&mapping);
                opened = may_begin_an_arena.then_some(mapping.range);
            }
        })?;
        Ok(all)
    }

    /// Whether a mapping may lie below a stack, for it to run into when it overflows.
    pub(crate) fn is_guard<P: AsRef<Path>>(mapping: &Mapping<P>) -> bool {
        const GUARD_MAX: usize = 64 << 10;
        mapping.is_closed() && mapping.range.len() <= GUARD_MAX
    }

    /// The room of one of glibc's arenas for threads: `HEAP_MAX_SIZE` in its `malloc/arena.c`.
    const ARENA_BYTES: usize = 64 << 20;

    /// Whether an arena may begin here. The closed end of the one before looks like a guard.
    fn may_begin_an_arena(mapping: &Mapping<&Path>) -> bool {
        mapping.range.start.is_multiple_of(ARENA_BYTES)
    }

    /// Whether what begins there is an arena: what glibc hasn't opened of one yet is closed. The kernel places large mappings of any
    /// kind at multiples of 2 MiB, and one of 32 of these is where an arena might be.
    fn is_arena(begun: &Range<usize>, next: &Mapping<&Path>) -> bool {
        next.is_closed()
            && next.range.start == begun.end
            && next.range.end >= begun.start + ARENA_BYTES
    }
}
