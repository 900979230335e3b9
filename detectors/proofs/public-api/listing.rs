//! What a user may name doesn't change unseen: each public item, field, variant and impl is compared with the listing beside its
//! package.
//!
//! The listing is rustdoc's own, as JSON, which stable Rust writes only when it is asked as the compiler's own build asks. So this is
//! an author's test, and a new Rust may need a new release of the crate that reads it.
#![expect(clippy::expect_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const REFRESH: &str = "REFRESH=1 cargo test -p detectors-public-api -- --ignored";

#[test]
#[ignore = "asks rustdoc, for which all libraries are looked at anew"]
fn the_library_is_as_listed() {
    is_as_listed("detectors", "../../public-api.txt");
}

#[test]
#[ignore = "asks rustdoc, for which all libraries are looked at anew"]
fn what_jemalloc_says_is_as_listed() {
    is_as_listed("detectors-jemalloc", "../../jemalloc/public-api.txt");
}

fn is_as_listed(package: &str, listing: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(listing);
    let now = listed(package);
    if std::env::var_os("REFRESH").is_some() {
        fs::write(&path, now).expect("a writable listing");
        return;
    }
    let before = fs::read_to_string(&path).unwrap_or_default();
    let lines = |text| -> BTreeSet<String> { str::lines(text).map(str::to_owned).collect() };
    let (before, now) = (lines(before.as_str()), lines(now.as_str()));
    let gone: Vec<_> = before
        .difference(&now)
        .map(|line| format!("- {line}"))
        .collect();
    let new: Vec<_> = now
        .difference(&before)
        .map(|line| format!("+ {line}"))
        .collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "the public items of {package} are not those in {}:\n{}\n{}\n\
         Where that is meant, say it in CHANGELOG.md, and refresh the listing: {REFRESH}",
        path.display(),
        gone.join("\n"),
        new.join("\n")
    );
}

/// Every public item with its whole signature, a line each.
fn listed(package: &str) -> String {
    // Nothing is linked, so jemalloc isn't built: its library is an archive without content.
    let jemalloc = tests_folder().join("libjemalloc.a");
    fs::write(&jemalloc, "!<arch>\n").expect("a writable target folder");
    let mut command = Command::new(env!("CARGO"));
    command
        .args([
            "rustdoc",
            "--quiet",
            "--lib",
            "--all-features",
            "-p",
            package,
        ])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTDOC", stable_rustdoc())
        .env("JEMALLOC_OVERRIDE", jemalloc)
        .env_remove("RUSTDOCFLAGS");
    let status = command.status().expect("cargo runs");
    assert!(status.success(), "rustdoc ends with {status}");
    let json = tests_folder()
        .with_file_name("doc")
        .join(package.replace('-', "_"))
        .with_extension("json");
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .expect("a listing that the crate public-api can read: a new Rust may need a newer release of it");
    format!("{api}")
}

/// A rustdoc that writes JSON on stable Rust. It alone is asked so, and not the compiler: what cargo has built stays as it is.
fn stable_rustdoc() -> PathBuf {
    let script = tests_folder().join("rustdoc-that-writes-json");
    fs::write(
        &script,
        "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n",
    )
    .expect("a writable target folder");
    let may_be_run = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&script, may_be_run).expect("a file of our own");
    script
}

/// The folder for tests' files, beside which cargo writes documentation.
fn tests_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
