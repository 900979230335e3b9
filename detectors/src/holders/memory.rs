//! The process' memory, word by word: what can be written to, and what each part of it is.
//!
//! It is read through `/proc/self/mem`. A part that another thread unmaps meanwhile can't be read then, and nothing faults.

use crate::process::kernel;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

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

pub(super) struct Memory {
    mem: File,
    /// In the order of their addresses, without overlaps.
    parts: Vec<(Range<usize>, Place)>,
}

impl Memory {
    /// All that can be written to, but what lies below the calling function on the stack.
    #[inline(never)]
    pub(super) fn of_this_process() -> Result<Self, String> {
        let here = 0_usize;
        let stack_pointer = (&raw const here).addr();
        let unread = |what: &str, error: std::io::Error| format!("{what} can't be read: {error}");
        let mem = File::open("/proc/self/mem").map_err(|error| unread("/proc/self/mem", error))?;
        let maps =
            kernel::text("/proc/self/maps").map_err(|error| unread("/proc/self/maps", error))?;
        let statics = statics();
        let stacks = stack_pointers();
        let mut parts = Vec::new();
        for range in maps.lines().filter_map(writable) {
            if range.contains(&stack_pointer) {
                parts.push((stack_pointer..range.end, Place::Thread));
            } else if let Some(&pointer) = stacks.iter().find(|pointer| range.contains(pointer)) {
                // Below the stack pointer are only calls that have returned. The thread's locals lie above the stack.
                parts.push((pointer..range.end, Place::Thread));
            } else if range.contains(&thread_pointer()) {
                parts.push((range, Place::Thread));
            } else {
                split(&range, &statics, &mut parts);
            }
        }
        Ok(Memory { mem, parts })
    }

    /// Each word with its own address, where it stands, and the words around it. `without` is left out: in the order of
    /// addresses.
    pub(super) fn each_word(
        &self,
        without: &[Range<usize>],
        mut visit: impl FnMut(Word, Around<'_>),
    ) {
        let mut buffer = vec![0_u8; CHUNK_BYTES];
        let own = buffer.as_ptr().addr()..buffer.as_ptr().addr() + CHUNK_BYTES;
        let is_left_out = |address: usize| {
            own.contains(&address) || without.iter().any(|range| range.contains(&address))
        };
        for (range, place) in &self.parts {
            let mut at = range.start.next_multiple_of(WORD_BYTES);
            while at < range.end {
                if let Some(skipped) = without.iter().find(|skipped| skipped.contains(&at)) {
                    at = skipped.end.next_multiple_of(WORD_BYTES);
                    continue;
                }
                let length = CHUNK_BYTES.min(range.end - at);
                let read = self
                    .mem
                    .read_at(&mut buffer[..length], at as u64)
                    .unwrap_or(0);
                if read < WORD_BYTES {
                    // Gone since the maps were read: on to the next page.
                    at += 4_096;
                    continue;
                }
                let near_left_out = is_left_out(at)
                    || is_left_out(at + read - 1)
                    || without
                        .iter()
                        .chain([&own])
                        .any(|range| (at..at + read).contains(&range.start));
                let words = buffer[..read].as_chunks::<WORD_BYTES>().0;
                for (index, word) in words.iter().enumerate() {
                    let address = at + index * WORD_BYTES;
                    if near_left_out && is_left_out(address) {
                        continue;
                    }
                    let word = Word {
                        address,
                        value: usize::from_ne_bytes(*word),
                        place: *place,
                    };
                    visit(word, Around { words, index });
                }
                at += read / WORD_BYTES * WORD_BYTES;
            }
        }
        // Freed as it is, it would be memory full of pointers to whatever is live now.
        buffer.fill(0);
        std::hint::black_box(&mut buffer);
    }
}

/// The parts of a mapping that are statics, and those between them.
fn split(range: &Range<usize>, statics: &[Range<usize>], parts: &mut Vec<(Range<usize>, Place)>) {
    let mut at = range.start;
    for of_object in statics {
        let start = of_object.start.clamp(at, range.end);
        let end = of_object.end.clamp(start, range.end);
        if start < end {
            if at < start {
                parts.push((at..start, Place::Elsewhere));
            }
            parts.push((start..end, Place::Static));
            at = end;
        }
    }
    if at < range.end {
        parts.push((at..range.end, Place::Elsewhere));
    }
}

/// Parses `start-end permissions ..`; `None` for what can't be both read and written.
fn writable(line: &str) -> Option<Range<usize>> {
    let mut fields = line.split(' ');
    let (start, end) = fields.next()?.split_once('-')?;
    fields.next()?.starts_with("rw").then_some(())?;
    let parse = |text| usize::from_str_radix(text, 16).ok();
    Some(parse(start)?..parse(end)?)
}

/// Where the other threads' stacks end just now. One that is running doesn't tell: then its stack is memory that isn't known.
fn stack_pointers() -> Vec<usize> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    tasks
        .flatten()
        .filter_map(|task| {
            let call = std::fs::read_to_string(task.path().join("syscall")).ok()?;
            let pointer = call.split_whitespace().rev().nth(1)?.strip_prefix("0x")?;
            usize::from_str_radix(pointer, 16).ok()
        })
        .collect()
}

