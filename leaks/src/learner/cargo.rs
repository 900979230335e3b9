//! Builds a chapter's test targets with cargo, and runs their tests one by one.

use super::child::{self, Ended, Errors, How};
use detectors::Evidence;
use serde::Deserialize;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use workbook::problem::{Problem, Result};
use workbook::say;
use workbook::workspace::{Chapter, Workspace};

/// When a test that doesn't end is killed. A test ends its own workload earlier unless it hangs outside of it.
const DEADLINE: Duration = Duration::from_mins(2);

/// What came of a build.
pub(crate) enum Build {
    /// The test target's executable.
    Built(PathBuf),
    /// The compiler has said why not, on standard error.
    Failed,
}

/// One line of cargo's messages, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

/// Builds the test target `target` of a chapter. The compiler's messages go to standard error.
pub(crate) fn build(workspace: &Workspace, chapter: &Chapter, target: &str) -> Result<Build> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command
        .current_dir(&workspace.root)
        .args([
            "test",
            "--quiet",
            "--no-run",
            "--package",
            &chapter.name,
            "--test",
            target,
        ])
        // Beside this command cargo chooses the libraries' features as for this command, and finds them built.
        .args(["--package", env!("CARGO_PKG_NAME")])
        .arg("--message-format=json-render-diagnostics");
    let ended = child::run(command, Errors::Shown, None).map_err(|problem| match problem {
        Problem::Told { .. } => {
            problem.next("Install Rust from https://rustup.rs, or set CARGO to where cargo lies.")
        }
        other => other,
    })?;
    if !ended.how.is_success() {
        return Ok(Build::Failed);
    }
    match executable_of(&ended.output, target) {
        Some(executable) => Ok(Build::Built(executable)),
        None => Err(Problem::new(format!(
            "cargo built no test target `{target}` of {}",
            chapter.name
        ))
        .next("Update Rust: rustup update")),
    }
}

/// The executable of a target, from what cargo printed in its format for messages.
pub(crate) fn executable_of(output: &str, target: &str) -> Option<PathBuf> {
    output
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| {
            message
                .target
                .as_ref()
                .is_some_and(|built| built.name == target)
        })
        .find_map(|message| message.executable)
}

/// A chapter's built test target, and the folder that its tests leave their evidence in.
pub(crate) struct Tests<'a> {
    pub(crate) chapter: &'a Chapter,
    pub(crate) executable: PathBuf,
    pub(crate) scratch: tempfile::TempDir,
}

/// What one test said.
pub(crate) struct Said {
    pub(crate) passed: bool,
    /// Why not, in the test's own words; how it ended where it had none.
    pub(crate) message: String,
    /// What it measured, if it came so far.
    pub(crate) evidence: Option<Evidence>,
}

impl<'a> Tests<'a> {
    pub(crate) fn new(chapter: &'a Chapter, executable: PathBuf) -> Result<Self> {
        let scratch = tempfile::tempdir().map_err(|error| {
            Problem::new("can't make a scratch folder for the tests")
                .because(error)
                .next("Free some space, or set TMPDIR to a folder that can be written.")
        })?;
        Ok(Tests {
            chapter,
            executable,
            scratch,
        })
    }

    /// The names of all tests.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let ended = self.command(&["--list", "--format", "terse"])?;
        let names = ended
            .output
            .lines()
            .filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }

    /// Runs one test, whether it is marked as ignored or not.
    pub(crate) fn run(&self, name: &str) -> Result<Said> {
        let ended = self.command(&["--include-ignored", "--exact", name])?;
        let ran = ended
            .output
            .lines()
            .any(|line| line.trim() == "running 1 test");
        if ended.how.is_success() && !ran {
            return Err(Problem::new(format!(
                "{} has no test `{name}`",
                say::path(&self.executable)
            ))
            .next("The chapter's tests/ folder is not as it was shipped: git status"));
        }
        // A module's `::` is nothing for a folder's name.
        let folder = self.scratch.path().join(name.replace("::", "-"));
        Ok(Said {
            passed: ended.how.is_success(),
            message: message(&ended, name),
            evidence: Evidence::read(&folder).ok(),
        })
    }

    fn command(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = Command::new(&self.executable);
        command
            // As under cargo, so that a test may read files beside its manifest.
            .current_dir(&self.chapter.folder)
            .env("CARGO_MANIFEST_DIR", &self.chapter.folder)
            .env("CARGO_PKG_NAME", &self.chapter.name)
            .env("DETECTORS_OUT", self.scratch.path())
            // A failure's words are for the reader; the harness' own stack below them is not.
            .env("RUST_BACKTRACE", "0")
            .args(arguments);
        child::run(command, Errors::Kept, Some(DEADLINE))
    }
}

/// A failed test's own words: what the harness prints below the test's name.
fn message(ended: &Ended, name: &str) -> String {
    let below = ended
        .output
        .split_once(&format!("---- {name} ----"))
        .map(|(_, below)| below.split("\nfailures:\n").next().unwrap_or(below).trim());
    match below {
        Some(words) if !words.is_empty() => words.to_owned(),
        _ if matches!(ended.how, How::With(status) if status.success()) => String::new(),
        _ => format!("{}\n{}", ended.how, ended.output.trim())
            .trim()
            .to_owned(),
    }
}
