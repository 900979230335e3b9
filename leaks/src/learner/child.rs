//! Runs what may panic, hang or exit in a process of its own, and tells in words how it ended.

use std::fmt;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;
use workbook::problem::{Problem, Result};

/// Where a child's standard error goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errors {
    /// To the reader, as it comes: the compiler's messages.
    Shown,
    /// Behind the output.
    Kept,
}

/// How a child ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) how: How,
    /// Standard output; with [`Errors::Kept`], standard error behind it.
    pub(crate) output: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// By itself.
    With(ExitStatus),
    /// It was killed at its deadline.
    TooLate(Duration),
}

impl How {
    pub(crate) fn is_success(self) -> bool {
        matches!(self, How::With(status) if status.success())
    }
}

impl How {
    /// The status that it ended with by itself.
    pub(crate) fn code(self) -> Option<i32> {
        match self {
            How::With(status) => status.code(),
            How::TooLate(_) => None,
        }
    }
}

/// As the end of a sentence: `it panicked`.
impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// What a Rust program ends with when its main thread panicked.
        const PANICKED: i32 = 101;
        match self {
            How::TooLate(deadline) => {
                write!(
                    f,
                    "it did not end within {} s, and was killed",
                    deadline.as_secs_f64()
                )
            }
            How::With(status) => match status.code() {
                Some(PANICKED) => f.write_str("it panicked"),
                Some(code) => write!(f, "it ended its process with status {code}"),
                None => write!(f, "it was killed ({status})"),
            },
        }
    }
}

/// Runs a command to its end, or kills it at the deadline or at Ctrl-C.
///
/// It gets no standard input, so nothing in it can wait for the reader.
pub(crate) fn run(
    command: std::process::Command,
    errors: Errors,
    deadline: Option<Duration>,
) -> Result<Ended> {
    run_with(command, errors, deadline, |_| false)
}

/// As [`run`]; each line of standard output goes to `takes` first, and what it takes is not in the output.
pub(crate) fn run_with(
    command: std::process::Command,
    errors: Errors,
    deadline: Option<Duration>,
    mut takes: impl FnMut(&str) -> bool,
) -> Result<Ended> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| Problem::new(format!("can't run {name}")).because(error);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        let mut command = Command::from(command);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command.stderr(match errors {
            Errors::Shown => Stdio::inherit(),
            Errors::Kept => Stdio::piped(),
        });
        let mut child = command.spawn().map_err(failed)?;
        let end = deadline.map(|deadline| tokio::time::Instant::now() + deadline);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let how = {
            let pipes = (child.stdout.take(), child.stderr.take());
            let mut reading = pin!(async {
                tokio::join!(
                    read(pipes.0, &mut out, &mut takes),
                    read(pipes.1, &mut err, |_| false)
                )
            });
            let mut read = false;
            let how = loop {
                tokio::select! {
                    status = child.wait() => break How::With(status.map_err(failed)?),
                    _ = &mut reading, if !read => read = true,
                    () = at(end) => {
                        child.kill().await.map_err(failed)?;
                        break How::TooLate(deadline.unwrap_or_default());
                    }
                    _ = tokio::signal::ctrl_c() => {
                        // It had the same Ctrl-C from the terminal; this is for one that doesn't listen.
                        child.kill().await.map_err(failed)?;
                        return Err(Problem::Interrupted);
                    }
                }
            };
            if !read {
                // A grandchild may hold the pipes open after the child has ended: what is there by then is enough.
                let _ = tokio::time::timeout(Duration::from_secs(2), reading).await;
            }
            how
        };
        out.extend(err);
        Ok(Ended {
            how,
            output: String::from_utf8_lossy(&out).into_owned(),
        })
    })
}

async fn at(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What a pipe gives, line by line, up to a bound: a child that prints without end must not fill this process' memory.
async fn read(
    pipe: Option<impl AsyncRead + Unpin>,
    into: &mut Vec<u8>,
    mut takes: impl FnMut(&str) -> bool,
) {
    const BYTES_MAX: usize = 4 << 20;
    const LINE_BYTES_MAX: u64 = 1 << 20;
    let Some(pipe) = pipe else { return };
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    // A broken pipe ends the text; what came before it is still worth showing.
    while let Ok(1..) = (&mut pipe)
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .await
    {
        if !takes(String::from_utf8_lossy(&line).trim_end()) && into.len() < BYTES_MAX {
            into.extend_from_slice(&line);
        }
        line.clear();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Option<Duration>) -> Ended {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script]);
        run(command, Errors::Kept, deadline).expect("a shell")
    }

    #[test]
    fn what_a_child_says_is_kept() {
        let ended = shell("echo out; echo err >&2", None);
        assert!(ended.how.is_success());
        assert_eq!(ended.output, "out\nerr\n");
    }

    #[test]
    fn a_line_that_is_taken_is_not_in_the_output() {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "echo one; echo two; printf three"]);
        let mut seen = Vec::new();
        let ended = run_with(command, Errors::Kept, None, |line| {
            seen.push(line.to_owned());
            line == "two"
        });
        assert_eq!(ended.expect("a shell").output, "one\nthree");
        assert_eq!(seen, ["one", "two", "three"]);
    }

    #[test]
    fn an_end_is_told_in_words() {
        assert_eq!(shell("exit 101", None).how.to_string(), "it panicked");
        assert_eq!(
            shell("exit 3", None).how.to_string(),
            "it ended its process with status 3"
        );
        assert!(
            shell("kill -9 $$", None)
                .how
                .to_string()
                .starts_with("it was killed")
        );
    }

    #[test]
    fn a_child_that_hangs_is_killed_at_its_deadline() {
        let ended = shell(
            "echo begun; exec sleep 600",
            Some(Duration::from_millis(200)),
        );
        assert_eq!(ended.how, How::TooLate(Duration::from_millis(200)));
        assert_eq!(ended.output, "begun\n");
    }
}
