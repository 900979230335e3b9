//! Profiles that Go's runtime wrote: our figures and texts are those of Go's own pprof.

use std::fs;

use detectors::profile::{SourcePaths, TopOptions};

use super::support::{data, go_pprof, go_profile};

const PROFILES: [&str; 3] = ["default.pb.gz", "every.pb.gz", "plain.pb"];
const TYPES: [&str; 4] = [
    "alloc_objects",
    "alloc_space",
    "inuse_objects",
    "inuse_space",
];

fn expected(name: &str) -> String {
    fs::read_to_string(data(name)).unwrap()
}

#[test]
fn top_is_that_of_go_for_all_types() {
    for file in PROFILES {
        let profile = go_profile(file);
        for ty in TYPES {
            let stem = file.split('.').next().unwrap();
            let top = profile.top(Some(ty)).unwrap().to_string();
            assert_eq!(top, expected(&format!("{stem}.{ty}.txt")), "{file} {ty}");
        }
    }
}

#[test]
fn top_is_that_of_the_go_that_is_installed() {
    for file in PROFILES {
        for ty in TYPES {
            let path = data(file);
            let index = format!("-sample_index={ty}");
            let Some(go) = go_pprof(&["-top", &index, path.to_str().unwrap()]) else {
                return;
            };
            assert_eq!(
                go_profile(file).top(Some(ty)).unwrap().to_string(),
                go,
                "{file} {ty}"
            );
        }
    }
}

#[test]
fn a_limit_shows_the_first_rows() {
    let options = TopOptions::default().rows_max(3);
    let top = go_profile("every.pb.gz")
        .top_with(Some("alloc_space"), &options)
        .unwrap();
    assert_eq!(top.to_string(), expected("every.first-three.txt"));
    assert_eq!((top.rows.len(), top.functions), (3, 8));
}

#[test]
fn recursion_counts_a_function_once_per_sample() {
    let top = go_profile("every.pb.gz").top(Some("inuse_space")).unwrap();
    let nest = top
        .rows
        .iter()
        .find(|row| row.function == "main.nest")
        .unwrap();
    assert_eq!(nest.flat, nest.cum);
    assert!(nest.cum <= top.total);
}

#[test]
fn listings_are_those_of_go() {
    let sources = SourcePaths::new([data("")]);
    let listing = go_profile("every.pb.gz")
        .list(None, r"^main\.", &sources)
        .unwrap();
    // Go was told to take the module's name off the paths.
    let expected = expected("every.list.txt").replace(" in main.go", " in search-index/main.go");
    assert_eq!(listing.to_string(), expected);
}

#[test]
fn the_difference_is_that_of_go() {
    let difference = go_profile("plain.pb")
        .diff(&go_profile("default.pb.gz"))
        .unwrap();
    assert_eq!(
        difference.top(None).unwrap().to_string(),
        expected("diff.txt")
    );
}

#[test]
fn sample_types_and_totals_are_the_files() {
    let profile = go_profile("default.pb.gz");
    let types: Vec<String> = profile
        .sample_types()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        types,
        [
            "alloc_objects/count",
            "alloc_space/bytes",
            "inuse_objects/count",
            "inuse_space/bytes"
        ]
    );
    assert_eq!(profile.default_sample_type().name, "inuse_space");
    let error = profile.total("cpu").unwrap_err().to_string();
    assert!(
        error.ends_with("choose one of alloc_objects, alloc_space, inuse_objects, inuse_space"),
        "{error}"
    );
}

#[test]
fn writing_and_reading_keeps_everything_that_is_shown() {
    for file in PROFILES {
        let profile = go_profile(file);
        let again = detectors::Profile::from_bytes("again", &profile.to_bytes()).unwrap();
        for ty in TYPES {
            assert_eq!(again.top(Some(ty)).unwrap(), profile.top(Some(ty)).unwrap());
        }
        assert_eq!(again.to_bytes(), profile.to_bytes());
        assert!(again.stacks().eq(profile.stacks()));
    }
}
