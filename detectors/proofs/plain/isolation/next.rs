//! The last line of a failure is a command, and it runs as it stands.

use super::runs::{Ran, built, cargo, program, target_folder};
use std::path::Path;

#[test]
fn the_next_command_keeps_the_evidence_and_the_one_after_names_it() {
    let test = "complaints::a_leak_to_follow";
    // As a folder is named after it.
    let folder = "complaints-a_leak_to_follow";
    let ran = Ran::of(&mut cargo(
        "test",
        [
            "--test=instruments",
            "--",
            "--exact",
            test,
            "--include-ignored",
        ],
    ));
    let next = next_command(&ran.exits(101).stdout);
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    // As typed, but into a scratch folder instead of the current one.
    let next = next.replace("$PWD", scratch.path().to_str().unwrap());
    let ran = Ran::of(
        program("sh")
            .args(["-c", &next])
            .env("CARGO_TARGET_DIR", target_folder())
            .current_dir(package),
    );
    let kept = scratch
        .path()
        .join("target/memory")
        .join(folder)
        .join("heap.pb.gz");
    assert!(kept.is_file(), "{}\n{}", ran.stdout, ran.stderr);
    let after = next_command(&ran.exits(101).stdout);
    let shown = kept.strip_prefix(package).unwrap_or(&kept);
    assert_eq!(after, format!("go tool pprof -top '{}'", shown.display()));
}

/// Where it can't be kept, the test's own result stands, and the reason is told.
#[test]
fn a_folder_that_cannot_be_written_is_told_and_changes_no_result() {
    let ran = Ran::of(
        program(built("instruments"))
            .args([
                "--exact",
                "complaints::a_leak_to_follow",
                "--include-ignored",
            ])
            .env("DETECTORS_OUT", "/dev/null/below"),
    );
    ran.exits(101)
        .prints(
            "detectors: the evidence isn't kept: /dev/null/below/complaints-a_leak_to_follow can't be made:",
        )
        .prints("DETECTORS_OUT takes a folder with room and write access")
        .prints("expected steady, saw leak");
}

#[test]
fn an_empty_variable_keeps_nothing() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    Ran::of(
        program(built("instruments"))
            .args([
                "--exact",
                "complaints::a_leak_to_follow",
                "--include-ignored",
            ])
            .env("DETECTORS_OUT", "")
            .current_dir(scratch.path()),
    )
    .exits(101)
    .prints_nowhere("isn't kept");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

/// A disk that is full in the middle of a file: the limit stands in for it.
#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let instruments = built("instruments");
    Ran::of(
        program("sh")
            // In units of 512 bytes; without the signal, writing fails as it does on a full disk.
            .args(["-c", "trap '' XFSZ; ulimit -f 40; exec \"$0\" --exact complaints::a_leak_to_follow --include-ignored"])
            .arg(instruments)
            .env("DETECTORS_OUT", scratch.path()),
    )
    .exits(101)
    .prints("report.json can't be written:");
    let folder = scratch.path().join("complaints-a_leak_to_follow");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

fn next_command(printed: &str) -> String {
    let mut lines = printed
        .lines()
        .skip_while(|line| !line.starts_with("next: "));
    lines.nth(1).unwrap_or_default().trim().to_owned()
}
