//! A peak's evidence in words, and the failure of a test that expected another.

use super::PeakEvidence;
use crate::model::class::Class;
use crate::model::complaint::{Complaint, Concept, passed};
use crate::model::kind::Kind;
use crate::model::this_test;
use crate::model::verdict::Verdict;
use crate::model::words::{grouped, wrapped};
use crate::verdicts::text::findings_text;
use std::fmt::{self, Display, Formatter, Write as _};

impl PeakEvidence {
    /// Whether no peak grows with the work.
    ///
    /// # Errors
    ///
    /// With the failure's text: one does, or it couldn't be told.
    pub fn check_bounded(&self) -> Result<(), Complaint> {
        if self.verdict == Verdict::Steady {
            Ok(())
        } else {
            Err(self.complaint("a peak that doesn't grow with the work"))
        }
    }

    /// Whether the peak of that kind grows with the work, as that class.
    ///
    /// # Errors
    ///
    /// Another verdict, class or kind.
    pub fn check_grows(&self, class: Class, kind: Kind) -> Result<(), Complaint> {
        let grows = self.findings.iter().any(|finding| finding.kind == kind);
        if grows && self.class == Some(class) {
            Ok(())
        } else {
            Err(self.complaint(&format!(
                "a peak of {kind} that grows with the work, class {class}"
            )))
        }
    }

    /// Fails the test when a peak grows with the work.
    ///
    /// # Panics
    ///
    /// With the text of [`check_bounded`](PeakEvidence::check_bounded).
    #[track_caller]
    pub fn assert_bounded(&self) -> &Self {
        passed(self, self.check_bounded())
    }

    /// Fails the test unless the peak of that kind grows with the work, as that class.
    ///
    /// # Panics
    ///
    /// With the text of [`check_grows`](PeakEvidence::check_grows).
    #[track_caller]
    pub fn assert_grows(&self, class: Class, kind: Kind) -> &Self {
        passed(self, self.check_grows(class, kind))
    }

    /// One line for each amount of work: the peaks of what was read.
    pub fn table(&self) -> impl Display + '_ {
        fmt::from_fn(|f| self.write_table(f))
    }

    fn write_table(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const KINDS: [Kind; 6] = [
            Kind::Bytes,
            Kind::Blocks,
            Kind::Descriptors,
            Kind::Sockets,
            Kind::Tasks,
            Kind::Threads,
        ];
        let read = |kind: &Kind| {
            let mut readings = self.readings.iter();
            readings.any(|reading| reading.get(*kind).is_some_and(|peak| peak != 0))
        };
        let kinds: Vec<Kind> = KINDS.into_iter().filter(read).collect();
        write!(f, "{:>8}", "items")?;
        for kind in &kinds {
            write!(f, " {kind:>12}")?;
        }
        writeln!(f, " {:>14}", "resting bytes")?;
        for reading in &self.readings {
            write!(f, "{:>8}", reading.items)?;
            for kind in &kinds {
                let peak = reading.get(*kind).map_or_else(String::new, grouped);
                write!(f, " {peak:>12}")?;
            }
            writeln!(f, " {:>14}", grouped(reading.resting_bytes))?;
        }
        Ok(())
    }

    fn complaint(&self, expected: &str) -> Complaint {
        let mut text = format!(
            "{}\n{}\n\n{}\n",
            wrapped(&format!(
                "{}: expected {expected}, saw {}{}",
                self.name,
                self.verdict,
                self.class
                    .map_or_else(String::new, |class| format!(" of class {class}"))
            )),
            wrapped(&format!("because: {}", self.because)),
            self.table(),
        );
        if !self.findings.is_empty() {
            text += "at the peak, for each item:\n";
            text += &findings_text(&self.findings, "an item").to_string();
        }
        for not_read in &self.not_read {
            let line = format!("not read: {}, since {}", not_read.kind, not_read.why);
            let _ = writeln!(text, "{}", wrapped(&line));
        }
        let concept = self
            .class
            .map_or_else(|| Concept::from(self.verdict), Concept::from);
        let next = this_test::again();
        Complaint::new(
            text + &format!(
                "\n{concept}\n\nnext: find what is kept until the call ends at the sites above, then run it again\n  {next}"
            ),
        )
    }
}
