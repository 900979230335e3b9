//! Runtimes with a garbage collector, told by what a process has mapped: what they let come before they collect looks like a leak from
//! outside.

use crate::readings::kernel::{self, Whose};
use std::collections::HashSet;
use std::path::PathBuf;

/// A garbage collector, and how to have it tell what is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Collector {
    /// Whose it is, in a sentence: `Go's`.
    pub(super) whose: &'static str,
    /// What makes it collect, and then says what is left.
    pub(super) ask: &'static str,
    /// Whether it lets come what a limit of its own leaves room for, and not so many times what was live.
    pub(super) has_limit: bool,
}

/// Before it collects, memory may be so many times what it was: V8 lets a heap grow to four times what lived, Go to twice.
pub(super) const LETS_COME: i64 = 4;

const fn collector(whose: &'static str, ask: &'static str, has_limit: bool) -> Collector {
    Collector {
        whose,
        ask,
        has_limit,
    }
}

const GO: Collector = collector(
    "Go's",
    "look at its pprof port, if it has one: leaks triage --url",
    false,
);

/// By how a file's name begins that the process has mapped: its program, or a library of the runtime's.
const BY_FILE: [(&str, Collector); 11] = [
    (
        "libjvm.so",
        collector(
            "Java's",
            "`jcmd PID GC.class_histogram` collects, and then counts what is live by class",
            true,
        ),
    ),
    (
        "libcoreclr.so",
        collector(
            ".NET's",
            "`dotnet-gcdump collect -p PID` collects, and then tells what is live",
            true,
        ),
    ),
    (
        "libmonosgen",
        collector(
            "Mono's",
            "have it collect, and look at its memory again",
            false,
        ),
    ),
    ("node", V8),
    ("libnode.so", V8),
    ("deno", V8),
    (
        "bun",
        collector(
            "JavaScriptCore's",
            "have it collect (`Bun.gc(true)`), and look at its memory again",
            false,
        ),
    ),
    (
        "libruby",
        collector(
            "Ruby's",
            "`GC.start` collects; `ObjectSpace.trace_object_allocations_start` tells where what is live was made",
            false,
        ),
    ),
    (
        "ruby",
        collector(
            "Ruby's",
            "`GC.start` collects; `ObjectSpace.trace_object_allocations_start` tells where what is live was made",
            false,
        ),
    ),
    (
        "beam.smp",
        collector(
            "Erlang's",
            "`[erlang:garbage_collect(P) || P <- processes()]` collects; `erlang:memory()` tells what is live",
            false,
        ),
    ),
    (
        "libluajit",
        collector(
            "Lua's",
            "`collectgarbage()` collects, and `collectgarbage(\"count\")` tells what is live",
            false,
        ),
    ),
];

const V8: Collector = collector(
    "V8's",
    "start it with `--heapsnapshot-signal=SIGUSR2`: the signal collects, and writes what is live",
    false,
);

impl Collector {
    /// That of a process, if it has one. What can't be read has none that is known.
    pub(super) fn of(id: u32) -> Option<Self> {
        let mut files: HashSet<PathBuf> = HashSet::new();
        let listed = kernel::each_mapping(Whose::Of(id), |mapping| {
            if mapping.is_of_file() {
                files.insert(mapping.path);
            }
        });
        listed.ok()?;
        let names = files.iter().filter_map(|file| file.file_name()?.to_str());
        let known = names
            .filter_map(|name| {
                let is_it = |(begins, _): &&(&str, Collector)| is_file_of(name, begins);
                BY_FILE.iter().find(is_it)
            })
            .map(|(_, collector)| *collector);
        known.last().or_else(|| is_of_go(id).then_some(GO))
    }
}

/// `libruby-3.1.so` is one of `libruby`; `nodejs` and `bundle` are programs of their own, and so is whatever is only called alike.
fn is_file_of(name: &str, begins: &str) -> bool {
    let Some(rest) = name.strip_prefix(begins) else {
        return false;
    };
    if begins.starts_with("lib") {
        return true;
    }
    rest.chars()
        .all(|letter| letter.is_ascii_digit() || ".-".contains(letter))
}

#[cfg(not(target_os = "linux"))]
fn is_of_go(_id: u32) -> bool {
    false
}

/// Whether Go's linker made the program: it gives each a section that says of what it was built.
#[cfg(target_os = "linux")]
fn is_of_go(id: u32) -> bool {
    elf::has_section(&format!("/proc/{id}/exe"), b".go.buildinfo").unwrap_or(false)
}

#[cfg(target_os = "linux")]
mod elf {
    use object::NativeEndian;
    use object::elf::{FileHeader64, SectionHeader64};
    use object::pod::from_bytes;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    type Header = FileHeader64<NativeEndian>;
    type Section = SectionHeader64<NativeEndian>;

    /// More names than any program's sections have.
    const NAMES_MAX: u64 = 1 << 20;

    /// Whether a program of 64 bits has a section by this name. Only its tables are read, however large it is.
    pub(super) fn has_section(path: &str, name: &[u8]) -> Option<bool> {
        let file = File::open(path).ok()?;
        let read = |at: u64, length: usize| {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, at).ok()?;
            Some(bytes)
        };
        let head = read(0, size_of::<Header>())?;
        let (header, _) = from_bytes::<Header>(&head).ok()?;
        if header.e_ident.magic != object::elf::ELFMAG
            || header.e_ident.class != object::elf::ELFCLASS64
        {
            return None;
        }
        let endian = NativeEndian;
        let count = usize::from(header.e_shnum.get(endian));
        let table = read(header.e_shoff.get(endian), count * size_of::<Section>())?;
        let (sections, _) = object::pod::slice_from_bytes::<Section>(&table, count).ok()?;
        let names = sections.get(usize::from(header.e_shstrndx.get(endian).0))?;
        let length = names.sh_size.get(endian);
        if length > NAMES_MAX {
            return None;
        }
        let names = read(names.sh_offset.get(endian), usize::try_from(length).ok()?)?;
        Some(sections.iter().any(|section| {
            let at = section.sh_name.get(endian) as usize;
            names.get(at..).is_some_and(|names| {
                names
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.first() == Some(&0))
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::is_file_of;

    #[test]
    fn a_runtime_is_told_by_its_file_and_not_by_what_is_called_alike() {
        assert!(is_file_of("libruby-3.1.so.3.1.2", "libruby"));
        assert!(is_file_of("node", "node"));
        assert!(is_file_of("ruby3.1", "ruby"));
        assert!(!is_file_of("node_exporter", "node"));
        assert!(!is_file_of("bundle", "bun"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_of_ours_is_none_of_gos() {
        let own = |name: &[u8]| super::elf::has_section("/proc/self/exe", name);
        assert_eq!(own(b".go.buildinfo"), Some(false));
        assert_eq!(own(b".text"), Some(true));
        assert_eq!(own(b".tex"), Some(false));
    }
}
