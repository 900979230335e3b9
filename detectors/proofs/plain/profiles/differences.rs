//! One profile minus another.

use detectors::profile::FlamegraphOptions;

use super::support::{go_pprof, profile, written};

const ADD: &[&str] = &[
    "shop::add (shop/src/cart.rs:7:5)",
    "shop::main (shop/src/main.rs:3:5)",
];
const LOG: &[&str] = &[
    "shop::log (shop/src/log.rs:9:5)",
    "shop::main (shop/src/main.rs:4:5)",
];

#[test]
fn each_stack_has_what_came_minus_what_went() {
    let before = profile(&[(ADD, [100, 1, 100, 1]), (LOG, [500, 5, 500, 5])]);
    let after = profile(&[(ADD, [900, 9, 900, 9]), (LOG, [500, 5, 200, 2])]);
    let difference = after.diff(&before).unwrap();
    assert_eq!(difference.total("inuse_space").unwrap(), 500);
    let mut stacks: Vec<_> = difference
        .stacks()
        .map(|stack| (stack.frames[0].function, stack.values))
        .collect();
    stacks.sort();
    assert_eq!(
        stacks,
        [
            ("shop::add", vec![8, 800, 8, 800]),
            ("shop::log", vec![0, 0, -3, -300])
        ]
    );
}

#[test]
fn nothing_is_left_of_a_profile_minus_itself() {
    let one = profile(&[(ADD, [100, 1, 100, 1])]);
    let difference = one.diff(&one).unwrap();
    assert_eq!(difference.stacks().count(), 0);
    assert_eq!(difference.total("alloc_space").unwrap(), 0);
    assert!(difference.top(None).unwrap().rows.is_empty());
    let error = difference
        .flamegraph(&FlamegraphOptions::default())
        .unwrap_err();
    insta::assert_snapshot!(error, @"dhat's output minus dhat's output has nothing above zero for inuse_space; choose another sample type");
}

#[test]
fn gos_diff_base_agrees_with_ours_live_and_from_a_file() {
    let before = profile(&[(ADD, [100, 1, 100, 1]), (LOG, [500, 5, 500, 5])]);
    let after = profile(&[(ADD, [900, 9, 900, 9]), (LOG, [500, 5, 200, 2])]);
    let difference = after.diff(&before).unwrap();
    let ours = difference.top(None).unwrap().to_string();
    let (before, after, difference) = (written(&before), written(&after), written(&difference));
    let base = format!("-diff_base={}", before.display());
    let Some(go) = go_pprof(&["-top", &base, after.to_str().unwrap()]) else {
        return;
    };
    assert_eq!(ours, go);
    assert_eq!(go_pprof(&["-top", difference.to_str().unwrap()]), Some(go));
}

#[test]
fn profiles_that_measure_different_things_are_not_compared() {
    let ours = profile(&[(ADD, [100, 1, 100, 1])]);
    let cpu = super::hostile::cpu_profile();
    insta::assert_snapshot!(ours.diff(&cpu).unwrap_err(), @"dhat's output measures alloc_objects/count, alloc_space/bytes, inuse_objects/count, inuse_space/bytes, and cpu.pb measures cpu/nanoseconds; compare two profiles of the same kind");
}
