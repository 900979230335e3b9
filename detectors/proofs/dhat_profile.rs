//! dhat runs in this very process: the profile made of its output has dhat's own totals to the
//! byte, names this file with its whole path, and reads the same in Go's pprof.
//!
//! A program of its own, outside of libtest: dhat counts every thread, the harness' too.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::hint::black_box;
use std::path::Path;

use detectors::profile::{DhatOptions, FlamegraphOptions, Profile};

#[path = "support/go_pprof.rs"]
mod go_pprof;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Boxed, so that each element is a block.
type Kept = Vec<Box<[u64; 32]>>;

struct Page {
    body: Vec<u8>,
    ids: Vec<String>,
}

#[inline(never)]
fn fetch(number: usize) -> Page {
    let body = vec![b'x'; 1000 + number]; // THE LINE OF THE BODY
    let ids = (0..number % 7)
        .map(|id| format!("hit-{number}-{id}"))
        .collect();
    Page { body, ids }
}

/// A recursion, so that one stack holds a function several times.
#[inline(never)]
fn nest(depth: usize, kept: &mut Kept) {
    kept.push(Box::new([depth as u64; 32]));
    if depth > 0 {
        nest(depth - 1, black_box(kept));
    }
}

fn workload(profiled: &mut Vec<Page>, kept: &mut Kept) {
    for number in 0..50 {
        let page = fetch(black_box(number));
        if number % 5 == 0 {
            profiled.push(page);
        }
    }
    nest(black_box(6), kept);
}

fn main() {
    // Cargo and nextest ask for the list of tests; nextest by two calls in this form.
    if std::env::args().any(|argument| argument == "--list") {
        if !std::env::args().any(|argument| argument == "--ignored") {
            println!("dhats_totals_names_and_lines_arrive: test");
        }
        return;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let profiler = dhat::Profiler::builder()
        .file_name(file.path())
        .trim_backtraces(Some(40))
        .build();
    let (mut pages, mut kept) = (Vec::new(), Vec::new());
    workload(&mut pages, &mut kept);
    let stats = dhat::HeapStats::get();
    drop(profiler);
    let held: usize = black_box(&pages)
        .iter()
        .map(|page| page.body.len() + page.ids.len())
        .sum();
    assert!(held > 0);

    let json = std::fs::read_to_string(file.path()).unwrap();
    let profile = Profile::from_dhat(&json, &DhatOptions::default()).unwrap();
    totals(&profile, &stats);
    names(&profile);
    go_pprof::agrees(&profile, "dhat_profile::(fetch|nest)$");
    println!("test dhats_totals_names_and_lines_arrive ... ok");
}

fn totals(profile: &Profile, stats: &dhat::HeapStats) {
    for (ty, total) in [
        ("alloc_objects", stats.total_blocks),
        ("alloc_space", stats.total_bytes),
        ("inuse_objects", stats.curr_blocks as u64),
        ("inuse_space", stats.curr_bytes as u64),
    ] {
        assert_eq!(
            profile.total(ty).unwrap(),
            i64::try_from(total).unwrap(),
            "{ty}"
        );
    }
    assert!(stats.curr_bytes < usize::try_from(stats.total_bytes).unwrap());
}

fn names(profile: &Profile) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("dhat_profile.rs");
    let body = include_str!("dhat_profile.rs")
        .lines()
        .position(|line| line.ends_with("// THE LINE OF THE BODY"))
        .unwrap()
        + 1;
    let mut found = false;
    for stack in profile.stacks() {
        let leaf = stack.frames[0];
        for machinery in ["alloc::alloc::", "alloc::raw_vec::", "__rust_", "dhat::"] {
            assert!(
                !leaf.function.trim_start_matches('<').starts_with(machinery),
                "{leaf:?}"
            );
        }
        let root = stack.frames.last().unwrap();
        assert!(!root.function.contains("lang_start"), "{root:?}");
        for frame in &stack.frames {
            assert!(
                !frame.function.contains("::h0") && !frame.function.starts_with('_'),
                "{frame:?}"
            );
            if frame.function.ends_with("dhat_profile::fetch") && frame.line as usize == body {
                assert!(
                    here.ends_with(frame.file) || Path::new(frame.file) == here,
                    "{frame:?}"
                );
                found = true;
            }
        }
    }
    assert!(found, "{}", profile.top(Some("alloc_space")).unwrap());
    let drawing = profile.flamegraph(&FlamegraphOptions::default()).unwrap();
    assert!(drawing.contains("dhat_profile::fetch"));
}
