//! How far something has come, on the reader's standard error: a load, or a measurement in a child that tells it.

use super::scale;
use detectors::{Progress, Stage};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use workbook::say;

/// Begins a line of progress on the child's standard output, where the workload may print as well.
const MARK: &str = "\u{1}progress\u{1}";

/// The child's end.
pub(crate) struct Sender {
    // Filled again and again: what an observer of a watch allocates anew is counted with the workload.
    text: String,
}

impl Sender {
    pub(crate) fn new() -> Self {
        // Standard output's buffer is made at its first use, which must be before the watch counts.
        let _ = io::stdout().flush();
        Sender {
            text: String::with_capacity(256),
        }
    }

    /// Sends how far the watch has come: the stage, then the details.
    pub(crate) fn send(&mut self, progress: &Progress) {
        let Progress {
            stage,
            iteration,
            of_at_most,
            live_blocks,
            live_bytes,
            ..
        } = *progress;
        self.text.clear();
        self.text.push_str(MARK);
        let _ = match stage {
            Stage::WarmingUp => write!(self.text, "warming up"),
            Stage::Window(n) => write!(self.text, "window {n}"),
            Stage::Sites(n) => write!(self.text, "finding where, round {n}"),
            _ => write!(self.text, "measuring"),
        };
        let _ = writeln!(
            self.text,
            "\u{1}iteration {iteration} of at most {of_at_most} · live {} in {live_blocks} blocks",
            scale::bytes(live_bytes as f64)
        );
        // A parent that is gone is no reason to stop measuring.
        let _ = io::stdout().write_all(self.text.as_bytes());
    }
}

/// What the reader sees: one line that is drawn again in place on a terminal, elsewhere one line for each stage.
pub(crate) struct Line {
    in_place: bool,
    /// The room on a terminal's line: a longer one would wrap, and the next would no longer cover it.
    width: usize,
    stage: String,
}

impl Line {
    pub(crate) fn new() -> Self {
        Line {
            in_place: io::stderr().is_terminal(),
            width: say::width().saturating_sub(1),
            stage: String::new(),
        }
    }

    /// Shows a line of the child's if it is one of progress; says whether it was.
    pub(crate) fn show(&mut self, line: &str) -> bool {
        let Some((stage, details)) = line
            .strip_prefix(MARK)
            .and_then(|rest| rest.split_once('\u{1}'))
        else {
            return false;
        };
        self.draw(stage, details);
        true
    }

    /// Shows how far something in this process has come.
    pub(crate) fn draw(&mut self, stage: &str, details: &str) {
        let new_stage = self.stage != stage;
        stage.clone_into(&mut self.stage);
        if self.in_place {
            let text: String = format!("{stage} · {details}")
                .chars()
                .take(self.width)
                .collect();
            // A terminal that is gone is no reason to stop measuring.
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        } else if new_stage {
            workbook::note!(stage);
        }
    }
}

/// Leaves the line empty for what comes next.
impl Drop for Line {
    fn drop(&mut self) {
        if self.in_place && !self.stage.is_empty() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
