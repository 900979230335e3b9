//! Work in a copy of the process, which has its memory as of one instant: a forked child. Whatever goes wrong there can't hurt the process.
//!
//! The child is the kernel's copy of the calling thread alone. A lock that another thread held at that instant stays locked there for
//! ever, so work that waits for one is ended from outside, when its time is over. While the child lives, each page that the process
//! writes to is copied first.

use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How often it is asked whether the child is done.
const TURN: Duration = Duration::from_millis(5);

/// What the work came to.
#[derive(Debug)]
pub(crate) struct Done {
    /// What it wrote.
    pub(crate) told: Vec<u8>,
    /// For how long the process was held by making the copy: who asked for memory then had to wait.
    pub(crate) paused: Duration,
    /// How long the copy lived.
    #[cfg_attr(
        not(feature = "debug"),
        expect(dead_code, reason = "a debug endpoint tells it")
    )]
    pub(crate) took: Duration,
}

/// Has a copy of the process do the work. It is ended, and that is an error, as soon as `may_go_on` returns the reason why.
///
/// The copy has none of the process' descriptors, and ends with the calling thread.
///
/// # Errors
///
/// When the system makes no copy, when the work panicked or was ended, and in the words of `may_go_on`.
pub(crate) fn of_this_process(
    work: impl FnOnce() -> Vec<u8>,
    may_go_on: impl Fn(Duration) -> Result<(), String>,
) -> Result<Done, String> {
    let no_copy = |error: io::Error| format!("the system makes no copy of the process: {error}");
    let file = rustix::fs::memfd_create("copy", MemfdFlags::CLOEXEC);
    let mut file = File::from(file.map_err(|error| no_copy(error.into()))?);
    let began = Instant::now();
    // SAFETY: what the child does is below. It calls nothing that waits for another thread without an end, since it is killed in time; it
    // never returns from here, so what others own is dropped by the process alone; and its memory is its own.
    let child = unsafe { libc::fork() };
    let paused = began.elapsed();
    if child == 0 {
        in_the_child(&mut file, work);
    }
    let child = Pid::from_raw(child).ok_or_else(|| no_copy(io::Error::last_os_error()))?;
    let mut child = Child(Some(child));
    while !child.has_ended()? {
        may_go_on(began.elapsed())?;
        std::thread::sleep(TURN);
    }
    let took = began.elapsed();
    let mut told = Vec::new();
    file.rewind().map_err(no_copy)?;
    file.read_to_end(&mut told).map_err(no_copy)?;
    match told.pop() {
        Some(WHOLE) => Ok(Done { told, paused, took }),
        Some(PANICKED) => Err(format!(
            "the copy of the process panicked before its work was done: {}",
            String::from_utf8_lossy(&told)
        )),
        _ => Err("the copy of the process ended before its work was done".to_owned()),
    }
}

/// Stands at the end of what was told whole, and at the end of what a panic said.
const WHOLE: u8 = b'.';
const PANICKED: u8 = b'!';

/// Does the work, writes what it told, and ends the child.
fn in_the_child(file: &mut File, work: impl FnOnce() -> Vec<u8>) -> ! {
    // SAFETY: each is a plain call of the kernel. Without the process it would go on for nobody, and what it leaves when it ends by a
    // signal is no fault that anybody looks for.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        let none = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
    }
    close_all_but(file.as_raw_fd());
    let told = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(mut told) => {
            told.push(WHOLE);
            told
        }
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref().copied());
            let mut told = words.unwrap_or("without a word").as_bytes().to_vec();
            told.push(PANICKED);
            told
        }
    };
    let written = file.write_all(&told);
    // SAFETY: it runs nothing of what the process has registered for its end.
    unsafe { libc::_exit(i32::from(written.is_err())) }
}

/// A listener that the copy kept would take connections that nobody answers, and keep its port when the process has gone.
fn close_all_but(kept: RawFd) {
    let close = |from: RawFd, to: RawFd| {
        // SAFETY: nothing in the child uses another descriptor than the one that is kept. From Linux 5.9 on; glibc has no name for it
        // before 2.34.
        from > to || unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) } == 0
    };
    if close(0, kept - 1) && close(kept + 1, RawFd::MAX) {
        return;
    }
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let others: Vec<RawFd> = numbers.filter(|number| *number != kept).collect();
    for other in others {
        // SAFETY: as above. The folder's own is closed already, and the system says so.
        unsafe { libc::close(other) };
    }
}

/// The child, which is ended when nobody waits for it any more.
struct Child(Option<Pid>);

impl Child {
    fn has_ended(&mut self) -> Result<bool, String> {
        let Some(child) = self.0 else {
            return Ok(true);
        };
        match waitpid(Some(child), WaitOptions::NOHANG) {
            Ok(None) => return Ok(false),
            // A process that takes its children's ends without asking whose they are has taken this one's.
            Ok(Some(_)) | Err(rustix::io::Errno::CHILD) => self.0 = None,
            Err(error) => return Err(format!("the copy of the process is out of sight: {error}")),
        }
        Ok(true)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(child) = self.0 {
            let _ = kill_process(child, Signal::KILL);
            let _ = waitpid(Some(child), WaitOptions::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::of_this_process;
    use std::net::TcpListener;
    use std::time::Duration;

    /// How long a test waits for what must happen.
    const DEADLINE: Duration = Duration::from_mins(1);

    fn in_time(took: Duration) -> Result<(), String> {
        if took < DEADLINE {
            Ok(())
        } else {
            Err("it took too long".to_owned())
        }
    }

    #[test]
    fn a_copy_tells_what_it_saw_and_changes_nothing() {
        let mut seen = 7;
        let done = of_this_process(
            || {
                seen += 1;
                format!("{seen}").into_bytes()
            },
            in_time,
        );
        assert_eq!(done.expect("it worked").told, b"8");
        assert_eq!(seen, 7);
    }

    #[test]
    fn a_copy_has_none_of_the_process_descriptors() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let open = || {
            let open = std::fs::read_dir("/proc/self/fd").expect("Linux tells");
            let links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
            let links: Vec<String> = links.map(|link| link.display().to_string()).collect();
            links.join("\n").into_bytes()
        };
        let told = of_this_process(open, in_time).expect("it worked").told;
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("memfd:copy"), "{told}");
        assert!(!told.contains("socket:"), "{address} is open: {told}");
    }

    #[test]
    fn work_that_fails_or_takes_too_long_is_an_error_in_words() {
        let panicked = of_this_process(|| panic!("as a test wants it"), in_time);
        let told = panicked.expect_err("it panicked");
        assert!(told.contains("before its work was done"), "{told}");
        let waits = || {
            loop {
                std::thread::park();
            }
        };
        let ended = of_this_process(waits, |_| Err("that is enough".to_owned()));
        assert_eq!(ended.expect_err("it never ends"), "that is enough");
    }
}
