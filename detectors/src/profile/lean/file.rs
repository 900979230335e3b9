//! A file of machine code, mapped, and its sections.

use std::cell::Cell;
use std::ffi::c_void;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;
use std::ptr::{self, NonNull};

use gimli::{EndianSlice, NativeEndian};
use object::elf::{PF_X, PT_LOAD, SHF_COMPRESSED};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use super::{Dwarf, symbol_table};

#[cfg(target_pointer_width = "32")]
pub(super) type Header = object::elf::FileHeader32<object::NativeEndian>;
#[cfg(target_pointer_width = "64")]
pub(super) type Header = object::elf::FileHeader64<object::NativeEndian>;

/// How many bytes the kernel maps around one that is read.
pub(super) const AROUND: usize = 1 << 16;

/// After how many bytes the pages that were read are given back.
const HELD: usize = 1 << 20;

/// A file whose bytes are there while they are needed.
#[derive(Debug)]
pub(super) struct File {
    bytes: Bytes,
    read: Cell<usize>,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Map),
    Read(Vec<u8>),
}

impl File {
    pub(super) fn open(path: &Path) -> Option<Self> {
        // To open a device may do something.
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let file = std::fs::File::open(path).ok()?;
        Some(Self {
            bytes: Bytes::Mapped(Map::of(&file)?),
            read: Cell::new(0),
        })
    }

    /// Reads a file that others may write to meanwhile; `None` when it has more than `bytes_max`.
    pub(super) fn read(path: &Path, bytes_max: u64) -> Option<Self> {
        let about = path.metadata().ok()?;
        // The kernel's own files have no size, and reading one may never end.
        if !about.is_file() || about.len() == 0 || about.len() > bytes_max {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(about.len()).ok()?);
        let file = std::fs::File::open(path).ok()?;
        file.take(about.len()).read_to_end(&mut bytes).ok()?;
        Some(Self {
            bytes: Bytes::Read(bytes),
            read: Cell::new(0),
        })
    }

    pub(super) fn data(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map.bytes(),
            Bytes::Read(bytes) => bytes,
        }
    }

    /// Says that about so many bytes were read since the last time; gives the pages back when they have become many.
    pub(super) fn has_read(&self, bytes: usize) {
        let read = self.read.get() + bytes;
        if read < HELD {
            self.read.set(read);
            return;
        }
        self.read.set(0);
        if let Bytes::Mapped(map) = &self.bytes {
            map.give_back();
        }
    }
}

/// A whole file, mapped to be read.
#[derive(Debug)]
struct Map {
    start: NonNull<c_void>,
    length: usize,
}

impl Map {
    fn of(file: &std::fs::File) -> Option<Self> {
        let length = usize::try_from(file.metadata().ok()?.len()).ok()?;
        let (read, private) = (ProtFlags::READ, MapFlags::PRIVATE);
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let start = unsafe { mmap(ptr::null_mut(), length, read, private, file, 0) }.ok()?;
        Some(Map {
            start: NonNull::new(start)?,
            length,
        })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: they are mapped until the end of `self`. And they stay what they are as long as nobody writes to a file whose code
        // runs. The kernel refuses that for the program; for a library it would break the process itself. `backtrace` maps the same
        // files on the same terms.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length) }
    }

    fn give_back(&self) {
        // SAFETY: the mapping is of a file and never written to, so that what is read next comes from the file again, the same.
        // Where the kernel refuses, the pages stay until the mapping goes.
        let _refused = unsafe { madvise(self.start.as_ptr(), self.length, Advice::LinuxDontNeed) };
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: nobody has a reference to its bytes any more. It was mapped with this length, and is unmapped once.
        let _refused = unsafe { munmap(self.start.as_ptr(), self.length) };
    }
}

/// A file's headers.
pub(super) struct Elf<'data> {
    file: &'data File,
    endian: object::NativeEndian,
    header: &'data Header,
    sections: SectionTable<'data, Header>,
}

