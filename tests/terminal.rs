//! A terminal for a command under test: what it shows is read from its screen, and keys are typed into it.

use crate::driver::ended;
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A first check builds the library, and waits before for whoever else builds in the target folder.
const DEADLINE: Duration = Duration::from_mins(10);

/// What was written, and what the screen shows of it.
struct Written {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

/// A terminal with a command on it.
pub(crate) struct Terminal {
    ours: File,
    /// Held, so that its modes can be read when the command has ended.
    theirs: File,
    before: Termios,
    child: Option<Child>,
    written: Arc<(Mutex<Written>, Condvar)>,
}

impl Terminal {
    /// Starts the command on a terminal of 24 rows.
    pub(crate) fn with(mut command: Command, columns: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).expect("ours");
        unlockpt(&ours).expect("ours");
        let name = ptsname(&ours, Vec::new()).expect("its name");
        let name = name.to_str().expect("a path");
        let both = File::options().read(true).write(true).open(name);
        let theirs = both.expect("its other end");
        let end = || Stdio::from(theirs.try_clone().expect("one more"));
        let before = tcgetattr(&theirs).expect("its modes");
        command.stdin(end()).stdout(end()).stderr(end());
        command.env("TERM", "xterm-256color");
        // SAFETY: between fork and exec the child makes two system calls, and neither allocates nor locks.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let written = Written {
            screen: vt100::Parser::new(some(24), some(columns), 0),
            bytes: Vec::new(),
        };
        let mut terminal = Terminal {
            ours: File::from(ours),
            theirs,
            before,
            child: None,
            written: Arc::new((Mutex::new(written), Condvar::new())),
        };
        terminal.resize(24, columns);
        terminal.child = Some(command.spawn().expect("the command"));
        let (mut from, into) = (
            terminal.ours.try_clone().expect("one more"),
            Arc::clone(&terminal.written),
        );
        // Ends when both ends of the terminal are gone.
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                let mut written = into.0.lock().expect("no panic");
                written.screen.process(&buffer[..read]);
                written.bytes.extend_from_slice(&buffer[..read]);
                into.1.notify_all();
            }
        });
        terminal
    }

    /// Changes the size, of which the system tells the command.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let mut written = self.written.0.lock().expect("no panic");
        written
            .screen
            .screen_mut()
            .set_size(some(rows), some(columns));
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.ours, size).expect("a size");
    }

    /// Types into it.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.ours.write_all(keys.as_bytes()).expect("a terminal");
        self
    }

    /// Waits until the screen is so.
    #[track_caller]
    fn waits(&self, what: &str, is_so: impl Fn(&Written) -> bool) {
        let (written, changed) = &*self.written;
        let end = Instant::now() + DEADLINE;
        let mut written = written.lock().expect("no panic");
        while !is_so(&written) {
            let left = end.saturating_duration_since(Instant::now());
            let screen = written.screen.screen().contents();
            assert!(
                !left.is_zero(),
                "{what} in {DEADLINE:?}; the screen:\n{screen}"
            );
            // The exit of the command changes nothing on the screen.
            (written, _) = changed
                .wait_timeout(written, left.min(Duration::from_secs(1)))
                .expect("no panic");
        }
    }

    /// Waits until the screen shows the text, however its lines are broken.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> &mut Self {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = words(text);
        self.waits(&format!("no {text:?}"), |written| {
            words(&written.screen.screen().contents()).contains(&wanted)
        });
        self
    }

    /// Waits until the text stands in that row, from 0.
    #[track_caller]
    pub(crate) fn shows_in_row(&mut self, row: usize, text: &str) -> &mut Self {
        self.waits(&format!("no {text:?} in row {row}"), |written| {
            let contents = written.screen.screen().contents();
            contents
                .lines()
                .nth(row)
                .is_some_and(|line| line.contains(text))
        });
        self
    }

    /// All that was written to it, escapes and all.
    pub(crate) fn bytes(&self) -> String {
        let written = self.written.0.lock().expect("no panic");
        String::from_utf8_lossy(&written.bytes).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().map(|child| child.id().cast_signed());
        let id = id.and_then(Pid::from_raw).expect("a command");
        kill_process(id, signal).expect("a command that runs");
    }

    /// Waits for the command's end, and checks that the terminal is as it was. Its status.
    #[track_caller]
    pub(crate) fn left_as_it_was(mut self) -> Option<i32> {
        let child = self.child.take().expect("a command");
        let status = ended(child, "on a terminal").status.code();
        self.waits("the screen is not left", |written| {
            let screen = written.screen.screen();
            !screen.alternate_screen() && !screen.hide_cursor()
        });
        let after = tcgetattr(&self.theirs).expect("its modes");
        assert_eq!(after.local_modes, self.before.local_modes);
        assert_eq!(after.input_modes, self.before.input_modes);
        assert!(
            after
                .local_modes
                .contains(LocalModes::ICANON | LocalModes::ECHO)
        );
        status
    }
}

fn some(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).expect("a size")
}

/// A failed test leaves no command behind.
impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
