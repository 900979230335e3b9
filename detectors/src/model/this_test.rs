//! The test that this process runs, when it is a test's own process: the harness says so once, and whoever names the test asks here.

use std::sync::OnceLock;

static NAME: OnceLock<String> = OnceLock::new();

/// Says that this process runs this test and nothing else.
#[cfg(feature = "harness")]
pub(crate) fn is(name: &str) {
    NAME.get_or_init(|| name.to_owned());
}

/// The test's name within its program; `None` where the process isn't a test's own.
pub(crate) fn name() -> Option<String> {
    NAME.get().cloned()
}

/// The command that runs this very test again.
pub(crate) fn again() -> String {
    let test = name().map_or_else(String::new, |test| {
        let package = std::env::var("CARGO_PKG_NAME")
            .map_or_else(|_| String::new(), |name| format!(" -p {name}"));
        let target = target().map_or_else(String::new, |name| format!(" --test {name}"));
        format!("{package}{target} -- --exact {test} --include-ignored")
    });
    format!("cargo test{test}")
}

/// The test target's name: the binary's file name without the hash that cargo appends.
fn target() -> Option<String> {
    let binary = std::env::current_exe().ok()?;
    let stem = binary.file_stem()?.to_str()?;
    let (name, _hash) = stem.rsplit_once('-')?;
    Some(name.to_owned())
}