impl<'data> Elf<'data> {
    pub(super) fn parse(file: &'data File) -> Option<Self> {
        let header = Header::parse(file.data()).ok()?;
        let endian = header.endian().ok()?;
        Some(Self {
            file,
            endian,
            header,
            sections: header.sections(endian, file.data()).ok()?,
        })
    }

    /// The address that debug information knows a byte of the file by.
    #[cfg_attr(
        target_pointer_width = "64",
        expect(
            clippy::useless_conversion,
            reason = "the fields have 32 bits on some targets"
        )
    )]
    pub(super) fn address(&self, in_file: u64) -> Option<u64> {
        let segments = self
            .header
            .program_headers(self.endian, self.file.data())
            .ok()?;
        segments
            .iter()
            .filter(|segment| segment.p_type(self.endian) == PT_LOAD)
            // The first page of code may begin with the end of the file's data, which has an address of its own.
            .filter(|segment| segment.p_flags(self.endian).contains(PF_X))
            .find_map(|segment| {
                let offset: u64 = segment.p_offset(self.endian).into();
                let size: u64 = segment.p_filesz(self.endian).into();
                let start: u64 = segment.p_vaddr(self.endian).into();
                let inside = in_file.checked_sub(offset)?;
                (inside < size).then(|| start.wrapping_add(inside))
            })
    }

    /// The file's own debug information; `None` where there is none, or where it is compressed.
    pub(super) fn dwarf(&self) -> Option<Dwarf<'data>> {
        self.sections.section_by_name(self.endian, b".debug_info")?;
        Dwarf::load(|id| {
            let section = self.section(id.name())?;
            Ok::<_, Unreadable>(EndianSlice::new(section, NativeEndian))
        })
        .ok()
    }

    /// What tells this build from every other, in hexadecimal digits; `None` where the linker wrote none.
    pub(super) fn build_id(&self) -> Option<String> {
        let (_, section) = self
            .sections
            .section_by_name(self.endian, b".note.gnu.build-id")?;
        let mut notes = section.notes(self.endian, self.file.data()).ok()??;
        let note = notes.next().ok()??;
        let digits = |mut text: String, byte: &u8| {
            let _ = write!(text, "{byte:02x}");
            text
        };
        Some(note.desc().iter().fold(String::new(), digits))
    }

    /// Whether there is such a section.
    pub(super) fn has(&self, section: &[u8]) -> bool {
        self.sections
            .section_by_name(self.endian, section)
            .is_some()
    }

    fn section(&self, name: &str) -> Result<&'data [u8], Unreadable> {
        let Some((_, section)) = self.sections.section_by_name(self.endian, name.as_bytes()) else {
            return Ok(&[]);
        };
        if section.sh_flags(self.endian).contains(SHF_COMPRESSED) {
            return Err(Unreadable);
        }
        section
            .data(self.endian, self.file.data())
            .map_err(|_| Unreadable)
    }

    /// The symbols at addresses in rising order.
    pub(super) fn symbols(&self, addresses: &[u64]) -> Vec<Option<&'data [u8]>> {
        symbol_table::find(self.endian, &self.sections, self.file, addresses)
    }

    /// The readable names of all symbols that begin where the nearest one before an address does.
    #[cfg(test)]
    pub(super) fn symbols_beside(&self, address: u64) -> Vec<String> {
        use object::read::elf::Sym;
        let table = self
            .sections
            .symbols(self.endian, self.file.data(), object::elf::SHT_SYMTAB)
            .expect("a test's program has symbols");
        let start = |symbol: &&_| Sym::st_value(*symbol, self.endian);
        let before = table.iter().filter(|symbol| start(symbol) <= address);
        let nearest = before.clone().map(|symbol| start(&symbol)).max();
        before
            .filter(|symbol| Some(start(symbol)) == nearest)
            .filter_map(|symbol| symbol.name(self.endian, table.strings()).ok())
            .map(|name| format!("{:#}", backtrace::SymbolName::new(name)))
            .collect()
    }
}

/// A section that isn't read here.
struct Unreadable;
