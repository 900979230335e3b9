//! The process' memory, word by word: what it has written to, and what each part of it is.
//!
//! | mapping that can be written to | is read |
//! |---|---|
//! | private: anonymous, or of a file such as `.data` | pages that the process has written to; a file's other pages are as on the disk |
//! | shared memory: `memfd`, `/dev/shm`, System V's, anonymous | pages that the process has touched |
//! | shared, of a file on a disk or of a device | nothing, and it is told: a pointer there would outlive what it points to |
//!
//! So what costs time and memory is what the process uses, however large the ranges of addresses are that it keeps for itself. The
//! kernel's `/proc/self/pagemap` tells which pages those are. Without it, private mappings are read whole, and shared memory isn't.
//!
//! Words come through `/proc/self/mem`. A part that another thread unmaps meanwhile can't be read then, and nothing faults.

use super::Heap;
use crate::model::mapping::Mapping;
use crate::model::words::grouped;
use crate::readings::kernel::{self, Page, Pages, Whose};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

mod copied;
mod objects;

#[cfg(finds_stuck_tasks)]
pub(crate) use objects::locals;
pub(crate) use objects::static_at;

/// Where a pointer stands that isn't in a known block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Static,
    Thread,
    Elsewhere,
}

/// One word of memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) address: usize,
    pub(super) value: usize,
    pub(super) place: Place,
}

/// The words before and after one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'m> {
    words: &'m [[u8; WORD_BYTES]],
    index: usize,
}

impl Around<'_> {
    /// The word so many words further on; `None` beyond the border of what was read at once.
    pub(super) fn at(self, further: isize) -> Option<usize> {
        let word = self.words.get(self.index.checked_add_signed(further)?)?;
        Some(usize::from_ne_bytes(*word))
    }
}

/// Read at once.
const CHUNK_BYTES: usize = 256 << 10;
const WORD_BYTES: usize = size_of::<usize>();

/// Pages that are asked for at once.
const PAGES_AT_ONCE: usize = 8_192;

pub(super) struct Memory {
    /// The stacks of threads, and the calling thread's local storage: what is told of a variable there.
    pub(super) threads: Vec<OfThread>,
    /// The calling thread's locals, of the program and of each library.
    pub(super) locals: Vec<Range<usize>>,
    /// What the program and its libraries have of their own, in the order of their addresses: statics, and what the loader fills in.
    images: Vec<Range<usize>>,
    /// Whether this is a copy of the process, in which nothing moves, and where its blocks lie then.
    pub(super) copied: Option<Heap>,
    mem: File,
    /// `None` where this kernel doesn't tell which pages are in use.
    pagemap: Option<Pages>,
    /// In the order of their addresses, without overlaps.
    parts: Vec<Piece>,
    left_out: LeftOut,
}

/// A range of addresses that is one thread's.
#[derive(Debug)]
pub(super) struct OfThread {
    pub(super) range: Range<usize>,
    /// Empty where the thread was given none.
    pub(super) name: String,
    pub(super) part: Part,
}

/// Which part of a thread's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The stack of the thread that asks.
    OwnStack,
    /// What is local to the thread that asks.
    OwnLocals,
    /// The stack of another thread, with what is local to it.
    Stack,
}

#[derive(Debug)]
struct Piece {
    range: Range<usize>,
    place: Place,
    sharing: Sharing,
}

/// Who else sees what is written to a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Private,
    Memory,
    File,
}

impl Sharing {
    fn of(mapping: &Mapping) -> Self {
        if !mapping.is_shared() {
            Sharing::Private
        } else if mapping.is_shared_memory() {
            Sharing::Memory
        } else {
            Sharing::File
        }
    }
}

/// Mappings that could hold pointers only by mistake, or that can't be read without being filled.
#[derive(Debug, Default)]
struct LeftOut {
    mappings: u64,
    bytes: usize,
    /// Of the largest one.
    largest: usize,
    path: String,
}

impl LeftOut {
    fn add(&mut self, mapping: &Mapping) {
        let bytes = mapping.range.len();
        self.mappings += 1;
        self.bytes += bytes;
        if bytes > self.largest {
            self.largest = bytes;
            self.path = mapping.path.to_string_lossy().into_owned();
        }
    }
}

