//! The child's side: runs one test on the main thread and leaves a word on how it ended.

use super::NamedTest;
use crate::model::{this_test, thread_cache};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::fs::File;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The first argument of a child; the test's name and the parent's process number follow. Arguments, since a variable
/// would go on to every process that the test starts, and a test binary among them would take itself for a child.
pub(super) const CHILD_ARGUMENT: &str = "--detectors-isolated-test";

/// How a test's body ended. No word at all means that the body never came to its end: it left the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    Passed,
    Failed,
    Panicked(String),
}

/// Runs the test that the arguments name; `None` when this is no child.
pub(super) fn run_if_chosen(tests: &[NamedTest]) -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != CHILD_ARGUMENT {
        return None;
    }
    let name = arguments.next().and_then(|name| name.into_string().ok());
    let parent = arguments.next().and_then(|id| id.to_str()?.parse().ok());
    let chosen = tests
        .iter()
        .find(|test| Some(test.name.as_str()) == name.as_deref());
    let (Some(test), Some(parent)) = (chosen, parent) else {
        eprintln!(
            "detectors: {CHILD_ARGUMENT} is for this binary's own use; name a test without it"
        );
        return Some(ExitCode::from(2));
    };
    end_with_parent(parent);
    thread_cache::was_started_without();
    this_test::is(&test.name);
    let ending_file = ending_file();
    let (ending, exit_code) = match catch_unwind(AssertUnwindSafe(test.test.body)) {
        Ok(code) if code == ExitCode::SUCCESS => (Ending::Passed, code),
        Ok(code) => (Ending::Failed, code),
        Err(payload) => (Ending::Panicked(message(&*payload)), ExitCode::from(101)),
    };
    if let Err(error) = ending_file.and_then(|file| leave_word(&ending, file)) {
        eprintln!("detectors: the test ended ({ending:?}), and its parent can't be told: {error}");
    }
    Some(exit_code)
}

/// The file for the word on how it ended: the parent gives it as standard input. So it needs no name, and nothing is left
/// behind however parent and child end.
fn ending_file() -> io::Result<File> {
    #[cfg(unix)]
    let file = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?;
    #[cfg(windows)]
    let file = std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned()?;
    Ok(file.into())
}

fn leave_word(ending: &Ending, mut file: File) -> io::Result<()> {
    file.write_all(&serde_json::to_vec(ending)?)
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

/// An interrupted or killed parent takes its child with it. Only Linux offers that.
#[cfg(target_os = "linux")]
fn end_with_parent(parent: u32) {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
    // Refused only for a signal that doesn't exist.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let parent = i32::try_from(parent).ok().and_then(Pid::from_raw);
    if getppid() != parent {
        // It was gone before the signal was asked for.
        std::process::exit(1);
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_parent: u32) {}
