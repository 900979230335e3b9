//! How far something has come, on the reader's standard error.

use std::io::{self, IsTerminal, Write};
use workbook::say;

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
