//! A check in five lines: what it does, the verdict, what grew, where, and what is next.

use super::checked::{Measured, NotBuilt, Outcome, Unmeasured, Whose};
use crate::show::verdict;
use anstyle::Style;
use detectors::{Evidence, Frame, Verdict};
use std::path::Path;
use workbook::say::{self, BAD, BOLD, DIM, GOOD};
use workbook::workspace::Chapter;

/// What stands where nothing can be said.
const NOTHING: &str = "–";

/// The five lines, without their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) behaviour: (Style, String),
    pub(crate) verdict: (Style, String),
    pub(crate) grew: String,
    pub(crate) place: String,
    pub(crate) next: String,
}

impl Summary {
    /// `root`: paths below it are told as a reader there types them. `next` comes from whoever shows it, since a key isn't a command.
    pub(crate) fn of(outcome: &Outcome, chapter: &Chapter, root: &Path, next: String) -> Self {
        let plain = Style::new();
        let nothing = |behaviour: String, why: &str, place: String| Summary {
            behaviour: (BAD, behaviour),
            verdict: (plain, format!("none, since {why}")),
            grew: NOTHING.to_owned(),
            place,
            next: next.clone(),
        };
        match outcome {
            Outcome::NoExercise(nothing_there) => Summary {
                next: format!("bring it back: {}", nothing_there.back.command(chapter)),
                ..nothing(
                    format!("not tried: the file {}", nothing_there.what),
                    "there is nothing to measure",
                    say::path(&chapter.exercise()),
                )
            },
            Outcome::NotBuilt(not_built) => Summary {
                next: match &not_built.whose {
                    Whose::Exercise => "mend that line, and save".to_owned(),
                    Whose::Workbook(file) => format!("bring it back: git checkout -- {file}"),
                    Whose::Cargo => "read what cargo says".to_owned(),
                },
                ..nothing(
                    format!("not tried: {}", why_not(not_built)),
                    "nothing was measured",
                    first_error(not_built),
                )
            },
            Outcome::Unmeasured(Unmeasured { works: false, said }) => {
                let (why, place) = of_panic(said);
                nothing(
                    format!("it doesn't do its work: {why}"),
                    "only what does its work is measured",
                    place.map_or_else(|| NOTHING.to_owned(), |place| shortened(&place, root)),
                )
            }
            Outcome::Unmeasured(Unmeasured { works: true, said }) => Summary {
                behaviour: (GOOD, "it does its work".to_owned()),
                ..nothing(
                    String::new(),
                    &format!("its memory could not be measured: {}", of_panic(said).0),
                    NOTHING.to_owned(),
                )
            },
            Outcome::Measured(measured) => measured_lines(measured, root, next),
        }
    }

    /// The lines with their names, at most `width` columns wide.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let plain = Style::new();
        let rows = [
            ("Behaviour", self.behaviour.0, &self.behaviour.1),
            ("Verdict", self.verdict.0, &self.verdict.1),
            ("What grew", plain, &self.grew),
            ("Where", plain, &self.place),
            ("Next", BOLD, &self.next),
        ];
        rows.into_iter()
            .flat_map(|(name, style, text)| row(name, style, text, width))
            .collect()
    }
}

/// A name, and its text beside it. A text that is too long goes on below.
fn row(name: &str, style: Style, text: &str, width: usize) -> Vec<String> {
    const NAME: usize = 11;
    let room = width.saturating_sub(2 + NAME);
    let text = say::wrapped(text, "", room);
    let lines = text.lines().enumerate();
    lines
        .map(|(number, line)| {
            let name = if number == 0 { name } else { "" };
            format!("  {DIM}{name:<NAME$}{DIM:#}{style}{line}{style:#}")
        })
        .collect()
}

fn first_error(not_built: &NotBuilt) -> String {
    match &not_built.first {
        Some(fault) => format!("{}: {}", fault.place, fault.message),
        None => NOTHING.to_owned(),
    }
}

fn why_not(not_built: &NotBuilt) -> String {
    match &not_built.whose {
        Whose::Exercise => "the file doesn't compile".to_owned(),
        Whose::Workbook(file) => format!("{file} isn't as it was shipped, and doesn't compile"),
        Whose::Cargo => "cargo can't build the chapter".to_owned(),
    }
}

