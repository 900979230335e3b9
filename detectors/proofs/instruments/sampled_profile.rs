//! A heap profile of this very process, taken while it runs: it has Go's four types, names this file's functions with whole
//! paths, lines and inlined calls, begins where the program's own code allocates, and reads the same in Go's pprof.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::hint::black_box;
use std::path::Path;

use crate::go_pprof;
use detectors::allocator;
use detectors::profile::{Profile, Stack};

#[inline(never)]
fn fetch(number: usize) -> Vec<u8> {
    vec![b'x'; 1_000 + number] // THE LINE OF THE BODY
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "what is inlined must be named too")]
fn inlined(number: usize) -> Box<[u8]> {
    vec![b'y'; 3_000 + number].into_boxed_slice() // THE LINE OF THE INLINED
}

#[inline(never)]
fn keep(number: usize) -> (Vec<u8>, Box<[u8]>) {
    (fetch(number), inlined(number))
}

detectors::tests! {
    fn go_and_we_read_the_same() {
        let kept = workload();
        let profile = allocator::profile().unwrap();
        let types: Vec<String> = profile.sample_types().iter().map(ToString::to_string).collect();
        assert_eq!(types, ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"]);
        assert_eq!(profile.default_sample_type().name, "inuse_space");
        go_pprof::agrees(&profile, "sampled_profile::(fetch|keep)$");
        drop(kept);
    }

    fn names_files_lines_and_inlined_calls_are_right() {
        let kept = workload();
        let profile = allocator::profile().unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("instruments/sampled_profile.rs");
        let body = line_of("// THE LINE OF THE BODY");
        let fetched = innermost(&profile, "sampled_profile::fetch");
        assert!(here.ends_with(fetched.frames[0].file) || Path::new(fetched.frames[0].file) == here, "{fetched:?}");
        assert_eq!(fetched.frames[0].line, body);
        assert!(fetched.frames[1].function.ends_with("sampled_profile::keep"), "{fetched:?}");

        let inlined = innermost(&profile, "sampled_profile::inlined");
        assert_eq!((inlined.frames[0].line, inlined.frames[0].inlined), (line_of("// THE LINE OF THE INLINED"), true));
        assert!(inlined.frames[1].function.ends_with("sampled_profile::keep"), "{inlined:?}");
        drop(kept);
    }

    fn no_stack_begins_in_the_allocator_or_ends_in_a_threads_start() {
        let kept = workload();
        for stack in allocator::profile().unwrap().stacks() {
            let (leaf, root) = (stack.frames[0], stack.frames[stack.frames.len() - 1]);
            for machinery in ["alloc::alloc::", "alloc::raw_vec::", "__rust_", "__rustc::", "detectors::allocator::"] {
                assert!(!leaf.function.trim_start_matches('<').starts_with(machinery), "{leaf:?}");
            }
            assert!(!root.function.contains("lang_start") && !root.function.contains("libc_start"), "{root:?}");
        }
        drop(kept);
    }

    /// Taking one profile must not show in the next.
    fn a_profile_is_not_in_the_profile() {
        let kept = workload();
        drop(allocator::profile().unwrap());
        for stack in allocator::profile().unwrap().stacks() {
            let resolver = stack.frames.iter().find(|frame| frame.function.contains("detectors::profile"));
            assert!(resolver.is_none(), "{resolver:?}");
        }
        drop(kept);
    }

    fn what_is_gone_is_in_the_alloc_types_alone() {
        let kept = workload();
        let before = allocator::profile().unwrap();
        drop(kept);
        let after = allocator::profile().unwrap();
        assert!(before.total("inuse_space").unwrap() > 1 << 20);
        for profile in [&before, &after] {
            assert!(profile.total("alloc_space").unwrap() > 1 << 20);
        }
        let live: i64 = after.stacks().filter(|stack| is_by(stack, "sampled_profile::keep")).map(|stack| stack.values[3]).sum();
        assert_eq!(live, 0);
    }
}

/// Four megabytes, sampled each 4 kB.
fn workload() -> Vec<(Vec<u8>, Box<[u8]>)> {
    allocator::set_sampling_interval(Some(4 << 10));
    allocator::reseed_sampling(7);
    (0..1_000)
        .map(|number| keep(black_box(number % 10)))
        .collect()
}

/// A stack whose innermost frame is that function.
fn innermost<'p>(profile: &'p Profile, function: &str) -> Stack<'p> {
    let mut stacks = profile.stacks();
    stacks
        .find(|stack| stack.frames[0].function.ends_with(function))
        .unwrap_or_else(|| {
            panic!(
                "no stack begins in {function}: {}",
                profile.top(None).unwrap()
            )
        })
}

fn is_by(stack: &Stack<'_>, function: &str) -> bool {
    stack
        .frames
        .iter()
        .any(|frame| frame.function.ends_with(function))
}

fn line_of(mark: &str) -> u32 {
    let lines = include_str!("sampled_profile.rs").lines();
    let at = lines.into_iter().position(|line| line.ends_with(mark));
    u32::try_from(at.unwrap() + 1).unwrap()
}
