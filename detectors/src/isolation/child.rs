//! The child's side: runs one test on the main thread and leaves a word on how it ended.

use super::IsolatedTest;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

/// Names the test that this process is to run.
pub(super) const TEST_VARIABLE: &str = "DETECTORS_ISOLATED_TEST";
/// Names the file for the word on how it ended.
pub(super) const ENDING_VARIABLE: &str = "DETECTORS_ISOLATED_ENDING";

/// How a test's body ended. No word at all means that the body never came to its end: it left the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    Passed,
    Failed,
    Panicked(String),
}

static CURRENT: OnceLock<String> = OnceLock::new();

/// The test that this process runs, when it is a test's own process.
pub(crate) fn current_test() -> Option<String> {
    CURRENT.get().cloned()
}

/// Runs the test that the environment names; `None` when this is no child.
pub(super) fn run_if_chosen(tests: &[IsolatedTest]) -> Option<ExitCode> {
    let name = std::env::var(TEST_VARIABLE).ok()?;
    let ending_file = std::env::var_os(ENDING_VARIABLE)?;
    let Some(test) = tests.iter().find(|test| test.name == name) else {
        eprintln!(
            "detectors: this binary has no test `{name}`; {TEST_VARIABLE} is for detectors' own use"
        );
        return Some(ExitCode::from(2));
    };
    end_with_parent();
    CURRENT.get_or_init(|| name);
    let (ending, exit_code) = match catch_unwind(AssertUnwindSafe(test.body)) {
        Ok(code) if code == ExitCode::SUCCESS => (Ending::Passed, code),
        Ok(code) => (Ending::Failed, code),
        Err(payload) => (Ending::Panicked(message(&*payload)), ExitCode::from(101)),
    };
    if let Err(error) = leave_word(&ending, Path::new(&ending_file)) {
        eprintln!("detectors: the test ended ({ending:?}), and its parent can't be told: {error}");
    }
    Some(exit_code)
}

fn leave_word(ending: &Ending, file: &Path) -> std::io::Result<()> {
    std::fs::write(file, serde_json::to_vec(ending)?)
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

/// An interrupted or killed parent takes its children with it.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        // Refused only for a signal that doesn't exist.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}
