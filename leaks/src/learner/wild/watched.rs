//! What the watch says of a case and of its twin, beside what was expected.

use super::case::{Case, Holder};
use super::program::{Built, Program, Variant};
use detectors::{Evidence, Kind, Root, SiteOutlook, Verdict};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use workbook::problem::{Problem, Result};

/// A watch has its own deadline: see the support crate.
const DEADLINE: Duration = Duration::from_mins(4);

/// What the watch said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Watched {
    pub(super) affected: Said,
    pub(super) twin: Said,
    /// The line that the first finding names is one of the marked ones.
    pub(super) named_the_line: bool,
    /// The class is one of those expected.
    pub(super) right_class: bool,
    /// Who holds most of the first site's blocks is who was expected; `None` where no memory is held.
    pub(super) right_holder: Option<bool>,
    /// Most of the tasks that grow are told to be stuck, and none of the twin's; `None` where no task is stuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) right_outlook: Option<bool>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) verdict: Verdict,
    pub(super) class: Option<String>,
    /// The first finding's place, from `src/` on.
    pub(super) site: Option<String>,
    pub(super) holder: Option<String>,
    /// What may become of the tasks that grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outlook: Option<SiteOutlook>,
    pub(super) because: String,
    pub(super) seconds: f64,
}

impl Watched {
    pub(super) fn caught(&self) -> bool {
        self.affected.verdict == Verdict::Leak
    }

    /// Steady and warming up are calm; every other word but `inconclusive` says that something is wrong.
    pub(super) fn accused_the_twin(&self) -> bool {
        matches!(
            self.twin.verdict,
            Verdict::Leak | Verdict::Pressure | Verdict::Retention
        )
    }

    pub(super) fn decided(&self) -> usize {
        [&self.affected, &self.twin]
            .into_iter()
            .filter(|said| said.verdict != Verdict::Inconclusive)
            .count()
    }
}

pub(super) fn run(case: &Case, target: &Path) -> Result<Watched> {
    let (evidence, affected) = watch(case, target, Variant::Affected)?;
    let (_, twin) = watch(case, target, Variant::Twin)?;
    Ok(Watched {
        named_the_line: names_the_line(case, &evidence),
        right_class: evidence.class.is_some_and(|class| {
            case.report
                .expected
                .class
                .iter()
                .any(|one| one == class.as_str())
        }),
        right_holder: right_holder(case.report.expected.holder, &evidence),
        right_outlook: case
            .report
            .expected
            .never_wake
            .then(|| mostly_stuck(affected.outlook.as_ref()) && !any_stuck(twin.outlook.as_ref())),
        affected,
        twin,
    })
}

fn watch(case: &Case, target: &Path, variant: Variant) -> Result<(Evidence, Said)> {
    let program = Program::build(case, target, Built::ForTheWatch, variant)?;
    let scratch = tempfile::tempdir().map_err(|error| {
        Problem::new("can't make a scratch folder for the evidence")
            .because(error)
            .next("Free some space, or set TMPDIR to a folder that can be written.")
    })?;
    let test = match variant {
        Variant::Twin if !case.has_fixed_version => "the_twin",
        _ => "the_case",
    };
    let mut command = Command::new(program.path());
    command
        .args([test, "--exact"])
        .env("DETECTORS_OUT", scratch.path())
        .env("RUST_BACKTRACE", "0");
    let begun = Instant::now();
    let ended = Program::run(command, DEADLINE)?;
    let seconds = begun.elapsed().as_secs_f64();
    let evidence = Evidence::read(scratch.path().join(test)).map_err(|error| {
        Problem::new(format!("{} left no evidence: {}", case.name, ended.how))
            .because(format!("{error}\n{}", ended.output.trim()))
    })?;
    let first = evidence
        .findings
        .iter()
        .find_map(|finding| finding.at.as_ref());
    let said = Said {
        verdict: evidence.verdict,
        class: evidence.class.map(|class| class.as_str().to_owned()),
        site: first.map(|site| {
            let from = |marker: &str| site.frame.file.rfind(marker).map(|at| at + 1);
            let short = from("/src/").map_or(&*site.frame.file, |at| &site.frame.file[at..]);
            format!("{} ({short}:{})", site.frame.function, site.frame.line)
        }),
        holder: evidence
            .holders
            .first()
            .and_then(|held| held.mostly())
            .map(|(root, _)| root.to_string()),
        outlook: evidence
            .findings
            .iter()
            .find_map(|finding| finding.outlook.clone()),
        because: evidence.because.clone(),
        seconds: (seconds * 10.0).round() / 10.0,
    };
    Ok((evidence, said))
}

/// The first finding with a place is what a reader looks at.
fn names_the_line(case: &Case, evidence: &Evidence) -> bool {
    let first = evidence
        .findings
        .iter()
        .find_map(|finding| finding.at.as_ref());
    evidence.verdict == Verdict::Leak
        && first.is_some_and(|site| case.is_the_line(&site.frame.file, site.frame.line))
}

/// Most, and not all: an old pointer may make a stuck task look as if it could wake.
fn mostly_stuck(outlook: Option<&SiteOutlook>) -> bool {
    outlook.is_some_and(|outlook| 2 * outlook.never_wake > outlook.alive)
}

/// The word is never used in vain: one task of a twin is one too many.
fn any_stuck(outlook: Option<&SiteOutlook>) -> bool {
    outlook.is_some_and(|outlook| outlook.never_wake > 0)
}

fn right_holder(expected: Holder, evidence: &Evidence) -> Option<bool> {
    let first = evidence.holders.first().and_then(|held| held.mostly());
    let root = first.map(|(root, _)| root);
    Some(match expected {
        Holder::Kernel => return None,
        Holder::Task => evidence
            .findings
            .iter()
            .any(|finding| finding.kind == Kind::Tasks),
        Holder::Nothing => root == Some(&Root::Nothing),
        Holder::Cycle => root == Some(&Root::Cycle),
        Holder::Owner => root == Some(&Root::Thread),
        Holder::Static => matches!(root, Some(Root::Static(_))),
    })
}
