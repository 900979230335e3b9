//! A user of `detectors` outside of this workspace: ten lines, and none of our compiler flags.
#![expect(clippy::unwrap_used, reason = "tests")]

use detectors::{Evidence, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn its_memory_test_costs_ten_lines() {
    let manifest = fs::read_to_string(user().join("Cargo.toml")).unwrap();
    let (_, from) = manifest.split_once("# Its memory test").unwrap();
    let (section, _) = from.split_once("\n# And").unwrap();
    let in_manifest = section
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .count();
    let in_test = fs::read_to_string(user().join("tests/memory.rs"))
        .unwrap()
        .lines()
        .count();
    assert_eq!((in_manifest, in_test), (5, 5));
}

/// Its steady service passes, its leak is caught with the line, and the evidence says what this build lacks.
#[test]
fn it_is_built_without_our_flags_and_sees_what_leaks() {
    let folder = copy();
    let evidence = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--target-dir"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("outside-user"))
        .current_dir(&folder)
        // Set and empty, it wins over the workspace's configuration, which cargo finds above this folder.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .env("DETECTORS_OUT", evidence.path())
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}\n{stderr}");
    for line in [
        "test visits_are_steady ... ok",
        "test the_audit_is_caught ... ok",
        "test a_vendored_package_is_not_the_services_own ... ok",
        "test a_package_beside_the_workspace_is_not_the_services_own ... ok",
        "test a_generic_of_a_vendored_package_is_not_the_services_own ... ok",
    ] {
        let mut lines = stdout.lines();
        let is_there = lines.any(|other| other.split_whitespace().eq(line.split_whitespace()));
        assert!(is_there, "lacks `{line}`:\n{stdout}\n{stderr}");
    }

    let steady = Evidence::read(&evidence.path().join("visits_are_steady")).unwrap();
    assert_eq!(steady.verdict, Verdict::Steady);
    let [frames, tasks] = &steady.instrument.lacks[..] else {
        panic!("lacks two things: {:?}", steady.instrument.lacks);
    };
    assert!(frames.contains("frame pointers") && tasks.contains("tokio_unstable"));

    let leak = Evidence::read(&evidence.path().join("the_audit_is_caught")).unwrap();
    let site = leak
        .findings
        .iter()
        .find_map(|finding| finding.at.as_ref())
        .unwrap();
    assert!(site.frame.function.contains("greet_with_audit"), "{site}");
    assert!(
        Path::new(&site.frame.file).ends_with("src/lib.rs"),
        "{site}"
    );
}

fn user() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("outside-user")
}

/// A copy in the target folder, with this workspace's versions: a build would write its lock file beside the manifest.
fn copy() -> PathBuf {
    let (from, to) = (
        user(),
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside-user"),
    );
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in [
        "src/lib.rs",
        "tests/memory.rs",
        "tests/caught.rs",
        "tests/whose.rs",
        ".cargo/config.toml",
        "vendor/vendored/Cargo.toml",
        "vendor/vendored/.cargo-checksum.json",
        "vendor/vendored/src/lib.rs",
    ] {
        fs::create_dir_all(to.join(file).parent().unwrap()).unwrap();
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    fs::copy(workspace.join("Cargo.lock"), to.join("Cargo.lock")).unwrap();
    let manifest = fs::read_to_string(from.join("Cargo.toml")).unwrap();
    let manifest = [
        ("../../detectors", "detectors"),
        ("../outside-neighbour", "tests/outside-neighbour"),
    ]
    .into_iter()
    .fold(manifest, |manifest, (from_there, from_here)| {
        let package = workspace.join(from_here).display().to_string();
        // A quoted Rust string is a TOML string, too.
        manifest.replace(&format!("{from_there:?}"), &format!("{package:?}"))
    });
    fs::write(to.join("Cargo.toml"), manifest).unwrap();
    to
}
