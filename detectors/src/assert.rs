//! Turns evidence into a test's failure. Finding never fails; asserting does, in words.

use crate::text::{bytes, grouped};
use crate::{Class, Evidence, Verdict};
use std::fmt::{self, Display, Formatter};

/// What is wrong with the evidence, for whoever has to mend it.
///
/// Its text says what was expected, what was seen and why, shows windows and sites, defines the concept, and ends with
/// the next command to run.
#[derive(Debug, Clone)]
pub struct Complaint {
    expected: String,
    saw: String,
    evidence: Box<Evidence>,
}

impl std::error::Error for Complaint {}

impl Evidence {
    /// Whether growth is ruled out: the verdict is `steady` or `warming-up`.
    ///
    /// # Errors
    ///
    /// Any other verdict, `inconclusive` included: what couldn't be measured is not proved.
    pub fn check_steady(&self) -> Result<(), Complaint> {
        if self.verdict.is_calm() {
            Ok(())
        } else {
            Err(self.complaint("steady", self.verdict.word()))
        }
    }

    /// Whether there is a leak of that class, and `site` is part of the function, the file or `file:line` of an own
    /// frame of a growing site.
    ///
    /// # Errors
    ///
    /// Another verdict, another or no class, or no such site.
    pub fn check_leak(&self, class: Class, site: &str) -> Result<(), Complaint> {
        let expected = format!("a leak of class {class} at a site with `{site}`");
        if self.verdict != Verdict::Leak {
            return Err(self.complaint(expected, self.verdict.word()));
        }
        if self.class != Some(class) {
            let saw = self.class.map_or_else(
                || {
                    "a leak of no known class (does the iteration return what it means to keep?)"
                        .to_owned()
                },
                |class| format!("a leak of class {class}"),
            );
            return Err(self.complaint(expected, saw));
        }
        if !self.names(site) {
            let saw = self.first_site().map_or_else(
                || "a leak whose site was not read".to_owned(),
                |first| format!("a leak at {first}"),
            );
            return Err(self.complaint(expected, saw));
        }
        Ok(())
    }

    /// Whether the peak of live memory, above what was live at the start, stayed within `bound` bytes.
    ///
    /// # Errors
    ///
    /// A higher peak, or one that wasn't read.
    pub fn check_peak(&self, bound: u64) -> Result<(), Complaint> {
        let expected = format!("a peak of at most {}", bytes(bound));
        if self.timeline.is_empty() {
            Err(self.complaint(expected, "no peak: nothing could be read"))
        } else if self.peak_bytes > bound {
            let saw = format!(
                "a peak of {} ({} bytes), with {} resting",
                bytes(self.peak_bytes),
                grouped(self.peak_bytes.cast_signed()),
                bytes(self.resting_bytes)
            );
            Err(self.complaint(expected, saw))
        } else {
            Ok(())
        }
    }

    /// Fails the test unless growth is ruled out.
    ///
    /// # Panics
    ///
    /// With the text of a [`Complaint`] when [`check_steady`](Evidence::check_steady) has one.
    #[track_caller]
    pub fn assert_steady(&self) -> &Self {
        self.pass_or_panic(self.check_steady())
    }

    /// Fails the test unless there is a leak of that class at that site.
    ///
    /// # Panics
    ///
    /// With the text of a [`Complaint`] when [`check_leak`](Evidence::check_leak) has one.
    #[track_caller]
    pub fn assert_leak(&self, class: Class, site: &str) -> &Self {
        self.pass_or_panic(self.check_leak(class, site))
    }

    /// Fails the test when the peak was above `bound` bytes.
    ///
    /// # Panics
    ///
    /// With the text of a [`Complaint`] when [`check_peak`](Evidence::check_peak) has one.
    #[track_caller]
    pub fn assert_peak(&self, bound: u64) -> &Self {
        self.pass_or_panic(self.check_peak(bound))
    }

    #[track_caller]
    fn pass_or_panic(&self, checked: Result<(), Complaint>) -> &Self {
        match checked {
            Ok(()) => self,
            Err(complaint) => panic!("{complaint}"),
        }
    }

    /// Whether a growing site has an own frame whose function, file or `file:line` contains the text.
    fn names(&self, text: &str) -> bool {
        self.findings
            .iter()
            .filter_map(|finding| finding.at.as_ref())
            .any(|site| {
                let own = site
                    .stack
                    .iter()
                    .filter(|frame| frame.origin() == crate::Origin::Own);
                own.chain([&site.frame])
                    .any(|frame| frame.to_string().contains(text))
            })
    }

    fn complaint(&self, expected: impl Into<String>, saw: impl Into<String>) -> Complaint {
        Complaint {
            expected: expected.into(),
            saw: saw.into(),
            evidence: Box::new(self.clone()),
        }
    }
}

impl Display for Complaint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let evidence = &*self.evidence;
        writeln!(
            f,
            "{}: expected {}, saw {}",
            evidence.name, self.expected, self.saw
        )?;
        writeln!(f, "because: {}", evidence.because)?;
        if let Some(settle_by) = &evidence.settle_by {
            writeln!(f, "what would settle it: {settle_by}")?;
        }
        writeln!(f)?;
        if !evidence.readings.is_empty() {
            writeln!(f, "{}", evidence.windows_table())?;
        }
        let sites = evidence.top_sites().to_string();
        if !sites.is_empty() {
            writeln!(f, "{sites}")?;
        }
        write!(f, "{}", evidence.findings_list())?;
        writeln!(f, "{}", evidence.reach())?;
        for lack in &evidence.instrument.lacks {
            writeln!(f, "{lack}")?;
        }
        writeln!(f)?;
        writeln!(f, "{}: {}", evidence.verdict, evidence.verdict.definition())?;
        if let Some(class) = evidence.class {
            writeln!(
                f,
                "{class}: {} (The Leak Workbook, chapter `{class}`)",
                class.definition()
            )?;
        }
        write!(f, "next: {}", next_command())
    }
}

/// What to run next: the same test with its evidence kept, or the kept profile in a reader.
fn next_command() -> String {
    let out = std::env::var(crate::artefacts::OUT_VARIABLE)
        .ok()
        .filter(|out| !out.is_empty());
    let test = crate::isolation::current_test();
    match (out, test) {
        (Some(out), test) => {
            let folder = test.unwrap_or_else(|| "*".to_owned());
            format!("go tool pprof -top {out}/{folder}/heap.pb.gz (or any reader of pprof's format)")
        }
        (None, Some(test)) => {
            let package = std::env::var("CARGO_PKG_NAME")
                .map_or_else(|_| String::new(), |name| format!(" -p {name}"));
            let binary = crate::isolation::binary_name()
                .map_or_else(String::new, |name| format!(" --test {name}"));
            format!(
                "DETECTORS_OUT=\"$PWD/target/memory\" cargo test{package}{binary} {test} -- --exact --include-ignored \
                 (keeps the heap profile)"
            )
        }
        (None, None) => {
            "run this again with DETECTORS_OUT=\"$PWD/target/memory\" in the environment (keeps the heap profile)".to_owned()
        }
    }
}