impl Memory {
    /// All that can be written to, but what lies below the calling function on the stack. `begins`: from which address on the stack holds
    /// variables of the workload and of whoever runs it.
    #[inline(never)]
    pub(super) fn of_this_process(begins: Option<usize>) -> Result<Self, String> {
        let here = 0_usize;
        let stack_pointer = (&raw const here).addr();
        let own_name = std::thread::current().name().unwrap_or_default().to_owned();
        let unread = |what: &str, error: std::io::Error| format!("{what} can't be read: {error}");
        let mem = kernel::memory().map_err(|error| unread("/proc/self/mem", error))?;
        let pagemap = Pages::of_this_process().ok();
        let statics = objects::statics();
        // Of the thread that looks at a copy, which holds nothing of the service's.
        let own_stack = crate::allocator::stacks::of_this_thread().unwrap_or(0..0);
        let remembered = super::COPIED.take();
        let copied = remembered.as_ref().map(|copied| copied.heap);
        let beside = remembered
            .as_ref()
            .is_some_and(|copied| copied.reads_beside_stacks);
        let stacks = remembered.map_or_else(
            || {
                kernel::stacks(Whose::Own)
                    .into_iter()
                    .map(|(_, stack)| stack)
                    .collect()
            },
            |copied| copied.stacks,
        );
        let mut parts = Vec::new();
        let mut threads = Vec::new();
        let mut left_out = LeftOut::default();
        let read = kernel::each_mapping(Whose::Own, |mapping| {
            if !mapping.is_writable() {
                return;
            }
            let sharing = Sharing::of(&mapping);
            let is_read = match sharing {
                Sharing::Private => true,
                Sharing::Memory => pagemap.is_some(),
                Sharing::File => false,
            };
            if !is_read {
                left_out.add(&mapping);
                return;
            }
            let range = mapping.range;
            let mut add = |range, place| {
                parts.push(Piece {
                    range,
                    place,
                    sharing,
                });
            };
            let mut of_thread = |range: Range<usize>, name: &str, part| {
                threads.push(OfThread {
                    range: range.clone(),
                    name: name.to_owned(),
                    part,
                });
                add(range, Place::Thread);
            };
            if beside
                && let Some(parts) = copied::parts(&range, &stacks, &own_stack, pagemap.as_ref())
            {
                for (range, of) in &parts {
                    if let copied::Of::Thread(at) = of {
                        of_thread(range.clone(), &stacks[*at].name, Part::Stack);
                    }
                }
                let unknown = parts.iter().filter(|(_, of)| *of == copied::Of::Unknown);
                unknown.for_each(|(range, _)| split(range, &statics, &mut add));
                return;
            }
            if copied.is_some() && range.contains(&stack_pointer) {
                // Of the thread that looks, which holds nothing of the service's.
                return;
            }
            let of_other = stacks.iter().find(|stack| range.contains(&stack.pointer));
            if range.contains(&stack_pointer) {
                let from = begins.filter(|begins| range.contains(begins));
                let variables = from.unwrap_or(stack_pointer)..range.end;
                of_thread(variables.clone(), &own_name, Part::OwnStack);
                // What calls of the workload left behind, in the frames of whoever asks.
                add(stack_pointer..variables.start, Place::Elsewhere);
            } else if let Some(stack) = of_other {
                // Below the stack pointer are only calls that have returned. The thread's locals lie above the stack.
                let used = stack.pointer..range.end;
                if stack.is_of_instruments {
                    add(used, Place::Elsewhere);
                } else {
                    of_thread(used, &stack.name, Part::Stack);
                }
            } else if range.contains(&thread_pointer()) {
                of_thread(range, &own_name, Part::OwnLocals);
            } else {
                split(&range, &statics, add);
            }
        });
        read.map_err(|error| unread("/proc/self/maps", error))?;
        Ok(Memory {
            threads,
            locals: objects::locals(),
            copied,
            images: statics,
            mem,
            pagemap,
            parts,
            left_out,
        })
    }

    /// Whether an address lies in what the program or a library brought with it and the loader may write to: a static, or a table of
    /// functions.
    pub(super) fn is_of_image(&self, address: usize) -> bool {
        let at = self
            .images
            .partition_point(|image| image.start <= address)
            .checked_sub(1);
        at.is_some_and(|at| self.images[at].contains(&address))
    }

    /// Reads what lies from an address on.
    pub(super) fn read(&self, address: usize, into: &mut [u8]) -> std::io::Result<()> {
        self.mem.read_exact_at(into, address as u64)
    }

    /// Reads what lies from an address on, and returns how much of it can be read.
    #[cfg(any(feature = "debug", finds_stuck_tasks))]
    pub(super) fn read_some(&self, address: usize, into: &mut [u8]) -> usize {
        self.mem.read_at(into, address as u64).unwrap_or(0)
    }

    /// The words at an address of an image; `None` where they can't be read.
    pub(super) fn words<const COUNT: usize>(&self, address: usize) -> Option<[usize; COUNT]> {
        let mut bytes = [[0; WORD_BYTES]; COUNT];
        let at = bytes.as_flattened_mut();
        self.read(address, at).ok()?;
        Some(bytes.map(usize::from_ne_bytes))
    }