fn measured_lines(measured: &Measured, root: &Path, next: String) -> Summary {
    let evidence = &measured.evidence;
    let word = evidence.verdict;
    let asks_for_more = !measured.passed && word.is_calm();
    let (why, place) = of_panic(&measured.said);
    let told = format!("{word}, {}", evidence.meaning());
    Summary {
        behaviour: (GOOD, "it does its work".to_owned()),
        verdict: if asks_for_more {
            (BAD, format!("{told}; and the checker asks for more"))
        } else {
            (verdict::colour(word), told)
        },
        grew: if asks_for_more { why } else { grew(evidence) },
        place: if asks_for_more {
            place.map_or_else(|| NOTHING.to_owned(), |place| shortened(&place, root))
        } else {
            site(evidence, root)
        },
        next,
    }
}

/// What grew, as the verdict has it: the first clause of why.
fn grew(evidence: &Evidence) -> String {
    let because = &evidence.because;
    let rate = [" stay for each iteration", " stays for each iteration"]
        .iter()
        .find_map(|stays| because.split_once(stays));
    match rate {
        Some((rate, _)) if evidence.verdict == Verdict::Leak => format!("{rate} an iteration"),
        _ if evidence.verdict.is_calm() && evidence.findings.is_empty() => "nothing".to_owned(),
        _ => because.split("; ").next().unwrap_or(because).to_owned(),
    }
}

/// Where it grows: in the learner's own file, or called from there, if that is known.
fn site(evidence: &Evidence, root: &Path) -> String {
    let sites = || {
        evidence
            .findings
            .iter()
            .filter_map(|finding| finding.at.as_ref())
    };
    let own = sites().find(|at| is_the_exercise(&at.frame));
    let called = || {
        sites().find_map(|at| {
            let caller = at.stack.iter().find(|frame| is_the_exercise(frame))?;
            Some(format!("{at}, called from {}:{}", caller.file, caller.line))
        })
    };
    let named = own.map(ToString::to_string).or_else(called);
    let named = named.or_else(|| {
        evidence
            .findings
            .iter()
            .find_map(|finding| finding.site.clone())
    });
    match named {
        Some(site) => shortened(&site, root),
        None if evidence.findings.is_empty() => NOTHING.to_owned(),
        None => "from a site that was not read".to_owned(),
    }
}

fn is_the_exercise(frame: &Frame) -> bool {
    frame.file.ends_with("src/exercise.rs")
}

fn shortened(text: &str, root: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    let text = text.replace(&format!("{}/", here.display()), "");
    text.replace("/tests/../", "/")
}

/// A failed test's reason and its place, out of its words: `thread 'main' panicked at FILE:LINE:COLUMN:`, and the message below.
fn of_panic(said: &str) -> (String, Option<String>) {
    let first = |text: &str| {
        text.lines()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let Some((_, panic)) = said.split_once("panicked at ") else {
        return (first(said), None);
    };
    let (place, message) = panic.split_once(":\n").unwrap_or((panic, ""));
    // An assertion says what it wants behind its own name.
    let message = first(message);
    let message = message
        .split_once("failed: ")
        .filter(|(before, _)| before.starts_with("assertion"))
        .map_or(message.as_str(), |(_, wants)| wants)
        .to_owned();
    (message, Some(place.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_tests_words_are_its_reason_and_its_place() {
        let said = "`behaviour` panicked\nit printed:\n\nthread 'main' (7) panicked at chapters/a/tests/checker.rs:61:13:\nassertion \
            `left == right` failed: a link's status is noted\n  left: 1\n right: 2";
        assert_eq!(
            of_panic(said),
            (
                "a link's status is noted".to_owned(),
                Some("chapters/a/tests/checker.rs:61:13".to_owned())
            )
        );
        assert_eq!(
            of_panic("\nit never ended\nmore"),
            ("it never ended".to_owned(), None)
        );
    }

    #[test]
    fn a_long_text_goes_on_below_its_start() {
        let rows = row(
            "Where",
            Style::new(),
            "a::very::long::function (src/exercise.rs:34)",
            40,
        );
        let plain: Vec<String> = rows
            .iter()
            .map(|row| anstream::adapter::strip_str(row).to_string())
            .collect();
        assert_eq!(
            plain,
            [
                "  Where      a::very::long::function",
                "             (src/exercise.rs:34)"
            ]
        );
    }
}
