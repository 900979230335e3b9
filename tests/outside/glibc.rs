//! What a program asks of the C library that an older one doesn't have.

use object::Endianness;
use object::elf::{SHT_DYNSYM, STB_WEAK};
use object::read::elf::{ElfFile64, Sym};
use std::fs;
use std::path::{Path, PathBuf};

/// The version that is to be enough.
const ENOUGH: Version = Version(2, 28);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    /// `GLIBC_2.28`, `GLIBC_2.2.5`.
    fn of(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix("GLIBC_")?.split('.');
        let mut next = || numbers.next()?.parse().ok();
        Some(Version(next()?, next()?))
    }
}

struct Symbol {
    name: String,
    version: Version,
    /// Whether another file has it.
    is_wanted: bool,
    /// Whether a program starts without it.
    is_weak: bool,
}

/// The functions by name that a program doesn't start without, and that came after the version that is to be enough.
///
/// A function may have more than one version, and the linker takes the newest of the system that it runs on: `pthread_create` of 2.34
/// is that of 2.2.5 where this program is linked on an older system. So what this system's C library has in an old version too isn't
/// new.
pub(crate) fn newer(program: &Path) -> Vec<String> {
    let offered: Vec<Symbol> = c_library().iter().flat_map(|file| symbols(file)).collect();
    let is_old = |name: &str| {
        let mut versions = offered
            .iter()
            .filter(|symbol| !symbol.is_wanted && symbol.name == name);
        versions.any(|symbol| symbol.version <= ENOUGH)
    };
    let wanted = symbols(program);
    assert!(
        wanted.iter().any(|symbol| symbol.is_wanted),
        "{} asks for nothing: was it stripped?",
        program.display()
    );
    wanted
        .into_iter()
        .filter(|symbol| symbol.is_wanted && !symbol.is_weak && symbol.version > ENOUGH)
        .map(|symbol| symbol.name)
        .filter(|name| !is_old(name))
        .collect()
}

/// The files of the C library that this test is itself linked to.
fn c_library() -> Vec<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .find(|path| path.ends_with("/libc.so.6"))
        .expect("a program on glibc");
    let folder = Path::new(libc).parent().unwrap();
    ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"]
        .map(|file| folder.join(file))
        .into_iter()
        .filter(|file| file.exists())
        .collect()
}

/// Those with a version of glibc's.
fn symbols(file: &Path) -> Vec<Symbol> {
    let bytes = fs::read(file).unwrap();
    let bytes = &bytes[..];
    let elf = ElfFile64::<Endianness>::parse(bytes).unwrap();
    let (endian, sections) = (elf.endian(), elf.elf_section_table());
    let versions = sections
        .versions(endian, bytes)
        .unwrap()
        .expect("versions of symbols");
    let table = sections.symbols(endian, bytes, SHT_DYNSYM).unwrap();
    let with_version = table.enumerate().filter_map(|(index, symbol)| {
        let version = versions.version_index(endian, index);
        let version = versions.version(version.index()).ok().flatten()?;
        let name = symbol.name(endian, table.strings()).ok()?;
        Some(Symbol {
            name: String::from_utf8_lossy(name).into_owned(),
            version: Version::of(std::str::from_utf8(version.name()).ok()?)?,
            is_wanted: symbol.is_undefined(endian),
            is_weak: symbol.st_bind() == STB_WEAK,
        })
    });
    with_version.collect()
}
