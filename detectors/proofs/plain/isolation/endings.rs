//! Every way in which a test's process can end, and the words for it.

use super::runs::{Ran, subject};

/// One text for all, in the order of their names: what a person sees who runs every one that misbehaves.
#[test]
fn each_is_told_in_words_and_none_counts_as_passed() {
    let ran = Ran::of(&mut subject([
        "--ignored",
        "--skip=is_ignored_without_a_reason",
        "--skip=zzz",
        "--skip=too_much",
        "--test-threads=1",
    ]));
    let ran = ran.exits(101);
    insta::with_settings!({
        filters => [
            (r"finished in [0-9.]+m?s", "finished in [TIME]"),
            (r"thread 'main' \(\d+\)", "thread 'main' ([ID])"),
            (r"other process: \d+", "other process: [ID]"),
        ]
    }, {
        insta::assert_snapshot!(ran.stdout);
    });
}

#[test]
fn good_ones_pass() {
    let ran = Ran::of(&mut subject([]))
        .exits(0)
        .prints("5 passed; 0 failed; 16 ignored");
    for (test, outcome) in [
        ("is_ignored_without_a_reason", "... ignored"),
        ("aborts", "... ignored (misbehaves on purpose)"),
    ] {
        let start = format!("test {test} ");
        let line = ran.stdout.lines().find(|line| line.starts_with(&start));
        assert!(line.is_some_and(|line| line.ends_with(outcome)), "{line:?}");
    }
}

#[test]
fn long_output_keeps_its_first_and_last_words() {
    let ran = Ran::of(&mut subject(["--ignored", "prints_too_much"]))
        .exits(101)
        .prints("the first words")
        .prints("bytes left out")
        .prints("the last words");
    assert!(ran.stdout.len() < 80_000, "{} bytes", ran.stdout.len());
}

#[test]
fn a_test_without_a_place_for_its_output_says_what_it_needs() {
    Ran::of(subject(["--exact", "passes"]).env("TMPDIR", "/dev/null/nowhere"))
        .exits(101)
        .prints("`passes` needs a process of its own and can't have one")
        .prints("the free space of the temporary folder");
}
