//! The call graph: the functions and calls that Go's tool draws are those that we draw.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use detectors::Profile;
use detectors::profile::ProfileError;

use super::protos::{self, Message};
use super::support::{data, frame, go_pprof, go_profile, profile, written};

/// Functions with their cum, and calls with their amounts, whether they pass over others, and whether they are inlined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Drawn {
    functions: BTreeSet<String>,
    calls: BTreeSet<(String, String, String, bool, bool)>,
}

/// What stands between the word and the next quotation mark.
fn quoted<'a>(line: &'a str, word: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!("{word}=\"")).unwrap();
    rest.split('"').next().unwrap()
}

/// What a drawing in graphviz's language holds, without the boxes that Go hangs on functions.
fn drawn(dot: &str) -> Drawn {
    let mut drawn = Drawn::default();
    let mut names = BTreeMap::new();
    let is_number = |id: &str| id[1..].bytes().all(|byte| byte.is_ascii_digit());
    for line in dot.lines() {
        let Some((id, _)) = line
            .split_once(" [")
            .filter(|_| line.starts_with(['n', 'N']))
        else {
            continue;
        };
        if let Some((from, to)) = id.split_once(" -> ") {
            if is_number(from) && is_number(to) {
                let names = [from, to].map(|id| String::clone(&names[id]));
                let [from, to] = names;
                let label = quoted(line, "label").replace(['\\'], " ");
                let amount = label.split_whitespace().next().unwrap().to_owned();
                let is_residual = line.contains("dotted") || line.contains("dashed");
                let is_inlined = label.contains("(inline)");
                drawn
                    .calls
                    .insert((from, to, amount, is_residual, is_inlined));
            }
        } else if is_number(id) {
            let tooltip = quoted(line, "tooltip").to_owned();
            let (name, _) = tooltip.rsplit_once(" (").unwrap();
            names.insert(id, name.to_owned());
            drawn.functions.insert(tooltip);
        }
    }
    drawn
}

#[track_caller]
fn agrees(profile: &Profile, path: &Path, ty: &str) -> Drawn {
    let ours = drawn(&profile.call_graph(Some(ty)).unwrap());
    let index = format!("-sample_index={ty}");
    if let Some(go) = go_pprof(&["-dot", &index, path.to_str().unwrap()]) {
        let go = drawn(&go);
        let functions = ours.functions.symmetric_difference(&go.functions);
        let calls = ours.calls.symmetric_difference(&go.calls);
        let others = (functions.collect::<Vec<_>>(), calls.collect::<Vec<_>>());
        assert!(ours == go, "{ty}: of one alone: {others:?}");
    }
    ours
}

#[test]
fn functions_and_calls_are_those_of_gos_graph() {
    for file in ["default.pb.gz", "every.pb.gz"] {
        let profile = go_profile(file);
        for ty in profile.sample_types() {
            let drawn = agrees(&profile, &data(file), &ty.name);
            assert!(drawn.functions.len() > 3 && drawn.calls.len() > 2);
        }
    }
}

/// More functions than a picture has room for, by a fixed rule: `step` calls of several lengths, some of which meet.
fn large() -> Profile {
    let mut message = protos::Profile {
        string_table: ["", "space", "bytes"].map(str::to_owned).into(),
        sample_type: vec![protos::ValueType { ty: 1, unit: 2 }],
        ..protos::Profile::default()
    };
    for id in 1..=400 {
        frame(&mut message, &format!("shop.step{id}"));
    }
    let mut state = 7_u64;
    for _ in 0..600 {
        let mut next = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let depth = 3 + next(6);
        let mut location_id: Vec<u64> = (0..depth)
            .map(|level| 1 + level * 40 + next(30) * next(2))
            .collect();
        location_id.reverse();
        let value = vec![i64::try_from(1000 + next(90_000)).unwrap()];
        message.sample.push(protos::Sample {
            location_id,
            value,
            label: Vec::new(),
        });
    }
    Profile::from_bytes("a large one", &message.encode_to_vec()).unwrap()
}

#[test]
fn of_a_large_profile_the_functions_are_those_that_go_chooses() {
    let profile = large();
    let path = written(&profile);
    let drawn = agrees(&profile, &path, "space");
    assert_eq!(drawn.functions.len(), 80);
    let residual = drawn.calls.iter().filter(|call| call.3).count();
    assert!(
        residual > 5,
        "calls pass over functions that aren't drawn: {residual}"
    );
}

#[test]
fn the_drawing_is_graphvizs_language() {
    const ADD: &[&str] = &[
        "<shop::cart::Cart<T> as shop::Add>::add (shop/src/cart.rs:7:5)",
        "shop::\"main\" (shop/src/main.rs:3:5)",
    ];
    const LOG: &[&str] = &[
        "shop::log (shop/src/log.rs:9:5)",
        "shop::\"main\" (shop/src/main.rs:4:5)",
    ];
    let before = profile(&[(ADD, [100, 1, 100, 1]), (LOG, [900, 9, 900, 9])]);
    let after = profile(&[(ADD, [4000, 9, 4000, 9]), (LOG, [500, 5, 500, 5])]);
    let dot = after
        .diff(&before)
        .unwrap()
        .focus("shop")
        .unwrap()
        .call_graph(None)
        .unwrap();
    insta::assert_snapshot!(dot);
    let Ok(mut graphviz) = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
    else {
        eprintln!("graphviz is not installed: not drawn");
        return;
    };
    graphviz
        .stdin
        .take()
        .unwrap()
        .write_all(dot.as_bytes())
        .unwrap();
    let output = graphviz.wait_with_output().unwrap();
    let svg = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && svg.contains("shop::cart::Cart::add"),
        "{svg}"
    );
}

#[test]
fn where_nothing_is_above_zero_there_is_nothing_to_draw() {
    let one = profile(&[(&["shop::add (shop/src/cart.rs:7:5)"], [100, 1, 100, 1])]);
    let none = one.diff(&one).unwrap().call_graph(None);
    assert!(
        matches!(
            none,
            Err(ProfileError::NothingToDraw { .. } | ProfileError::NoSamples { .. })
        ),
        "{none:?}"
    );
}
