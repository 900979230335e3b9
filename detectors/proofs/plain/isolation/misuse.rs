//! What `tests!` refuses: when it is compiled, or else when it is run. Always in words.

use super::runs::{Ran, library, program};
use std::path::Path;

#[test]
fn an_attribute_without_a_meaning_is_refused() {
    let refused = |attribute: &str, text: &str| {
        let source = format!("detectors::tests! {{ {attribute} fn lookups() {{}} }}");
        compile(scratch().path(), &source, &[])
            .exits(1)
            .prints(text);
    };
    refused(
        "#[test]",
        "`#[test]` has no meaning in detectors::tests!; it takes ignore, should_panic(expected = \"..\")",
    );
    refused(
        "#[cfg(unix)]",
        "`#[cfg(unix)]` has no meaning in detectors::tests!",
    );
    refused(
        "#[tokio::test(flavor = \"multi_thread\")]",
        "has no meaning in detectors::tests!",
    );
    refused(
        "#[deadline(minutes = 1)]",
        "`#[deadline(minutes = 1)]` has no meaning",
    );
}

#[test]
fn what_is_no_test_is_refused() {
    let refused = |item: &str| {
        let source = format!("detectors::tests! {{ fn lookups() {{}} {item} }}");
        compile(scratch().path(), &source, &[])
            .exits(1)
            .prints("detectors::tests! takes functions without arguments");
    };
    refused("fn with_an_argument(number: u32) {}");
    refused("struct NoTest;");
}

#[test]
fn a_file_without_harness_false_fails_and_says_what_to_write() {
    let scratch = scratch();
    let source = "detectors::tests! { fn lookups() { panic!(\"never runs\") } }";
    compile(scratch.path(), source, &["--test"]).exits(0);
    Ran::of(&mut program(scratch.path().join("memory")))
        .exits(101)
        .prints("none of its tests ran.")
        .prints("Add to Cargo.toml, below a [[test]] with this file's name: harness = false");
}

#[test]
fn a_test_that_would_never_run_is_told_by_its_line() {
    let scratch = scratch();
    let source =
        "detectors::tests! {\n    fn lookups() {}\n}\n\n#[test]\nfn never_runs() { panic!() }\n";
    compile(scratch.path(), source, &["--cfg", "test"]).exits(0);
    Ran::of(&mut program(scratch.path().join("memory")))
        .exits(101)
        .prints("1 passed; 1 failed")
        .prints("a #[test] beside detectors::tests! never runs, since this file brings its own harness: memory.rs:5")
        .prints("Move it into detectors::tests! { .. }, without its #[test], or into a file of its own.");
}

pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Compiles `memory.rs` as cargo would for a package in that folder, against this library as it was built.
pub(crate) fn compile(folder: &Path, source: &str, arguments: &[&str]) -> Ran {
    std::fs::write(folder.join("memory.rs"), source).unwrap();
    let library = library();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Ran::of(
        program(compiler)
            .current_dir(folder)
            .env("CARGO_MANIFEST_DIR", folder)
            .args(["--edition=2024", "memory.rs"])
            .args(arguments)
            .arg("--extern")
            .arg(format!("detectors={}", library.display()))
            .arg("-L")
            .arg(format!(
                "dependency={}",
                library.with_file_name("deps").display()
            ))
            .arg("-L")
            .arg(format!(
                "dependency={}",
                library.parent().unwrap().display()
            )),
    )
}
