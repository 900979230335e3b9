//! How far a measurement has come: a child tells it, and its parent shows it.

use crate::show::progress::Line;
use crate::show::scale;
use detectors::{Progress, Stage};
use std::fmt::Write as _;
use std::io::{self, Write};

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

/// The parent's end.
impl Line {
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
}
