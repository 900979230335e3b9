//! Runs programs and says what they printed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What a program printed and how it ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "lacks `{text}`:\n{}\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub(crate) fn prints_nowhere(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "has `{text}`:\n{}\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

/// The subject's binary with these arguments.
pub(crate) fn subject<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = program(built("subject"));
    command.args(arguments);
    command
}

/// `cargo test` of this package, or another command, into the same target folder: nothing is built again.
pub(crate) fn cargo<const N: usize>(subcommand: &str, arguments: [&str; N]) -> Command {
    let mut command = program(env!("CARGO"));
    command
        .args(subcommand.split(' '))
        .args([
            "--offline",
            "--package",
            env!("CARGO_PKG_NAME"),
            "--target-dir",
        ])
        .arg(target_folder())
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

pub(crate) fn target_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// The binary of a test target of this package.
pub(crate) fn built(target: &str) -> PathBuf {
    artefact(target, |artefact| artefact["executable"].as_str())
}

/// This library as the compiler takes it.
pub(crate) fn library() -> PathBuf {
    artefact("detectors", |artefact| {
        let files = artefact["filenames"].as_array()?;
        let mut names = files.iter().filter_map(serde_json::Value::as_str);
        names.find(|name| Path::new(name).extension() == Some("rlib".as_ref()))
    })
}

fn artefact(target: &str, file: impl Fn(&serde_json::Value) -> Option<&str>) -> PathBuf {
    static MESSAGES: LazyLock<Vec<serde_json::Value>> = LazyLock::new(|| {
        let ran = Ran::of(&mut cargo(
            "test",
            [
                "--no-run",
                "--test=subject",
                "--test=instruments",
                "--message-format=json",
            ],
        ));
        let ran = ran.exits(0);
        let lines = ran.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    });
    let of_target = MESSAGES
        .iter()
        .filter(|message| message["target"]["name"] == target);
    let found = of_target.filter_map(file).next_back();
    found.expect("cargo names what it built").into()
}

/// A program of which the developer's shell asks nothing that it asks of tests.
pub(crate) fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    for variable in [
        "RUST_BACKTRACE",
        "RUST_TEST_THREADS",
        "RUST_TEST_NOCAPTURE",
        "DETECTORS_OUT",
        "DETECTORS_DEADLINE",
    ] {
        command.env_remove(variable);
    }
    command
}
