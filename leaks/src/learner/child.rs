//! Runs what may panic, hang or exit in a process of its own, and tells in words how it ended.

use std::fmt;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use workbook::problem::{Problem, Result};

/// Where a child's standard error goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errors {
    /// To the reader, as it comes: the compiler's messages.
    Shown,
    /// Behind the output.
    Kept,
    /// Beside the output.
    Apart,
}

/// Ends from another thread what [`run_until`] runs: a check that nobody waits for any more.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    own: Arc<watch::Sender<bool>>,
    above: Option<Box<Stop>>,
}

impl Stop {
    pub(crate) fn new() -> Self {
        Stop {
            own: Arc::new(watch::Sender::new(false)),
            above: None,
        }
    }

    /// One that can be asked by itself, and is asked as well when this one is.
    pub(crate) fn below(&self) -> Self {
        Stop {
            above: Some(Box::new(self.clone())),
            ..Stop::new()
        }
    }

    /// Ends what runs, and whatever is started under it later.
    pub(crate) fn ask(&self) {
        self.own.send_replace(true);
    }

    async fn asked(&self) {
        let of = async |stop: &Stop| {
            // Its sender is this very value's, so it can't be gone.
            let _ = stop.own.subscribe().wait_for(|asked| *asked).await;
        };
        match &self.above {
            None => of(self).await,
            Some(above) => tokio::select! {
                () = of(self) => {}
                () = Box::pin(above.asked()) => {}
            },
        }
    }
}

/// How a child ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) how: How,
    /// Standard output; with [`Errors::Kept`], standard error behind it.
    pub(crate) output: String,
    /// Standard error with [`Errors::Apart`].
    pub(crate) errors: String,
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
    takes: impl FnMut(&str) -> bool,
) -> Result<Ended> {
    run_to_its_end(command, errors, deadline, None, takes)
}

/// As [`run`], or until it is asked to stop, which is told as [`Problem::Interrupted`]. What the command started ends with it.
pub(crate) fn run_until(
    stop: Option<&Stop>,
    command: std::process::Command,
    errors: Errors,
    deadline: Option<Duration>,
) -> Result<Ended> {
    run_to_its_end(command, errors, deadline, stop, |_| false)
}

fn run_to_its_end(
    command: std::process::Command,
    errors: Errors,
    deadline: Option<Duration>,
    stop: Option<&Stop>,
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
            Errors::Kept | Errors::Apart => Stdio::piped(),
        });
        // Cargo's compiler would go on, and write into what the next build reads.
        #[cfg(unix)]
        if stop.is_some() {
            command.process_group(0);
        }
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
                        kill(&mut child, stop).await.map_err(failed)?;
                        break How::TooLate(deadline.unwrap_or_default());
                    }
                    () = asked(stop) => {
                        kill(&mut child, stop).await.map_err(failed)?;
                        return Err(Problem::Interrupted);
                    }
                    _ = tokio::signal::ctrl_c() => {
                        // It had the same Ctrl-C from the terminal; this is for one that doesn't listen.
                        kill(&mut child, stop).await.map_err(failed)?;
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
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let errors = if errors == Errors::Apart {
            text(&err)
        } else {
            out.extend(err);
            String::new()
        };
        Ok(Ended {
            how,
            output: text(&out),
            errors,
        })
    })
}

async fn asked(stop: Option<&Stop>) {
    match stop {
        Some(stop) => stop.asked().await,
        None => std::future::pending().await,
    }
}

/// Kills a child; one that has a group of its own with all that is in the group.
async fn kill(child: &mut Child, stop: Option<&Stop>) -> std::io::Result<()> {
    #[cfg(unix)]
    if stop.is_some()
        && let Some(group) = child.id().and_then(|id| i32::try_from(id).ok())
        && let Some(group) = rustix::process::Pid::from_raw(group)
    {
        // Refused only when nobody is left in it.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = stop;
    child.kill().await
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_that_is_stopped_ends_with_what_it_started() {
        let (stop, folder) = (Stop::new(), tempfile::tempdir().expect("a scratch folder"));
        let mut command = std::process::Command::new("sh");
        // The pipe ends when the last one that holds it has.
        let script = "sleep 600 & echo $! > begun; wait";
        command.args(["-c", script]).current_dir(folder.path());
        std::thread::scope(|scope| {
            let ran = scope.spawn(|| run_until(Some(&stop), command, Errors::Kept, None));
            let begun = || std::fs::read_to_string(folder.path().join("begun")).unwrap_or_default();
            while !begun().ends_with('\n') {
                std::thread::yield_now();
            }
            stop.ask();
            let ended = ran.join().expect("no panic");
            assert!(matches!(ended, Err(Problem::Interrupted)), "{ended:?}");
            let started = begun().trim().parse().ok();
            let started = started.and_then(rustix::process::Pid::from_raw);
            let status = format!("/proc/{}/stat", started.expect("its id").as_raw_nonzero());
            let deadline = std::time::Instant::now() + Duration::from_secs(10);
            // Gone, or dead and not collected yet by whoever took it over.
            while std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z ")) {
                assert!(std::time::Instant::now() < deadline, "what it started runs");
                std::thread::yield_now();
            }
        });
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
