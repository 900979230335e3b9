//! dhat's JSON as a profile, with frames that don't depend on this build.

use detectors::profile::{DhatOptions, Profile, SourceFrame, Symbols};

use super::support::{dhat_json, go_pprof, profile, written};

/// What a debug build's stacks look like.
const PUSH: &[&str] = &[
    "<dhat::Alloc as core::alloc::global::GlobalAlloc>::alloc (dhat/src/lib.rs:1:1)",
    "__rustc::__rust_alloc (???:0:0)",
    "alloc::alloc::alloc (alloc/src/alloc.rs:94:9)",
    "alloc::raw_vec::RawVecInner<A>::finish_grow (src/raw_vec/mod.rs:1:1)",
    "alloc::vec::Vec<T,A>::push (src/vec/mod.rs:2:1)",
    "shop::cart::add (shop/src/cart.rs:7:5)",
    "core::ops::function::FnOnce::call_once (src/ops/function.rs:250:5)",
    "detectors::verdicts::watch::driver::run::{{closure}} (detectors/src/verdicts/watch/driver.rs:1:1)",
    "std::sys::backtrace::__rust_begin_short_backtrace (std/src/sys.rs:1:1)",
    "main (???:0:0)",
];

const KEPT: &[&str] = &[
    "shop::cart::keep (shop/src/cart.rs:9:5)",
    "shop::main (shop/src/main.rs:3:5)",
];

fn names(profile: &Profile) -> Vec<Vec<&str>> {
    profile
        .stacks()
        .map(|stack| stack.frames.iter().map(|frame| frame.function).collect())
        .collect()
}

#[test]
fn every_byte_and_block_arrives() {
    let profile = profile(&[(PUSH, [300, 3, 100, 1]), (KEPT, [5000, 50, 4000, 40])]);
    for (ty, total) in [
        ("alloc_objects", 53),
        ("alloc_space", 5300),
        ("inuse_objects", 41),
        ("inuse_space", 4100),
    ] {
        assert_eq!(profile.total(ty).unwrap(), total, "{ty}");
    }
    assert_eq!(profile.default_sample_type().name, "inuse_space");
}

#[test]
fn machinery_is_cut_at_both_ends_and_only_there() {
    let profile = profile(&[(PUSH, [300, 3, 100, 1])]);
    assert_eq!(names(&profile), [["shop::cart::add"]]);
}

#[test]
fn machinery_stays_when_asked_for_and_its_start_when_nothing_else_is_there() {
    let options = DhatOptions::default()
        .symbols(Symbols::Recorded)
        .keep_machinery();
    let whole = Profile::from_dhat(&dhat_json(&[(PUSH, [1, 1, 1, 1])]), &options).unwrap();
    assert_eq!(names(&whole)[0].len(), PUSH.len());
    let only_machinery = profile(&[(&PUSH[..4], [1, 1, 1, 1])]);
    assert_eq!(
        names(&only_machinery),
        [[PUSH[3].split(" (").next().unwrap()]]
    );
}

/// Line tables alone give names without their crate: the files tell the allocator apart.
#[test]
fn machinery_is_known_by_its_files_too() {
    let stack = &[
        "alloc (index/dhat-0.3.3/src/lib.rs:1176:9)",
        "alloc_impl (/rustc/0123abcd/library/alloc/src/alloc.rs:190:9)",
        "with_capacity_in<u8, alloc::alloc::Global> (/rustc/0123abcd/library/alloc/src/raw_vec/mod.rs:433:9)",
        "with_capacity<u8> (/rustc/0123abcd/library/alloc/src/vec/mod.rs:524:9)",
        "fetch (shop/src/cart.rs:7:5)",
    ];
    assert_eq!(names(&profile(&[(stack, [1, 1, 1, 1])])), [["fetch"]]);
    let box_of_hash_map = &[
        "do_alloc<Global> (/rust/deps/hashbrown-0.16.0/src/alloc.rs:1:1)",
        "<my::Box<T>>::push_mut (shop/src/cart.rs:1:1)",
    ];
    assert_eq!(
        names(&profile(&[(box_of_hash_map, [1, 1, 1, 1])])),
        [["<my::Box<T>>::push_mut"]]
    );
}

#[test]
fn stacks_that_become_equal_are_summed() {
    let mut other = PUSH.to_vec();
    other.remove(2);
    let profile = profile(&[(PUSH, [300, 3, 100, 1]), (&other, [30, 2, 10, 1])]);
    let stacks: Vec<_> = profile.stacks().collect();
    assert_eq!(stacks.len(), 1);
    assert_eq!(stacks[0].values, [5, 330, 2, 110]);
}

