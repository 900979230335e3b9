//! What the allocator costs doesn't grow unseen: its instructions on the burst of JSON are compared with those on record.
//!
//! They are valgrind's, as a ratio to the same program on the system's allocator, bare. A busy machine has as many of them as an idle
//! one. `cargo bench -p detectors --bench alloc` measures more, and beside its peers.
#![expect(clippy::expect_used, reason = "tests")]

#[allow(dead_code, reason = "the benchmark times as well")]
#[path = "../benches/alloc/measure.rs"]
mod measure;
#[allow(dead_code, reason = "the benchmark has more subjects")]
#[path = "../benches/alloc/subjects.rs"]
mod subjects;

use std::fmt::Write as _;
use std::fs;
use subjects::{Subject, Subjects};

const RECORD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../benches/alloc/on-record.txt"
);

/// A rise of this much fails: ten times what two runs of one program differ by.
const RISE: f64 = 0.005;

const REFRESH: &str = "REFRESH=1 cargo test -p detectors-proofs --test cost -- --ignored";

#[test]
#[ignore = "builds two programs for release, and runs them under valgrind"]
fn the_allocator_costs_what_is_on_record() {
    if !measure::has_valgrind() {
        assert!(
            std::env::var_os("CI").is_none(),
            "valgrind counts the instructions, and isn't installed"
        );
        println!("not compared: valgrind isn't installed");
        return;
    }
    let subjects = Subjects::on_system().expect("the subjects build");
    let count = |program, mode| {
        let subject = Subject { program, mode };
        measure::instructions_of_a_round(&subjects, subject, "json").expect("a count")
    };
    let bare = count("alloc-bare-system", "bare");
    let counted =
        ["counting", "sampling"].map(|mode| (mode, count("alloc-profiling-system", mode) / bare));
    if std::env::var_os("REFRESH").is_some() {
        fs::write(RECORD, record(&counted)).expect("a writable record");
        return;
    }
    let on_record = fs::read_to_string(RECORD).expect("a record");
    for (mode, now) in counted {
        let then = of_mode(&on_record, mode);
        println!("{mode}: {now:.4}, on record {then:.4}");
        assert!(
            now < then + RISE,
            "{mode} costs {now:.4} times the instructions of the bare allocator on a burst of JSON. On record are {then:.4}, \
             and a rise of {RISE} fails: each program on this allocator pays it, all the time.\n\
             Either make it cheaper again (`cargo bench -p detectors --bench alloc -- --only tiny` shows the allocator alone),\n\
             or, where it is meant, record it and say why in the change: {REFRESH}"
        );
    }
}

fn record(counted: &[(&str, f64)]) -> String {
    let mut record = format!(
        "Instructions on a burst of JSON, one thread, as a ratio to the system's allocator bare. Written by\n{REFRESH}\n\n"
    );
    for (mode, ratio) in counted {
        writeln!(record, "{mode} {ratio:.4}").expect("writing to memory");
    }
    record
}

fn of_mode(record: &str, mode: &str) -> f64 {
    record
        .lines()
        .find_map(|line| line.strip_prefix(mode)?.trim().parse().ok())
        .unwrap_or_else(|| panic!("{RECORD} has no line for {mode}; write it: {REFRESH}"))
}
