//! The last exercise is a test, and is judged by variants of what it tests: the right tests are taken, and each wrong one is wrong on some
//! variant.

use crate::driver::{Workbook, real_root};
use std::collections::BTreeMap;
use std::process::Command;

const VARIANTS: [&str; 5] = [
    "as_handed_out",
    "topics_stay",
    "receipts_stay",
    "mended",
    "rewritten",
];

/// Which of these leak.
const LEAKS: [bool; 5] = [true, true, true, false, false];

/// For each of the author's files of tests: on which variants any of its tests fails.
fn failing() -> BTreeMap<String, [bool; 5]> {
    let ran = Command::new(env!("CARGO"))
        .args([
            "test",
            "-p",
            "leaks",
            "-p",
            "your-own-test",
            "--test",
            "proofs",
        ])
        .current_dir(real_root())
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    let mut failing: BTreeMap<String, [bool; 5]> = BTreeMap::new();
    for line in said.lines() {
        let Some((module, result)) = line
            .strip_prefix("test ")
            .and_then(|line| line.split_once("::"))
        else {
            continue;
        };
        let (tests, variant) = module.split_once("_on_").expect("tests on a variant");
        let at = VARIANTS.iter().position(|known| *known == variant);
        let at = at.expect("one of the variants");
        failing.entry(tests.to_owned()).or_default()[at] |= !result.ends_with("ok");
    }
    assert!(
        !failing.is_empty(),
        "{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    failing
}

#[test]
fn the_right_tests_are_taken_and_each_wrong_way_is_wrong_on_some_variant() {
    let failing = failing();
    assert_eq!(failing["solved"], LEAKS);
    assert_eq!(failing["as_shipped"], [false; 5], "they see nothing");
    // Names that come again hide an entry that stays.
    assert_eq!(failing["same_names"], [true, false, true, false, false]);
    // A cache within its bound is taken for a leak.
    assert_eq!(failing["no_template_twice"], [true; 5]);
    assert_eq!(failing["always_fails"], [true; 5]);
    // What it is made of isn't what it does.
    assert!(failing["looks_inside"][4]);
    assert_eq!(failing.len(), 6, "{failing:?}");
}

#[test]
fn the_command_judges_the_readers_tests() {
    let workbook = Workbook::copy("own-test");
    let exercise = "chapters/your-own-test/src/exercise.rs";
    let check = || workbook.leaks(["check", "your-own-test"]);
    check()
        .exits(1)
        .stdout_has("✗ one fault, among the topics")
        .stdout_has("✓ mended");
    workbook.write(exercise, "detectors::tests! { fn broken() { nonsense } }");
    check().exits(2).stderr_has("doesn't compile");
    let of_it = |command| workbook.leaks([command, "your-own-test"]);
    of_it("hint").exits(0).stdout_has("Hint 1 of 3");
    of_it("hint").exits(0).stdout_has("Hint 2 of 3");
    of_it("solution").exits(1).stdout_has("hint your-own-test");
    of_it("reset").exits(0).stdout_has("is kept:");
    check().exits(1);
    workbook.write(
        exercise,
        &workbook.read("chapters/your-own-test/solution/solved.rs"),
    );
    check()
        .exits(0)
        .stdout_has("Your tests fail on what leaks, and on nothing else.");
    of_it("solution")
        .exits(0)
        .stdout_has("templates_are_bounded");
    workbook
        .leaks(["progress"])
        .exits(0)
        .stdout_has("1 of 1 last exercises passed");
}