/// Near the calling thread's local storage.
fn thread_pointer() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| (&raw const *here).addr())
}

/// The writable segments of the program and of each library, in the order of their addresses.
fn statics() -> Vec<Range<usize>> {
    // The C library's own are no statics of the program: malloc's lists of free chunks lie there, and point beside live blocks.
    let is_the_programs = |object: &Object| {
        !["/libc.so", "/ld-linux", "/ld-musl"]
            .iter()
            .any(|library| object.name.contains(library))
    };
    let mut all: Vec<Range<usize>> = objects()
        .into_iter()
        .filter(is_the_programs)
        .flat_map(|object| object.writable)
        .collect();
    all.sort_by_key(|range| range.start);
    all
}

struct Object {
    /// What its addresses in the file are off by.
    base: usize,
    /// Empty for the program itself.
    name: String,
    writable: Vec<Range<usize>>,
}

/// The program and its libraries, as they are loaded.
fn objects() -> Vec<Object> {
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        objects: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: the loader's own description of a loaded object, and the vector that `objects` handed over below.
        let (info, objects) = unsafe { (&*info, &mut *objects.cast::<Vec<Object>>()) };
        let base = usize::try_from(info.dlpi_addr).unwrap_or(0);
        // SAFETY: so many headers lie there, says the loader.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        let name = if info.dlpi_name.is_null() {
            String::new()
        } else {
            // SAFETY: a text that ends with a zero, of an object that stays loaded during this call.
            unsafe { std::ffi::CStr::from_ptr(info.dlpi_name) }
                .to_string_lossy()
                .into_owned()
        };
        objects.push(Object {
            base,
            name,
            writable: headers
                .iter()
                .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W != 0)
                .map(|header| {
                    let start = base + usize::try_from(header.p_vaddr).unwrap_or(0);
                    start..start + usize::try_from(header.p_memsz).unwrap_or(0)
                })
                .collect(),
        });
        0
    }
    let mut objects: Vec<Object> = Vec::new();
    // SAFETY: the callback takes its last argument for such a vector, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut objects).cast()) };
    objects
}

/// The name of the static that an address lies in; `None` where the program has no symbol for it.
pub(super) fn static_at(address: usize) -> Option<String> {
    let objects = objects();
    let object = objects
        .iter()
        .find(|object| object.writable.iter().any(|range| range.contains(&address)))?;
    let path = if object.name.is_empty() {
        "/proc/self/exe"
    } else {
        &object.name
    };
    crate::profile::data_symbol(path.as_ref(), (address - object.base) as u64)
}
