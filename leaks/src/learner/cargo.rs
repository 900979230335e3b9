//! Builds a chapter's test targets with cargo, and runs their tests one by one.

use super::child::{self, Ended, Errors, How, Stop};
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

/// The test target of a chapter that holds the exercise's tests.
pub(crate) const EXERCISE: &str = "exercise";

/// What came of a build.
pub(crate) enum Build {
    /// The test target's executable, and the compiler's warnings.
    Built(PathBuf, String),
    /// There is none.
    Failed(Refused),
}

/// Why there is no executable.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// What the compiler and cargo said, as they said it, with colours.
    pub(crate) said: String,
    /// The first lines that the compiler refuses, one for each of its errors.
    pub(crate) errors: Vec<Fault>,
}

/// One error of the compiler's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file, as the compiler names it: from the workbook's folder.
    pub(crate) file: PathBuf,
    /// `file:line:column`
    pub(crate) place: String,
    pub(crate) message: String,
}

/// One line of cargo's messages, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
    #[serde(rename = "message")]
    diagnostic: Option<Diagnostic>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Debug, Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    column_start: usize,
    is_primary: bool,
}

/// Builds the test target `target` of a chapter, until it is asked to stop. What the compiler says comes with the answer.
pub(crate) fn build(
    workspace: &Workspace,
    chapter: &Chapter,
    target: &str,
    stop: Option<&Stop>,
) -> Result<Build> {
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
        .arg("--message-format=json-diagnostic-rendered-ansi");
    if target == EXERCISE {
        // A reader waits for it on every save, and most of the file is as it was: a third of the time. Nothing else is built so.
        let incremental = format!("profile.dev.package.{}.incremental=true", chapter.name);
        command.args(["--config", &incremental]);
    }
    let ended =
        child::run_until(stop, command, Errors::Apart, None).map_err(|problem| match problem {
            Problem::Told { .. } => problem
                .next("Install Rust from https://rustup.rs, or set CARGO to where cargo lies."),
            other => other,
        })?;
    let diagnostics = diagnostics(&ended.output);
    let mut said: String = diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.rendered.as_deref())
        .collect();
    if !ended.how.is_success() {
        said.push_str(&ended.errors);
        let errors = diagnostics.iter().filter_map(fault).collect();
        return Ok(Build::Failed(Refused { said, errors }));
    }
    match executable_of(&ended.output, target) {
        Some(executable) => Ok(Build::Built(executable, said)),
        None => Err(Problem::new(format!(
            "cargo built no test target `{target}` of {}",
            chapter.name
        ))
        .next("Update Rust: rustup update")),
    }
}

/// Passes on what the compiler said, if anything.
pub(crate) fn told(said: &str) {
    if !said.is_empty() {
        workbook::note!(said.trim_end());
    }
}

fn diagnostics(output: &str) -> Vec<Diagnostic> {
    let messages = output.lines();
    messages
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter_map(|message| message.diagnostic)
        .collect()
}

/// Where an error is; `None` for a warning, and for what has no place.
fn fault(diagnostic: &Diagnostic) -> Option<Fault> {
    let is_error = diagnostic.level.starts_with("error");
    let span = diagnostic.spans.iter().find(|span| span.is_primary)?;
    let file = without_detours(&span.file_name);
    is_error.then(|| Fault {
        place: format!("{file}:{}:{}", span.line_start, span.column_start),
        file: file.into(),
        message: diagnostic.message.clone(),
    })
}

/// `tests/../src/exercise.rs`, as a test names the file that it takes in, is `src/exercise.rs`.
fn without_detours(file: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in file.split('/') {
        if part == ".." && parts.last().is_some_and(|last| *last != "..") {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
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
    executable: PathBuf,
    scratch: tempfile::TempDir,
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
        let ended = self.command(&["--list", "--format", "terse"], None)?;
        let names = ended
            .output
            .lines()
            .filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }

    /// Runs one test, whether it is marked as ignored or not.
    pub(crate) fn run(&self, name: &str) -> Result<Said> {
        self.run_until(None, name)
    }

    /// As [`run`](Self::run), or until it is asked to stop.
    pub(crate) fn run_until(&self, stop: Option<&Stop>, name: &str) -> Result<Said> {
        let ended = self.command(&["--include-ignored", "--exact", name], stop)?;
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

    fn command(&self, arguments: &[&str], stop: Option<&Stop>) -> Result<Ended> {
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
        child::run_until(stop, command, Errors::Kept, Some(DEADLINE))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_with_its_place_and_a_warning_is_none() {
        let message = |level: &str| {
            format!(
                "{{\"reason\":\"compiler-message\",\"target\":{{\"name\":\"exercise\"}},\"message\":{{\"level\":\"{level}\",\
                 \"message\":\"expected `{{`\",\"rendered\":\"as rustc says it\",\"spans\":[{{\"file_name\":\
                 \"chapters/a/tests/../src/exercise.rs\",\"line_start\":3,\"column_start\":7,\"is_primary\":true}}]}}}}\n"
            )
        };
        let output = message("error") + &message("warning") + "no json\n";
        let read = diagnostics(&output);
        assert_eq!(read.len(), 2);
        let faults: Vec<Fault> = read.iter().filter_map(fault).collect();
        let expected = Fault {
            file: "chapters/a/src/exercise.rs".into(),
            place: "chapters/a/src/exercise.rs:3:7".to_owned(),
            message: "expected `{`".to_owned(),
        };
        assert_eq!(faults, [expected]);
    }
}
