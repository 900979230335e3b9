//! A test that runs alone meets no other of its file.

use super::misuse::{compile, scratch};
use super::runs::{Ran, program};

/// Each leaves a file with its name for as long as it runs, and looks for the other's.
const SOURCE: &str = r#"
use std::{fs, thread, time::{Duration, Instant}};

detectors::tests! {
    ATTRIBUTE
    fn one() { meet("one", "another"); }
    fn another() { meet("another", "one"); }
}

fn meet(mine: &str, others: &str) {
    fs::write(mine, "").unwrap();
    let deadline = Instant::now() + Duration::from_secs(1);
    while Instant::now() < deadline {
        assert!(!fs::exists(others).unwrap(), "they met");
        thread::sleep(Duration::from_millis(5));
    }
    fs::remove_file(mine).unwrap();
}
"#;

fn run(attribute: &str) -> Ran {
    let scratch = scratch();
    let source = SOURCE.replace("ATTRIBUTE", attribute);
    compile(scratch.path(), &source, &[]).exits(0);
    let mut tests = program(scratch.path().join("memory"));
    Ran::of(tests.arg("--test-threads=2").current_dir(scratch.path()))
}

#[test]
fn a_test_that_runs_alone_meets_no_other() {
    run("#[alone]").exits(0).prints("2 passed");
    // And without it they would meet.
    run("").exits(101).prints("they met");
}