    /// What is left out, in words.
    pub(super) fn not_read(&self) -> Option<String> {
        let LeftOut {
            mappings,
            bytes,
            ref path,
            ..
        } = self.left_out;
        if mappings == 0 {
            return None;
        }
        let bytes = grouped(i64::try_from(bytes).unwrap_or(i64::MAX));
        let which = match mappings {
            1 => format!("a shared mapping of {path} was left out, {bytes} bytes"),
            _ => format!(
                "{mappings} shared mappings were left out, {bytes} bytes; the largest is of {path}"
            ),
        };
        let why = match self.pagemap {
            Some(_) => "a pointer into the heap means nothing in what outlives the process",
            None => "this kernel doesn't tell which pages of it are in use",
        };
        Some(format!("{which}; {why}"))
    }

    /// Each word with its own address, where it stands, and the words around it. `without` is left out: in the order of
    /// addresses.
    ///
    /// # Errors
    ///
    /// In words, when `is_over` says so before all is read.
    pub(super) fn each_word(
        &self,
        without: &[Range<usize>],
        is_over: &dyn Fn() -> bool,
        visit: impl FnMut(Word, Around<'_>),
    ) -> Result<(), String> {
        let mut walk = Walk {
            mem: &self.mem,
            without,
            is_over,
            buffer: vec![0; CHUNK_BYTES],
            read: 0,
            visit,
        };
        // Numbers of pages with the kernel's marks in the upper bits: none is an address.
        let mut entries = vec![[0; Page::BYTES]; PAGES_AT_ONCE];
        let done = self.parts.iter().all(|part| match &self.pagemap {
            Some(pagemap) => walk.pages_in_use(part, pagemap, &mut entries),
            None => walk.range(&part.range, part.place),
        });
        if done {
            return Ok(());
        }
        Err(format!(
            "the deadline came when {} bytes of the program's memory had been read; give the watch a longer one",
            grouped(i64::try_from(walk.read).unwrap_or(i64::MAX))
        ))
    }
}

/// Whether a page may hold what the process has written there.
fn is_in_use(page: Page, sharing: Sharing) -> bool {
    let is_own = sharing != Sharing::Private || !page.is_of_file_or_shared();
    page.is_swapped() || page.is_present() && is_own
}

/// One walk through the memory.
struct Walk<'w, V> {
    mem: &'w File,
    without: &'w [Range<usize>],
    is_over: &'w dyn Fn() -> bool,
    buffer: Vec<u8>,
    /// Bytes so far.
    read: usize,
    visit: V,
}

impl<V: FnMut(Word, Around<'_>)> Walk<'_, V> {
    /// The part's pages that are in use; `false` when the time is over. Where they lie is kept nowhere but on the stack: in the heap it
    /// would be a list of addresses in blocks.
    fn pages_in_use(
        &mut self,
        part: &Piece,
        pagemap: &Pages,
        entries: &mut [[u8; Page::BYTES]],
    ) -> bool {
        let page = rustix::param::page_size();
        let mut at = part.range.start;
        while at < part.range.end {
            if (self.is_over)() {
                return false;
            }
            let first = at / page;
            let pages = (part.range.end.div_ceil(page) - first).min(PAGES_AT_ONCE);
            let entries = &mut entries[..pages];
            let end = part.range.end.min((first + pages) * page);
            if pagemap.read(first, entries).is_err() {
                if !self.range(&(at..end), part.place) {
                    return false;
                }
                at = end;
                continue;
            }
            let in_use = |entry: &[u8; Page::BYTES]| is_in_use(Page::of(*entry), part.sharing);
            let mut index = 0;
            for run in entries.chunk_by(|one, other| in_use(one) == in_use(other)) {
                let run_at = ((first + index) * page).max(at);
                index += run.len();
                let run_end = ((first + index) * page).min(end);
                if in_use(&run[0]) && !self.range(&(run_at..run_end), part.place) {
                    return false;
                }
            }
            at = end;
        }
        true
    }

    fn is_left_out(&self, address: usize) -> bool {
        self.own().contains(&address) || self.without.iter().any(|range| range.contains(&address))
    }

    /// Where this reads into.
    fn own(&self) -> Range<usize> {
        let start = self.buffer.as_ptr().addr();
        start..start + CHUNK_BYTES
    }

    /// Each word of a range; `false` when the time is over.
    fn range(&mut self, range: &Range<usize>, place: Place) -> bool {
        let mut at = range.start.next_multiple_of(WORD_BYTES);
        while at < range.end {
            if (self.is_over)() {
                return false;
            }
            if let Some(skipped) = self.without.iter().find(|skipped| skipped.contains(&at)) {
                at = skipped.end.next_multiple_of(WORD_BYTES);
                continue;
            }
            let length = CHUNK_BYTES.min(range.end - at);
            let read = self
                .mem
                .read_at(&mut self.buffer[..length], at as u64)
                .unwrap_or(0);
            if read < WORD_BYTES {
                // Gone since the maps were read: on to the next page.
                at += 4_096;
                continue;
            }
            self.read += read;
            let begins_here = |range: &Range<usize>| (at..at + read).contains(&range.start);
            let near_left_out = self.is_left_out(at)
                || self.is_left_out(at + read - 1)
                || self.without.iter().any(begins_here)
                || begins_here(&self.own());
            let words = self.buffer[..read].as_chunks::<WORD_BYTES>().0;
            for (index, word) in words.iter().enumerate() {
                let address = at + index * WORD_BYTES;
                if near_left_out && self.is_left_out(address) {
                    continue;
                }
                let word = Word {
                    address,
                    value: usize::from_ne_bytes(*word),
                    place,
                };
                (self.visit)(word, Around { words, index });
            }
            at += read / WORD_BYTES * WORD_BYTES;
        }
        true
    }
}

impl<V> Drop for Walk<'_, V> {
    /// Freed as it is, it would be memory full of pointers to whatever is live now.
    fn drop(&mut self) {
        self.buffer.fill(0);
        std::hint::black_box(&mut self.buffer);
    }
}