#[test]
fn a_resolver_names_inlined_calls_of_one_address() {
    let asked = std::cell::RefCell::new(Vec::new());
    let resolve = |address: u64| {
        asked.borrow_mut().push(address);
        let frame = |function: &str, line| {
            SourceFrame::new(function, "/home/someone/shop/src/cart.rs", line)
        };
        match address {
            16 => vec![
                frame("alloc::alloc::exchange_malloc", 1),
                frame("inner", 2),
                frame("outer", 3),
            ],
            _ => Vec::new(),
        }
    };
    let options = DhatOptions::default().symbols(Symbols::With(&resolve));
    let profile = Profile::from_dhat(&dhat_json(&[(KEPT, [1, 1, 1, 1])]), &options).unwrap();
    let stack = profile.stacks().next().unwrap();
    let seen: Vec<_> = stack
        .frames
        .iter()
        .map(|f| (f.function, f.line, f.address, f.inlined))
        .collect();
    assert_eq!(
        seen,
        [
            ("inner", 2, 15, true),
            ("outer", 3, 15, false),
            ("shop::main", 3, 31, false)
        ]
    );
    assert_eq!(stack.frames[0].file, "/home/someone/shop/src/cart.rs");
    assert_eq!(stack.frames[2].file, "shop/src/main.rs");
    drop(profile);
    assert_eq!(asked.into_inner(), [16, 32]);
}

#[test]
fn the_order_of_dhats_table_makes_no_difference() {
    let (one, two) = ((PUSH, [300, 3, 100, 1]), (KEPT, [5000, 50, 4000, 40]));
    let values = |profile: Profile| {
        profile
            .stacks()
            .map(|stack| stack.values)
            .collect::<Vec<_>>()
    };
    assert_eq!(values(profile(&[one, two])), values(profile(&[two, one])));
    assert_eq!(
        profile(&[one, two]).to_bytes(),
        profile(&[one, two]).to_bytes()
    );
}

#[test]
fn a_file_of_another_process_is_read_like_a_profile() {
    let json = dhat_json(&[(KEPT, [5000, 50, 4000, 40])]);
    let read = Profile::from_bytes("dhat-heap.json", json.as_bytes()).unwrap();
    insta::assert_snapshot!(read.top(None).unwrap(), @r#"
    File: [shop]
    Type: inuse_space
    Showing nodes accounting for 3.91kB, 100% of 3.91kB total
          flat  flat%   sum%        cum   cum%
        3.91kB   100%   100%     3.91kB   100%  shop::cart::keep
             0     0%   100%     3.91kB   100%  shop::main
    "#);
}

#[test]
fn what_is_not_dhats_heap_is_refused_in_words() {
    let json = dhat_json(&[(KEPT, [1, 1, 1, 1])]);
    let convert = |json: &str| {
        let error = Profile::from_dhat(json, &DhatOptions::default()).unwrap_err();
        error.to_string()
    };
    insta::assert_snapshot!(
        [
            convert("{"),
            convert("[]"),
            convert(&json.replace("rust-heap", "rust-ad-hoc")),
            convert(&json.replace("\"dhatFileVersion\":2", "\"dhatFileVersion\":3")),
            convert(&json.replace("\"fs\":[1,2]", "\"fs\":[1,9]")),
            convert(&json.replace("\"tb\":1,", "\"tb\":18446744073709551615,")),
            convert(&dhat_json(&[])),
        ]
        .join("\n"),
        @r#"
    dhat's output is cut short: it ends inside its JSON; fetch or copy it again
    dhat's output is not a profile: it isn't dhat's JSON (invalid length 0, expected an object with dhat's fields at line 1 column 2); give a pprof file, gzipped or plain, or dhat's JSON
    dhat's output is not a profile: dhat wrote it in mode "rust-ad-hoc"; use dhat::Profiler::new_heap; give a pprof file, gzipped or plain, or dhat's JSON
    dhat's output is not a profile: it is version 3 of dhat's format, and only 2 is known; give a pprof file, gzipped or plain, or dhat's JSON
    dhat's output is a damaged profile: a stack names frame 9 of 3; take or copy it again
    dhat's output is a damaged profile: its amounts don't fit in 63 bits; take or copy it again
    dhat's output has no samples: nothing had been seen when it was taken; give the program some work and take it again
    "#
    );
}

#[test]
fn gos_pprof_shows_our_figures_and_names() {
    let generic = &[
        "<shop::List<T> as core::iter::Extend<u8>>::extend (shop/src/list.rs:7:5)",
        KEPT[1],
    ];
    let profile = profile(&[
        (PUSH, [300, 3, 100, 1]),
        (KEPT, [5000, 50, 4000, 40]),
        (generic, [9, 1, 9, 1]),
    ]);
    let path = written(&profile);
    let path = path.to_str().unwrap();
    for ty in profile.sample_types() {
        let index = format!("-sample_index={}", ty.name);
        let Some(go) = go_pprof(&["-top", &index, path]) else {
            return;
        };
        assert_eq!(profile.top(Some(&ty.name)).unwrap().to_string(), go, "{ty}");
    }
}
