//! The usual commands and flags do what they do for cargo's own harness.

use super::runs::{Ran, cargo, program, subject};

/// A module of thirty tests, and what is said of them.
const TOGETHER: &str = "together::";
const PASSED: &str = "30 passed";

#[test]
fn thirty_run_at_once_without_disturbing_each_other() {
    Ran::of(&mut cargo(
        "test",
        ["--test=instruments", "--", TOGETHER, "--test-threads=30"],
    ))
    .exits(0)
    .prints(PASSED);
}

#[test]
fn thirty_run_one_after_the_other() {
    Ran::of(&mut cargo(
        "test",
        ["--test=instruments", "--", TOGETHER, "--test-threads=1"],
    ))
    .exits(0)
    .prints(PASSED);
}

#[test]
fn thirty_run_under_nextest() {
    if Ran::of(program(env!("CARGO")).args(["nextest", "--version"])).code != Some(0) {
        eprintln!("skipped: cargo nextest is not installed (cargo install cargo-nextest)");
        return;
    }
    // nextest looks at all features of all crates, also at those that no build here has downloaded.
    Ran::of(
        program(env!("CARGO"))
            .args(["fetch", "--locked"])
            .current_dir(env!("CARGO_MANIFEST_DIR")),
    )
    .exits(0);
    Ran::of(&mut cargo("nextest run", ["--test=instruments", TOGETHER]))
        .exits(0)
        .prints(PASSED);
    Ran::of(&mut cargo(
        "nextest run",
        [
            "--test=subject",
            "--run-ignored=only",
            "--no-fail-fast",
            "panics",
        ],
    ))
    .exits(100)
    .prints("its standard output")
    .prints("its message")
    .prints("`panics` panicked")
    .prints("5 tests run: 0 passed, 5 failed");
}

#[test]
fn a_list_has_all_or_the_ignored_ones() {
    let all = Ran::of(&mut subject(["--list"])).exits(0).stdout;
    let ignored = Ran::of(&mut subject(["--list", "--ignored"]))
        .exits(0)
        .stdout;
    assert_eq!(
        all.lines().filter(|line| line.ends_with(": test")).count(),
        21
    );
    assert_eq!(
        ignored
            .lines()
            .filter(|line| line.ends_with(": test"))
            .count(),
        16
    );
}

#[test]
fn filters_pick_by_part_or_by_whole_name() {
    let passed = |arguments: &mut std::process::Command, count: &str| {
        Ran::of(arguments).exits(0).prints(count);
    };
    passed(
        &mut subject(["passes"]),
        "3 passed; 0 failed; 0 ignored; 0 measured; 18 filtered out",
    );
    passed(
        &mut subject(["--exact", "passes"]),
        "1 passed; 0 failed; 0 ignored",
    );
    passed(&mut subject(["passes", "--skip=result"]), "2 passed");
    // As libtest: whatever any of several names.
    passed(
        &mut subject(["as_it_should", "a_result"]),
        "3 passed; 0 failed; 0 ignored; 0 measured; 18 filtered out",
    );
    passed(
        &mut subject(["--exact", "passes", "passes_with_a_result", "as_it_should"]),
        "2 passed; 0 failed; 0 ignored",
    );
    passed(
        &mut subject(["without_a_reason"]),
        "0 passed; 0 failed; 1 ignored",
    );
    passed(&mut subject(["without_a_reason", "--ignored"]), "1 passed");
    passed(
        &mut subject(["without_a_reason", "--include-ignored"]),
        "1 passed",
    );
    passed(&mut subject(["passes", "--include-ignored"]), "3 passed");
    passed(
        &mut subject(["no such test"]),
        "0 passed; 0 failed; 0 ignored; 0 measured; 21 filtered out",
    );
}

#[test]
fn a_passing_tests_output_is_shown_when_asked_for() {
    let words = "a passing test's words";
    Ran::of(&mut subject(["--exact", "passes"]))
        .exits(0)
        .prints_nowhere(words);
    Ran::of(&mut subject(["--exact", "passes", "--show-output"]))
        .exits(0)
        .prints("---- passes printed ----")
        .prints(words);
    Ran::of(&mut subject(["--exact", "passes", "--nocapture"]))
        .exits(0)
        .prints_nowhere("---- passes printed ----")
        .prints(words);
    Ran::of(subject(["--exact", "passes"]).env("RUST_TEST_NOCAPTURE", "1"))
        .exits(0)
        .prints(words);
}

#[test]
fn without_capture_a_failure_points_to_the_output_above() {
    let ran = Ran::of(&mut subject([
        "--ignored",
        "--exact",
        "panics",
        "--nocapture",
    ]))
    .exits(101)
    .prints("`panics` panicked; its output is above");
    assert!(
        ran.stdout.contains("its standard output") && ran.stderr.contains("its standard error")
    );
}

#[test]
fn the_number_of_threads_is_taken_or_refused_in_words() {
    Ran::of(subject(["passes"]).env("RUST_TEST_THREADS", "3")).exits(0);
    Ran::of(subject(["passes"]).env("RUST_TEST_THREADS", "many"))
        .exits(2)
        .prints("RUST_TEST_THREADS is `many`; it takes a number of tests to run at a time, from 1");
    Ran::of(&mut subject(["--test-threads=0"]))
        .exits(2)
        .prints("--test-threads is `0`; it takes a number");
    Ran::of(&mut subject(["--shuffle"]))
        .exits(2)
        .prints("unexpected argument '--shuffle'");
}

#[test]
fn the_environment_gives_a_deadline_to_tests_that_have_none() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let waits = |deadline| {
        let mut command = subject(["--ignored", "tells_its_number_and_waits"]);
        command
            .env("SUBJECT_NUMBER_FILE", scratch.path().join("number"))
            .env("DETECTORS_DEADLINE", deadline);
        command
    };
    Ran::of(&mut waits("1"))
        .exits(101)
        .prints("was still running at its deadline of 1 s");
    Ran::of(&mut waits("soon"))
        .exits(2)
        .prints("DETECTORS_DEADLINE is `soon`; it takes the seconds");
}

#[test]
fn a_childs_own_argument_is_refused_in_words() {
    Ran::of(&mut subject([
        "--detectors-isolated-test",
        "no such test",
        "1",
    ]))
    .exits(2)
    .prints("is for this binary's own use");
}
