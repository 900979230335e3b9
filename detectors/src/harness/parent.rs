//! The parent's side: starts the child, waits with a deadline, and puts into words how it ended.

use super::child::{CHILD_ARGUMENT, Ending};
use super::{NamedTest, Panics};
use crate::model::thread_cache;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::{Child, Command, ExitStatus};
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
    /// It was ended at this deadline.
    Overdue(Duration),
}

/// Runs one test in a child. The error is the failure message.
pub(super) fn run(test: &NamedTest, deadline: Duration, output: Output) -> Result<(), String> {
    // Neither file has a name, so neither can be left behind.
    let (mut printed, mut ending_file) = tempfile::tempfile()
        .and_then(|printed| Ok((printed, tempfile::tempfile()?)))
        .map_err(|error| no_child(test, &error))?;
    let left = start(test, output, &printed, &ending_file)
        .and_then(|child| wait(child, deadline))
        .map_err(|error| no_child(test, &error))?;
    let ending = read_ending(&mut ending_file);

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
        Some(what) if shown.is_empty() => Err(format!("{what}\nit printed nothing")),
        Some(what) => Err(format!("{what}{}\nit printed:\n{shown}", refused(&shown))),
    }
}

/// What to do where a request for memory was refused, and its line wasn't told.
fn refused(printed: &str) -> &'static str {
    let is_refused = printed.contains("memory allocation of ") && printed.contains(" bytes failed");
    if is_refused && !printed.contains("Memory is full") {
        "\na request for memory was refused; the allocator tells by which line where the file declares it so: #[global_allocator] static \
         ALLOCATOR: detectors::ProfilingAllocator<detectors::allocator::Reporting> = \
         detectors::ProfilingAllocator::new(detectors::allocator::Reporting::system());"
    } else {
        ""
    }
}

fn start(
    test: &NamedTest,
    output: Output,
    printed: &File,
    ending_file: &File,
) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env(thread_cache::VARIABLE, thread_cache::without());
    command
        .args([CHILD_ARGUMENT, &test.name, &std::process::id().to_string()])
        .stdin(ending_file.try_clone()?);
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

/// Waits for the child, at most until its deadline. Either way, what it started ends with it.
fn wait(mut child: Child, deadline: Duration) -> io::Result<Left> {
    let started = Instant::now();
    let mut look_again = Duration::from_micros(200);
    loop {
        if has_ended(&mut child)? {
            end_group(&child);
            return child.wait().map(Left::Exited);
        }
        if started.elapsed() >= deadline {
            end_group(&child);
            child.kill()?;
            child.wait()?;
            return Ok(Left::Overdue(deadline));
        }
        std::thread::sleep(look_again);
        look_again = (look_again * 2).min(LOOK_EVERY_MAX);
    }
}

/// Looks without collecting the status: until then the system gives the child's number to nobody else, and ending its
/// group can't hit a stranger.
#[cfg(unix)]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match group(child) {
        Some(id) => Ok(waitid(WaitId::Pid(id), options)?.is_some()),
        None => child.try_wait().map(|status| status.is_some()),
    }
}

#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    child.try_wait().map(|status| status.is_some())
}

/// Ends the child and all that it started and that stayed in its group.
fn end_group(child: &Child) {
    #[cfg(unix)]
    if let Some(group) = group(child) {
        // Refused only when nobody is left in it.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = child;
}

#[cfg(unix)]
fn group(child: &Child) -> Option<rustix::process::Pid> {
    i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
}

/// The child's word on how it ended; `None` when it left none.
fn read_ending(file: &mut File) -> Option<Ending> {
    let mut word = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_end(&mut word).ok()?;
    serde_json::from_slice(&word).ok()
}

/// What is wrong; `None` when the test passed.
fn judge(test: &NamedTest, left: &Left, ending: Option<&Ending>) -> Option<String> {
    let name = &test.name;
    let status = match left {
        Left::Overdue(deadline) => {
            return Some(format!(
                "`{name}` was still running at its deadline of {} s, and was ended with all that it had started. Should it \
                 have ended by then? Look for a loop or a wait that never ends. Does the test need longer? Give it a later \
                 #[deadline(seconds = ..)]",
                deadline.as_secs()
            ));
        }
        Left::Exited(status) => status,
    };
    match (ending, test.test.panics) {
        (Some(Ending::Passed), _) if !status.success() => Some(format!(
            "`{name}` came to its end, and then its process failed ({status}): something ran after the test"
        )),
        (Some(Ending::Passed), Panics::Never) => None,
        (Some(Ending::Passed), Panics::With(_)) => {
            Some(format!("`{name}` should have panicked and did not"))
        }
        (Some(Ending::Panicked(message)), Panics::With(expected)) => {
            (!message.contains(expected)).then(|| {
                format!(
                    "`{name}` panicked as it should, but not with `{expected}` in its message: {message}"
                )
            })
        }
        (Some(Ending::Panicked(_)), Panics::Never) => Some(format!("`{name}` panicked")),
        (Some(Ending::Failed), _) => Some(format!("`{name}` returned an error")),
        (None, _) => Some(format!(
            "`{name}` ended its process before the test was over ({status}): it exits, aborts, or was killed"
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
    Ok(lines.join("\n").trim_matches('\n').to_owned())
}

fn no_child(test: &NamedTest, error: &io::Error) -> String {
    format!(
        "`{}` needs a process of its own and can't have one: {error}; look at the free space of the temporary folder and \
         at the limit of processes (ulimit -u)",
        test.name
    )
}
