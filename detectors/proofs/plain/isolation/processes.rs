//! No process outlives its test, and no file is left behind.

use super::runs::{Ran, program, subject};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

#[test]
fn what_a_test_started_ends_with_it_when_it_passes() {
    let ran = Ran::of(&mut subject([
        "--ignored",
        "leaves_another_process",
        "--show-output",
    ]));
    ends(other_process(&ran.exits(0).stdout));
}

#[test]
fn what_a_test_started_ends_with_it_at_its_deadline() {
    let ran = Ran::of(&mut subject(["--ignored", "waits_with_another_process"]))
        .exits(101)
        .prints(
            "was still running at its deadline of 1 s, and was ended with all that it had started",
        );
    ends(other_process(&ran.stdout));
}

#[test]
fn a_killed_parent_takes_its_child_with_it_and_leaves_no_file() {
    a_signal_to_the_parent_ends_both(Signal::KILL);
}

#[test]
fn an_interrupted_parent_takes_its_child_with_it_and_leaves_no_file() {
    a_signal_to_the_parent_ends_both(Signal::INT);
}

#[test]
fn no_file_is_left_behind() {
    let scratch = scratch();
    Ran::of(subject(["--include-ignored", "pa"]).env("TMPDIR", scratch.path())).exits(101);
    assert_eq!(names_in(scratch.path()), [""; 0]);
}

fn a_signal_to_the_parent_ends_both(signal: Signal) {
    let (scratch, elsewhere) = (scratch(), scratch());
    let number_file = elsewhere.path().join("number");
    let subject = subject(["--ignored", "tells_its_number_and_waits"]);
    // What runs in the background ignores Ctrl-C, and so would everything that it starts.
    let mut command = program("env");
    command
        .arg("--default-signal=INT")
        .arg(subject.get_program())
        .args(subject.get_args())
        .env("TMPDIR", scratch.path())
        .env("SUBJECT_NUMBER_FILE", &number_file)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut parent = Ended(command.spawn().unwrap());
    let child = wait_for("the child tells its number", || {
        std::fs::read_to_string(&number_file).ok()?.parse().ok()
    });
    kill_process(Pid::from_child(&parent.0), signal).unwrap();
    wait_for("the parent ends", || parent.0.try_wait().unwrap());
    ends(child);
    assert_eq!(names_in(scratch.path()), [""; 0]);
}

/// A parent that a failing test leaves is ended, too.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn other_process(printed: &str) -> u32 {
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("other process: "));
    line.unwrap().parse().unwrap()
}

#[track_caller]
fn ends(process: u32) {
    wait_for("the process ends", || (!is_running(process)).then_some(()));
}

/// A process that ended may stay listed, as `Z`, until whoever inherited it looks.
fn is_running(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        let (_name, after) = stat.rsplit_once(") ").unwrap();
        !after.starts_with('Z')
    })
}

/// Looks until it is so; gives up after a time that only a fault needs.
#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
