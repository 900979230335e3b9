//! The parent's side: starts the child, waits with a deadline, and puts into words how it ended.

use super::child::{ENDING_VARIABLE, Ending, TEST_VARIABLE};
use super::{IsolatedTest, Panics};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What becomes of the child's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Goes into the failure message.
    OnFailure,
    /// The same, and is printed when the test passes too.
    Show,
    /// Goes straight to the terminal.
    PassOn,
}

/// More than this of a child's output is cut in the middle: both its first and its last words matter.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// How dhat's closing lines begin: where a profile went that is gone already.
const DHAT_CLOSING: [&str; 4] = [
    "dhat: Total:",
    "dhat: At t-gmax:",
    "dhat: At t-end:",
    "dhat: The data",
];

/// The first look at a child comes soon, the later ones at most this far apart.
const LOOK_EVERY_MAX: Duration = Duration::from_millis(20);

/// How a child left.
enum Left {
    Exited(ExitStatus),
    /// It was ended at its deadline.
    Overdue,
}

/// Runs one test in a child. The error is the failure message.
pub(super) fn run(test: &IsolatedTest, output: Output) -> Result<(), String> {
    let mut printed = tempfile::tempfile().map_err(|error| no_child(test, &error))?;
    let ending_file = tempfile::NamedTempFile::new().map_err(|error| no_child(test, &error))?;
    let left = start(test, output, &printed, ending_file.path())
        .and_then(|child| wait(child, test.deadline))
        .map_err(|error| no_child(test, &error))?;
    let ending = std::fs::read(ending_file.path())
        .ok()
        .and_then(|word| serde_json::from_slice(&word).ok());

    let shown = match output {
        Output::PassOn => "its output is above".to_owned(),
        Output::OnFailure | Output::Show => read_back(&mut printed)
            .unwrap_or_else(|error| format!("(its output can't be read: {error})")),
    };
    if output == Output::Show && !shown.is_empty() {
        let mut terminal = io::stdout().lock();
        // A closed terminal is no reason to fail a test.
        let _ = writeln!(terminal, "---- {} printed ----\n{shown}", test.name);
    }
    match judge(test, &left, ending.as_ref()) {
        None => Ok(()),
        Some(what) if output == Output::PassOn => Err(format!("{what}; {shown}")),
        Some(what) if shown.is_empty() => Err(format!("{what}; it printed nothing")),
        Some(what) => Err(format!("{what}; it printed:\n{shown}")),
    }
}

fn start(
    test: &IsolatedTest,
    output: Output,
    printed: &File,
    ending_file: &std::path::Path,
) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .env(TEST_VARIABLE, test.name)
        .env(ENDING_VARIABLE, ending_file)
        .stdin(Stdio::null());
    if output != Output::PassOn {
        // One file for both streams keeps their lines in order, and no pipe can fill up.
        command
            .stdout(printed.try_clone()?)
            .stderr(printed.try_clone()?);
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

fn wait(mut child: Child, deadline: Duration) -> io::Result<Left> {
    let started = Instant::now();
    let mut look_again = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Left::Exited(status));
        }
        if started.elapsed() >= deadline {
            end(&mut child)?;
            return Ok(Left::Overdue);
        }
        std::thread::sleep(look_again);
        look_again = (look_again * 2).min(LOOK_EVERY_MAX);
    }
}

/// Ends the child and all that it started, and waits until it is gone.
fn end(child: &mut Child) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself in this moment.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    child.kill()?;
    child.wait().map(drop)
}

/// What is wrong; `None` when the test passed.
fn judge(test: &IsolatedTest, left: &Left, ending: Option<&Ending>) -> Option<String> {
    let name = test.name;
    let status = match left {
        Left::Overdue => {
            return Some(format!(
                "`{name}` was still running after {} s and was ended; a workload that can't be interrupted hangs, \
                 or #[deadline(seconds = ..)] is too short for it",
                test.deadline.as_secs()
            ));
        }
        Left::Exited(status) => status,
    };
    match (ending, test.panics) {
        (Some(Ending::Passed), Panics::Never) => None,
        (Some(Ending::Passed), Panics::With(_)) => {
            Some(format!("`{name}` should have panicked and did not"))
        }
        (Some(Ending::Panicked(message)), Panics::With(expected)) => {
            (!message.contains(expected)).then(|| {
                format!(
                    "`{name}` panicked as it should, but its message lacks `{expected}`; the message: {message}"
                )
            })
        }
        (Some(Ending::Panicked(_)), Panics::Never) => Some(format!("`{name}` panicked")),
        (Some(Ending::Failed), _) => Some(format!("`{name}` returned an error")),
        (None, _) => Some(format!(
            "`{name}` ended its process before the test was over ({status}): the workload exits, aborts, or was killed"
        )),
    }
}

/// The output so far, cut in the middle if it is long, without dhat's own closing lines.
fn read_back(printed: &mut File) -> io::Result<String> {
    let length = printed.seek(SeekFrom::End(0))?;
    let half = OUTPUT_BYTES_MAX / 2;
    let mut text = Vec::new();
    if length <= OUTPUT_BYTES_MAX {
        printed.seek(SeekFrom::Start(0))?;
        printed.read_to_end(&mut text)?;
    } else {
        printed.seek(SeekFrom::Start(0))?;
        Read::by_ref(printed).take(half).read_to_end(&mut text)?;
        write!(text, "\n... {} bytes left out ...\n", length - 2 * half)?;
        printed.seek(SeekFrom::Start(length - half))?;
        printed.read_to_end(&mut text)?;
    }
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !DHAT_CLOSING.iter().any(|closing| line.starts_with(closing)))
        .collect();
    Ok(lines.join("\n").trim_end().to_owned())
}

fn no_child(test: &IsolatedTest, error: &io::Error) -> String {
    format!(
        "`{}` needs a process of its own and can't have one: {error}; look at the free space of the temporary folder and \
         at the limit of processes (ulimit -u)",
        test.name
    )
}
