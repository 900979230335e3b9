//! What one call leaves behind where no Rust allocator sees it: three ways, and their mended twins.

use detectors::{Class, Evidence, Kind, Watch};
use foreign_memory::beside::{self, ZONE_BYTES};
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tempfile::TempDir;

/// Where systems keep shared memory: a file system without a disk.
const IN_MEMORY: &str = "/dev/shm";

/// What the watch saw of one way, and what its files occupy.
struct Seen {
    evidence: Evidence,
    on_tmpfs: f64,
}

fn seen(way: &str, call: impl Fn()) -> Seen {
    Seen {
        evidence: Watch::new(way).run(|| &call),
        on_tmpfs: 0.0,
    }
}

/// The same for a way that writes files into this folder.
fn seen_with_files(way: &str, folder: &Path, call: impl Fn(usize)) -> Seen {
    let calls = std::cell::Cell::new(0);
    let before = occupied(folder);
    let evidence = Watch::new(way).run(|| {
        || {
            calls.set(calls.get() + 1);
            call(calls.get());
        }
    });
    let on_tmpfs = (occupied(folder) - before) as f64 / calls.get() as f64;
    Seen { evidence, on_tmpfs }
}

fn occupied(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let blocks = files
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.blocks());
    512 * blocks.sum::<u64>()
}

/// What a finding of this kind says, by the site that has this word in it.
fn each(seen: &Seen, kind: Kind, word: &str) -> f64 {
    let findings = seen.evidence.findings.iter();
    let of = findings.filter(|finding| {
        finding.kind == kind
            && finding
                .site
                .as_ref()
                .is_some_and(|site| site.contains(word))
    });
    of.filter_map(|finding| finding.per_iteration)
        .fold(0.0, |sum, each| sum + each)
}

fn row(way: &str, seen: &Seen) {
    println!(
        "{way:<26} {:>11.0} {:>10.0} {:>8.0} {:>9.0}  {}",
        each(seen, Kind::Bytes, ""),
        each(seen, Kind::Resident, "malloc"),
        each(seen, Kind::Resident, "mappings"),
        seen.on_tmpfs,
        seen.evidence.verdict
    );
}

fn zone() -> Vec<u8> {
    b"www.shop.example\n"
        .iter()
        .copied()
        .cycle()
        .take(ZONE_BYTES)
        .collect()
}

/// A folder whose files are in memory.
fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in(IN_MEMORY).expect("a Linux has a file system in memory there")
}

detectors::tests! {
    fn three_ways_past_every_allocator() {
        let mut file: File = tempfile::tempfile().expect("a scratch file");
        file.write_all(&zone()).expect("room for a zone");
        let text = CString::new(zone()).expect("a zone has no zero");
        let (folder, bytes) = (folder_in_memory(), zone());

        let mapped = seen("mapped", || assert!(beside::mapped(&file).is_ok()));
        let unmapped = seen("mapped and unmapped", || assert!(beside::mapped_and_unmapped(&file).is_ok()));
        let written = seen("written", || assert!(beside::written(&text).is_ok()));
        let freed = seen("written and freed", || assert!(beside::written_and_freed(&text).is_ok()));
        let spooled = seen_with_files("spooled", folder.path(), |number| {
            assert!(beside::spooled(folder.path(), number, &bytes).is_ok());
        });
        let removed = seen_with_files("spooled and removed", folder.path(), |_| {
            assert!(beside::spooled_and_removed(folder.path(), &bytes).is_ok());
        });

        println!(
            "{:<26} {:>11} {:>10} {:>8} {:>9}  verdict",
            "bytes that one call leaves", "Rust's heap", "C's malloc", "mapped", "on tmpfs"
        );
        row("a mapping", &mapped);
        row("  with an owner", &unmapped);
        row("a buffer that C made", &written);
        row("  freed by its caller", &freed);
        row("a file on tmpfs", &spooled);
        row("  that goes with its owner", &removed);

        for leaks in [&mapped, &written] {
            leaks.evidence.assert_leak_of(Class::ForeignMemory, Kind::Resident);
        }
        for mended in [&unmapped, &freed, &removed] {
            mended.evidence.assert_steady();
            assert!(mended.on_tmpfs < 1.0);
        }
        // Nothing in the process grows: the page says who sees it.
        assert!((spooled.on_tmpfs - ZONE_BYTES as f64).abs() < 1.0, "{}", spooled.on_tmpfs);
    }

    fn both_twins_answer_alike() {
        let mut file = tempfile::tempfile().expect("a scratch file");
        file.write_all(&zone()).expect("room for a zone");
        let records = zone().split(|&byte| byte == b'\n').count();
        assert_eq!(beside::mapped(&file).ok(), Some(records));
        assert_eq!(beside::mapped_and_unmapped(&file).ok(), Some(records));
        let text = CString::new(zone()).expect("a zone has no zero");
        assert_eq!(beside::written(&text).ok(), Some(ZONE_BYTES));
        assert_eq!(beside::written_and_freed(&text).ok(), Some(ZONE_BYTES));
        let folder = tempfile::tempdir().expect("a scratch folder");
        let length = Some(ZONE_BYTES as u64);
        assert_eq!(beside::spooled_and_removed(folder.path(), &zone()).ok(), length);
        assert_eq!(occupied(folder.path()), 0);
        assert_eq!(beside::spooled(folder.path(), 1, &zone()).ok(), length);
    }
}
