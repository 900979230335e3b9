//! One look at the command from end to end, as a reader's first quarter of an hour has it: welcomed by a leak, a chapter run and its
//! fix, the profile read. Every command, its errors and the service under load are `cargo test -p tests`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const CHAPTER: &str = "retained-subslices";

/// What the command needs of a workbook to run a chapter: the order of the chapters, and where each lies. The reader's own files,
/// such as their progress, stay as they are.
fn workbook() -> tempfile::TempDir {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("chapters");
    let copy = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target");
    let chapters = copy.path().join("chapters");
    fs::create_dir(&chapters).expect("an empty folder");
    fs::copy(real.join("SUMMARY.md"), chapters.join("SUMMARY.md")).expect("the summary");
    for entry in fs::read_dir(&real).expect("the chapters") {
        let chapter = entry.expect("the chapters").path();
        let manifest = chapter.join("Cargo.toml");
        if manifest.is_file() {
            let to = chapters.join(chapter.file_name().expect("a name"));
            fs::create_dir_all(to.join("src")).expect("a writable target");
            fs::copy(manifest, to.join("Cargo.toml")).expect("a writable target");
        }
    }
    copy
}

/// What the command printed, in the workbook.
#[track_caller]
fn leaks(workbook: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_leaks"))
        .args(arguments)
        .current_dir(workbook)
        .env("PWD", workbook)
        .env_remove("CARGO")
        .env_remove("DETECTORS_OUT")
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "leaks {arguments:?}: {}\n{printed}\n{errors}",
        output.status
    );
    printed
}

#[track_caller]
fn has(printed: &str, parts: &[&str]) {
    for part in parts {
        assert!(printed.contains(part), "no {part:?} in:\n{printed}");
    }
}

#[test]
fn a_readers_first_look() {
    let workbook = workbook();
    let workbook = workbook.path();
    let first = leaks(workbook, &[]);
    has(
        &first,
        &[
            "Welcome to the Leak Workbook.",
            "Verdict: leak",
            "leaks check",
        ],
    );
    has(&leaks(workbook, &["list"]), &[CHAPTER]);

    let report = leaks(
        workbook,
        &["run", CHAPTER, "--out", "leaky", "--format", "json"],
    );
    let report: serde_json::Value = serde_json::from_str(&report).expect("one JSON document");
    assert_eq!(report["verdict"], "leak");
    assert_eq!(report["class"], CHAPTER);
    // Who allocated what stays, and for whom.
    let found = report["findings"][0].to_string();
    has(&found, &["backend::receive", "src/leaky.rs"]);
    let fixed = leaks(workbook, &["run", CHAPTER, "--fixed", "--out", "fixed"]);
    has(&fixed, &["Verdict: steady"]);

    let top = leaks(workbook, &["top", "leaky/heap.pb.gz"]);
    has(&top, &["Type: inuse_space", "retained_subslices::leaky::"]);
    let drawing = fs::read_to_string(workbook.join("leaky/flamegraph.svg")).expect("it is drawn");
    has(&drawing, &["retained_subslices::leaky::"]);
}
