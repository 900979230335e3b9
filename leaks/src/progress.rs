//! How far a measurement has come, on standard error.

use crate::{scale, say};
use detectors::{Progress, Stage};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// One line that is drawn again in place on a terminal; elsewhere one line for each stage.
pub(crate) struct Line {
    in_place: bool,
    /// The room on a terminal's line: a longer one would wrap, and the next would no longer cover it.
    width: usize,
    stage: Option<Stage>,
    drawn: bool,
    // Filled again and again: what an observer of a watch allocates anew is counted with the workload.
    text: String,
}

impl Line {
    pub(crate) fn new() -> Self {
        Line {
            in_place: io::stderr().is_terminal(),
            width: say::width().saturating_sub(1),
            stage: None,
            drawn: false,
            text: String::with_capacity(256),
        }
    }

    /// Shows how far the watch has come.
    pub(crate) fn show(&mut self, progress: &Progress) {
        let new_stage = self.stage.replace(progress.stage) != Some(progress.stage);
        if !self.in_place && !new_stage {
            return;
        }
        self.text.clear();
        let Progress {
            stage,
            iteration,
            of_at_most,
            live_blocks,
            live_bytes,
            ..
        } = *progress;
        let _ = match stage {
            Stage::WarmingUp => write!(self.text, "warming up"),
            Stage::Window(n) => write!(self.text, "window {n}"),
            Stage::Sites(n) => write!(self.text, "it grows; finding where, round {n}"),
        };
        if self.in_place {
            let _ = write!(
                self.text,
                " · iteration {iteration} of at most {of_at_most} · live {} in {live_blocks} blocks",
                scale::bytes(live_bytes as f64)
            );
            let end = self.text.char_indices().nth(self.width).map_or(self.text.len(), |(at, _)| at);
            self.text.truncate(end);
        }
        let mut err = io::stderr().lock();
        // A terminal that is gone is no reason to stop measuring.
        let _ = if self.in_place {
            self.drawn = true;
            write!(err, "\r\x1b[K{}", self.text)
        } else {
            writeln!(err, "{}", self.text)
        };
    }
}

/// Leaves the line empty for what comes next, also when a panic comes next.
impl Drop for Line {
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
