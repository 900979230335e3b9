//! Turns evidence into a test's failure. Finding never fails; asserting does, in words.

use crate::model::class::Class;
use crate::model::complaint::{Complaint, Concept, passed};
use crate::model::kind::Kind;
use crate::model::out;
use crate::model::this_test;
use crate::model::verdict::Verdict;
use crate::model::words::{bytes, count, frame_from_here, from_here, listed, wrapped};
use crate::readings::memory::RetentionKind;
use crate::verdicts::evidence::Evidence;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

/// What a complaint about a watch's evidence tells.
struct Told<'e> {
    expected: String,
    saw: String,
    /// What the complaint is about, each with its definition.
    concepts: Vec<Concept>,
    evidence: &'e Evidence,
}

const PEAK: Concept = Concept {
    word: "peak",
    definition: "the most that was live at once",
    see: "detectors::Evidence",
};

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
            Err(self.complaint("steady", self.verdict.as_str(), None))
        }
    }

    /// Whether there is a leak of that class, and `site` is part of the function, the file or `file:line` of an own
    /// frame of a growing site. Where no Rust allocator sees what grows, who holds it is its site: `C's malloc`.
    ///
    /// # Errors
    ///
    /// Another verdict, another or no class, or no such site.
    pub fn check_leak(&self, class: Class, site: &str) -> Result<(), Complaint> {
        let expected = format!("a leak of class {class} at a site with `{site}`");
        if self.verdict != Verdict::Leak {
            return Err(self.complaint(expected, self.verdict.as_str(), Some(class.into())));
        }
        if self.class != Some(class) {
            let saw = self.class.map_or_else(
                || {
                    "a leak of no known class (does the iteration return what it means to keep?)"
                        .to_owned()
                },
                |class| format!("a leak of class {class}"),
            );
            return Err(self.complaint(expected, saw, Some(class.into())));
        }
        let is_holder = self.foreign_holders().any(|holder| holder.contains(site));
        if !self.names(site) && !is_holder {
            let saw = match (self.first_site(), self.foreign_holders().next()) {
                (Some(first), _) => format!("a leak at {}", frame_from_here(&first.frame)),
                (None, Some(holder)) => format!("a leak in {holder}"),
                (None, None) => "a leak whose site was not read".to_owned(),
            };
            return Err(self.complaint(expected, saw, Some(class.into())));
        }
        Ok(())
    }

    /// Whether there is a leak of that class in which that kind grows: for kinds without a site, such as descriptors.
    ///
    /// # Errors
    ///
    /// Another verdict, another or no class, or another kind.
    pub fn check_leak_of(&self, class: Class, kind: Kind) -> Result<(), Complaint> {
        let found = self.findings.iter().any(|finding| finding.kind == kind);
        if self.verdict == Verdict::Leak && self.class == Some(class) && found {
            return Ok(());
        }
        let expected = format!("a leak of class {class} in {kind}");
        let mut kinds: Vec<String> = Vec::new();
        for finding in &self.findings {
            let kind = finding.kind.to_string();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let saw = match self.class {
            _ if self.verdict != Verdict::Leak => self.verdict.as_str().to_owned(),
            Some(class) => format!("a leak of class {class} in {}", listed(&kinds)),
            None => format!("a leak of no known class in {}", listed(&kinds)),
        };
        Err(self.complaint(expected, saw, Some(class.into())))
    }

    /// Whether the work needs many times at once what stays of it, and `site` is part of the function, the file or `file:line` of an
    /// own frame of a site that allocates most of it.
    ///
    /// # Errors
    ///
    /// Another verdict, or no such site.
    pub fn check_pressure(&self, site: &str) -> Result<(), Complaint> {
        if self.verdict == Verdict::Pressure && self.names(site) {
            return Ok(());
        }
        let saw = match self.first_site() {
            Some(first) if self.verdict == Verdict::Pressure => {
                format!("pressure from {}", frame_from_here(&first.frame))
            }
            _ => self.verdict.as_str().to_owned(),
        };
        let expected = format!("pressure from a site with `{site}`");
        Err(self.complaint(expected, saw, Some(Class::MemoryPressure.into())))
    }

    /// Whether freed memory stays resident, and the experiment showed that kind.
    ///
    /// # Errors
    ///
    /// Another verdict, or another kind.
    pub fn check_retention(&self, kind: RetentionKind) -> Result<(), Complaint> {
        let found = self.retention.as_ref().map(|retention| retention.kind);
        if found == Some(kind) {
            return Ok(());
        }
        let saw = found.map_or_else(
            || self.verdict.as_str().to_owned(),
            |found| format!("retention: {found}"),
        );
        let expected = format!("retention: {kind}");
        Err(self.complaint(expected, saw, Some(Class::AllocatorRetention.into())))
    }

    /// Whether the peak of live memory, above what was live at the start, stayed within `bound` bytes.
    ///
    /// # Errors
    ///
    /// A higher peak, or one that wasn't read.
    pub fn check_peak(&self, bound: u64) -> Result<(), Complaint> {
        let expected = format!("a peak of at most {}", bytes(bound));
        if self.timeline.is_empty() {
            Err(self.complaint(expected, "no peak: nothing could be read", Some(PEAK)))
        } else if self.peak_bytes > bound {
            let saw = format!(
                "a peak of {} ({} too many), with {} resting",
                bytes(self.peak_bytes),
                count((self.peak_bytes - bound).cast_signed(), "byte"),
                bytes(self.resting_bytes)
            );
            Err(self.complaint(expected, saw, Some(PEAK)))
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
        passed(self, self.check_steady())
    }

    /// Fails the test unless there is a leak of that class at that site.
    ///
    /// # Panics
    ///
    /// With the text of a [`Complaint`] when [`check_leak`](Evidence::check_leak) has one.
    #[track_caller]
    pub fn assert_leak(&self, class: Class, site: &str) -> &Self {
        passed(self, self.check_leak(class, site))
    }

    /// Fails the test unless there is a leak of that class in which that kind grows.
    ///
    /// # Panics
    ///
    /// With the text of a [`Complaint`] when [`check_leak_of`](Evidence::check_leak_of) has one.
    #[track_caller]
    pub fn assert_leak_of(&self, class: Class, kind: Kind) -> &Self {
        passed(self, self.check_leak_of(class, kind))
    }

    /// Fails the test unless the work needs many times at once what stays of it, at that site.
    ///
    /// # Panics
    ///
    /// With the text of a [`Complaint`] when [`check_pressure`](Evidence::check_pressure) has one.
    #[track_caller]
    pub fn assert_pressure(&self, site: &str) -> &Self {
        passed(self, self.check_pressure(site))
    }

    /// Fails the test unless freed memory stays resident, and the experiment showed that kind.
    ///
    /// # Panics
    ///
    /// With the text of a [`Complaint`] when [`check_retention`](Evidence::check_retention) has one.
    #[track_caller]
    pub fn assert_retention(&self, kind: RetentionKind) -> &Self {
        passed(self, self.check_retention(kind))
    }

    /// Fails the test when the peak was above `bound` bytes.
    ///
    /// # Panics
    ///
    /// With the text of a [`Complaint`] when [`check_peak`](Evidence::check_peak) has one.
    #[track_caller]
    pub fn assert_peak(&self, bound: u64) -> &Self {
        passed(self, self.check_peak(bound))
    }

    /// Who holds what no Rust allocator sees.
    fn foreign_holders(&self) -> impl Iterator<Item = &str> {
        let foreign = self.findings.iter();
        foreign
            .filter(|finding| finding.kind == Kind::Resident)
            .filter_map(|finding| finding.site.as_deref())
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
                    .filter(|frame| frame.origin() == crate::model::place::Origin::Own);
                own.chain([&site.frame])
                    .any(|frame| frame.to_string().contains(text))
            })
    }

    fn complaint(
        &self,
        expected: impl Into<String>,
        saw: impl Into<String>,
        about: Option<Concept>,
    ) -> Complaint {
        let mut concepts = vec![Concept::from(self.verdict)];
        concepts.extend(self.class.map(Concept::from));
        concepts.extend(about);
        concepts.dedup_by_key(|concept| concept.word);
        Complaint::new(Told {
            expected: expected.into(),
            saw: saw.into(),
            concepts,
            evidence: self,
        })
    }
}