/// The parts of a mapping that are statics, and those between them.
fn split(range: &Range<usize>, statics: &[Range<usize>], mut add: impl FnMut(Range<usize>, Place)) {
    let mut at = range.start;
    for of_object in statics {
        let start = of_object.start.clamp(at, range.end);
        let end = of_object.end.clamp(start, range.end);
        if start < end {
            if at < start {
                add(at..start, Place::Elsewhere);
            }
            add(start..end, Place::Static);
            at = end;
        }
    }
    if at < range.end {
        add(at..range.end, Place::Elsewhere);
    }
}

/// Near the calling thread's local storage.
fn thread_pointer() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| (&raw const *here).addr())
}

#[cfg(test)]
mod tests {
    use super::{Mapping, Memory, Page, Sharing, is_in_use};
    use std::cell::Cell;

    #[test]
    fn a_mapping_is_known_by_who_else_sees_it() {
        fn is(line: &str, sharing: Sharing) {
            let mapping = Mapping::parse(line.as_bytes()).expect("a mapping");
            assert_eq!(Sharing::of(&mapping), sharing, "{line}");
        }
        for private in ["", "     [heap]", "     /a program"] {
            let line = format!("1000-3000 rw-p 00000000 08:02 17 {private}");
            is(&line, Sharing::Private);
        }
        for file in ["/a database", "/dev/dri/card0"] {
            let line = format!("1000-3000 rw-s 00000000 08:02 17     {file}");
            is(&line, Sharing::File);
        }
        for memory in [
            "/dev/shm/ring",
            "/memfd:ring (deleted)",
            "/SYSV00000000 (deleted)",
            "/dev/zero (deleted)",
        ] {
            let line = format!("1000-3000 rw-s 00000000 00:01 17     {memory}");
            is(&line, Sharing::Memory);
        }
    }

    #[test]
    fn a_page_is_in_use_that_the_process_has_written_to() {
        let (present, swapped, of_file) = (1 << 63, 1 << 62, 1 << 61);
        for (entry, private, shared) in [
            (0, false, false),
            (of_file, false, false),
            (present, true, true),
            (present | of_file, false, true),
            (swapped, true, true),
            (swapped | of_file, true, true),
        ] {
            let page = Page::of(u64::to_ne_bytes(entry));
            assert_eq!(is_in_use(page, Sharing::Private), private, "{entry:x}");
            assert_eq!(is_in_use(page, Sharing::Memory), shared, "{entry:x}");
        }
    }

    #[test]
    fn a_walk_ends_when_its_time_is_over_and_says_how_far_it_came() {
        let walk = |memory: &Memory, steps_max: u32| {
            let steps = Cell::new(0_u32);
            let is_over = || {
                steps.set(steps.get() + 1);
                steps.get() > steps_max
            };
            let told = memory.each_word(&[], &is_over, |_, _| {});
            (steps.get(), told)
        };
        let mut memory = Memory::of_this_process(None).expect("Linux tells");
        let (steps, told) = walk(&memory, u32::MAX);
        assert_eq!(told, Ok(()), "it may take as long as it takes");
        assert!(steps > 10, "{steps}");
        // Then as where the kernel doesn't tell which pages are in use.
        for pagemap in [memory.pagemap.take(), None] {
            memory.pagemap = pagemap;
            let (steps, told) = walk(&memory, 5);
            assert_eq!(steps, 6, "it went on");
            let told = told.expect_err("there is no time for all");
            assert!(told.starts_with("the deadline came when "), "{told}");
            let none = walk(&memory, 0).1.expect_err("no time at all");
            assert!(none.contains(" 0 bytes "), "{none}");
        }
    }
}
