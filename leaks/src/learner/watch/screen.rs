//! A terminal as a screen of lines. Only lines that changed are written, so nothing flickers; and however the program ends, the terminal
//! is as it was.

use anstream::ColorChoice;
use anstream::adapter::strip_str;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap,
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use crossterm::{execute, queue};
use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use workbook::problem::{Problem, Result};

/// Whether the terminal is a screen now, and has to be made what it was.
static IS_SCREEN: AtomicBool = AtomicBool::new(false);

/// The terminal, while it is a screen.
#[derive(Debug)]
pub(super) struct Screen {
    drawn: Vec<String>,
    columns: usize,
    rows: usize,
    has_colour: bool,
}

impl Screen {
    /// Makes the terminal a screen. When this value is dropped, or a thread panics, the terminal is made what it was.
    pub(super) fn enter() -> Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // First, so that the panic's words stay to be read.
                restore();
                before(panic);
            }));
        });
        let failed =
            |error: io::Error| Problem::new("can't use the terminal as a screen").because(error);
        IS_SCREEN.store(true, Ordering::SeqCst);
        let mut screen = Screen {
            drawn: Vec::new(),
            columns: 0,
            rows: 0,
            has_colour: anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        };
        enable_raw_mode().map_err(failed)?;
        execute!(io::stdout(), EnterAlternateScreen, Hide, DisableLineWrap).map_err(failed)?;
        screen.is_resized()?;
        Ok(screen)
    }

    /// Whether the terminal has another size now. Then everything is drawn again. The terminal is asked, since its signal can be lost: what
    /// blocked signals when it started us, say, left them blocked.
    pub(super) fn is_resized(&mut self) -> Result<bool> {
        // A terminal that was given no size says 0.
        let told = size()
            .ok()
            .filter(|(columns, rows)| *columns > 0 && *rows > 0);
        let (columns, rows) = told.unwrap_or((80, 24));
        let now = (usize::from(columns), usize::from(rows));
        if now == (self.columns, self.rows) {
            return Ok(false);
        }
        (self.columns, self.rows) = now;
        self.drawn.clear();
        execute!(io::stdout(), Clear(ClearType::All))?;
        Ok(true)
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Shows these lines from the top; those that stand there already aren't written again.
    pub(super) fn draw(&mut self, lines: &[String]) -> Result<()> {
        if !IS_SCREEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        let at = |lines: &[String], row: usize| lines.get(row).cloned().unwrap_or_default();
        let changed: Vec<usize> = (0..self.rows)
            .filter(|row| at(lines, *row) != at(&self.drawn, *row))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        queue!(out, BeginSynchronizedUpdate)?;
        for row in changed {
            let line = cut(&at(lines, row), self.columns);
            let shown = if self.has_colour {
                line
            } else {
                strip_str(&line).to_string()
            };
            let place = MoveTo(0, u16::try_from(row).unwrap_or(u16::MAX));
            queue!(out, place, Print(shown), Clear(ClearType::UntilNewLine))?;
        }
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()?;
        self.drawn = lines.to_vec();
        Ok(())
    }
}

/// The part of a line that there is room for. Not every terminal leaves off wrapping when it is told to, and a line that wraps in the last
/// row moves all others.
fn cut(line: &str, columns: usize) -> String {
    let (mut shown, mut is_escape, mut width) = (String::with_capacity(line.len()), false, 0);
    for letter in line.chars() {
        let is_seen = !is_escape && letter != '\x1b';
        is_escape = letter == '\x1b' || is_escape && !letter.is_ascii_alphabetic();
        width += usize::from(is_seen);
        // Colours end where they end, seen or not.
        if !is_seen || width <= columns {
            shown.push(letter);
        }
    }
    shown
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal what it was, once.
fn restore() {
    if IS_SCREEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing.
        let _ = execute!(io::stdout(), EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Screen;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, tcgetattr};
    use std::fs::File;
    use std::io::Read;
    use std::process::{Command, Stdio};

    #[test]
    fn a_line_is_cut_where_the_screen_ends_and_its_colours_are_not() {
        let line = "\x1b[1m>\x1b[0m \x1b[31mlong\x1b[0m";
        assert_eq!(super::cut(line, 4), "\x1b[1m>\x1b[0m \x1b[31mlo\x1b[0m");
        assert_eq!(super::cut(line, 80), line);
    }

    /// Run by the test below, on a terminal.
    #[test]
    #[ignore = "the other test runs it on a terminal of its own"]
    fn panics_on_a_screen() {
        let mut screen = Screen::enter().expect("a terminal");
        screen.draw(&["on the screen".to_owned()]).expect("drawn");
        panic!("out of ideas");
    }

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was_with_its_words_to_be_read() {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).expect("ours");
        unlockpt(&ours).expect("ours");
        let name = ptsname(&ours, Vec::new()).expect("its name");
        let name = name.to_str().expect("a path");
        let both = File::options().read(true).write(true).open(name);
        let theirs = both.expect("its other end");
        let end = || Stdio::from(theirs.try_clone().expect("one more"));
        let before = tcgetattr(&theirs).expect("its modes").local_modes;
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "learner::watch::screen::tests::panics_on_a_screen",
            ])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the test");
        let status = child.wait().expect("its end");
        assert!(!status.success());
        let after = tcgetattr(&theirs).expect("its modes").local_modes;
        assert_eq!(after, before);
        assert!(after.contains(LocalModes::ICANON | LocalModes::ECHO));
        // With nobody at the other end what was written is read, and then an error.
        drop(theirs);
        let mut written = Vec::new();
        let _ = File::from(ours).read_to_end(&mut written);
        let written = String::from_utf8_lossy(&written);
        let (on_screen, after) = written
            .split_once("\x1b[?1049l")
            .expect("the screen is left");
        assert!(
            on_screen.contains("\x1b[?1049h") && on_screen.contains("on the screen"),
            "{written:?}"
        );
        assert!(
            on_screen.contains("\x1b[?25h"),
            "the cursor is back: {written:?}"
        );
        assert!(after.contains("out of ideas"), "{written:?}");
    }
}