impl Display for Told<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let evidence = self.evidence;
        let line = |f: &mut Formatter<'_>, text: String| writeln!(f, "{}", wrapped(&text));
        line(
            f,
            format!(
                "{}: expected {}, saw {}",
                evidence.name, self.expected, self.saw
            ),
        )?;
        line(f, format!("because: {}", evidence.because))?;
        if let Some(settle_by) = &evidence.settle_by {
            line(f, format!("what would settle it: {settle_by}"))?;
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
        if let Some(retention) = &evidence.retention {
            for told in retention.to_string().lines() {
                line(f, told.to_owned())?;
            }
        }
        for holders in evidence.holders_list().to_string().lines() {
            if holders.starts_with(' ') {
                writeln!(f, "{holders}")?; // a place, which is never wrapped
            } else {
                line(f, holders.to_owned())?;
            }
        }
        line(f, evidence.reach().to_string())?;
        for same in evidence
            .not_read
            .chunk_by(|one, other| one.why == other.why)
        {
            let kinds: Vec<String> = same.iter().map(|one| one.kind.to_string()).collect();
            line(
                f,
                format!("not read: {}, since {}", listed(&kinds), same[0].why),
            )?;
        }
        for lack in &evidence.instrument.lacks {
            line(f, lack.clone())?;
        }
        writeln!(f)?;
        for concept in &self.concepts {
            writeln!(f, "{concept}")?;
        }
        write!(f, "\n{}", Next::after(evidence))
    }
}

/// What to run next, alone on the last line, so that it can be pasted.
struct Next {
    why: &'static str,
    command: String,
}

impl Next {
    /// The same test with its evidence kept; or the kept evidence in a reader.
    fn after(evidence: &Evidence) -> Self {
        if let Some(folder) = out::folder_of(&evidence.name) {
            return Next::reading(evidence, &folder);
        }
        Next {
            why: if evidence.profile.is_some() && evidence.first_site().is_some() {
                "run it again and keep its heap profile"
            } else if evidence.settle_by.is_some() {
                "do what would settle it, run it again, and keep what it reads after each iteration"
            } else {
                "run it again and keep what it reads after each iteration"
            },
            command: format!(
                "{}=\"$PWD/target/memory\" {}",
                out::VARIABLE,
                this_test::again()
            ),
        }
    }

    fn reading(evidence: &Evidence, folder: &Path) -> Self {
        let folder = from_here(folder).display();
        if evidence.profile.is_some() {
            Next {
                why: "read its heap profile, with this or any other reader of pprof's format",
                command: format!("go tool pprof -top '{folder}/heap.pb.gz'"),
            }
        } else {
            Next {
                why: "read what it saw after each iteration",
                command: format!("cat '{folder}/report.json'"),
            }
        }
    }
}

impl Display for Next {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "next: {}\n  {}", self.why, self.command)
    }
}
