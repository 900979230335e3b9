//! One check of an exercise, as a value: builds it, tries what it does and measures its memory. The command and `leaks watch` show it.

use crate::learner::cargo::{Build, EXERCISE, Fault, Refused, Said, Tests, build};
use crate::learner::child::Stop;
use detectors::{Evidence, Verdict};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::thread;
use workbook::problem::Result;
use workbook::say;
use workbook::workspace::{Chapter, Workspace};

/// The file that declares the exercise's tests.
const DECLARED_IN: &str = "tests/exercise.rs";

/// How a check came out.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// There is nothing to build: the file is gone, empty, or no text.
    NoExercise(NoExercise),
    /// The compiler refuses it.
    NotBuilt(NotBuilt),
    /// It was built, and its memory wasn't measured.
    Unmeasured(Unmeasured),
    Measured(Box<Measured>),
}

/// What lies in the place of the exercise.
#[derive(Debug)]
pub(crate) struct NoExercise {
    /// What is wrong: `is empty`.
    pub(crate) what: String,
    pub(crate) back: Back,
}

/// What brings an exercise back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Back {
    Reset,
    /// The folder of its chapter, by git.
    Folder(String),
}

impl Back {
    /// The command to type.
    pub(crate) fn command(&self, chapter: &Chapter) -> String {
        match self {
            Back::Reset => say::command(&format!("reset {}", chapter.name)),
            Back::Folder(folder) => format!("git checkout -- {folder}"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct NotBuilt {
    /// What the compiler said, as it said it.
    pub(crate) said: String,
    /// Its first error; `None` where cargo itself failed.
    pub(crate) first: Option<Fault>,
    pub(crate) whose: Whose,
}

/// Whose fault it is that something doesn't compile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The exercise's own lines, or what the checker asks of it.
    Exercise,
    /// A file of the workbook's that isn't as it was shipped.
    Workbook(String),
    /// Cargo said so before it compiled anything.
    Cargo,
}

/// A test's own words on why nothing was measured.
#[derive(Debug)]
pub(crate) struct Unmeasured {
    /// Whether it does its work all the same.
    pub(crate) works: bool,
    pub(crate) said: String,
}

#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) evidence: Evidence,
    pub(crate) passed: bool,
    /// What the checker said where it isn't content.
    pub(crate) said: String,
    /// The compiler's warnings.
    pub(crate) warnings: String,
}

impl Outcome {
    pub(crate) fn passed(&self) -> bool {
        matches!(self, Outcome::Measured(measured) if measured.passed)
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        match self {
            Outcome::Measured(measured) => Some(measured.evidence.verdict),
            _ => None,
        }
    }
}

/// Checks an exercise. `stage` is told what is done; whoever asks to stop gets `Problem::Interrupted`.
pub(crate) fn checked(
    workspace: &Workspace,
    chapter: &Chapter,
    stop: &Stop,
    stage: &mut dyn FnMut(&str),
) -> Result<Outcome> {
    if let Some(nothing) = nothing_to_build(chapter) {
        return Ok(Outcome::NoExercise(nothing));
    }
    stage(&format!("Building {}", say::path(&chapter.exercise())));
    let (executable, warnings) = match build(workspace, chapter, EXERCISE, Some(stop))? {
        Build::Built(executable, warnings) => (executable, warnings),
        Build::Failed(refused) => return Ok(Outcome::NotBuilt(NotBuilt::new(refused, chapter))),
    };
    let tests = Tests::new(chapter, executable)?;
    stage("Trying what it does, and measuring its memory");
    let (behaviour, memory) = at_once(&tests, stop)?;
    if !behaviour.passed {
        return Ok(Outcome::Unmeasured(Unmeasured {
            works: false,
            said: in_words(&behaviour),
        }));
    }
    let memory = memory?;
    let said = in_words(&memory);
    Ok(match memory.evidence {
        Some(evidence) => Outcome::Measured(Box::new(Measured {
            evidence,
            passed: memory.passed,
            said,
            warnings,
        })),
        None => Outcome::Unmeasured(Unmeasured { works: true, said }),
    })
}

/// Both tests, each in a process of its own: a reader waits for the longer one alone. Where the behaviour fails nobody waits for the
/// other.
fn at_once(tests: &Tests<'_>, stop: &Stop) -> Result<(Said, Result<Said>)> {
    let of_memory = stop.below();
    thread::scope(|scope| {
        let memory = scope.spawn(|| tests.run_until(Some(&of_memory), "memory"));
        let behaviour = tests.run_until(Some(stop), "behaviour");
        if !behaviour.as_ref().is_ok_and(|said| said.passed) {
            of_memory.ask();
        }
        let memory = memory
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((behaviour?, memory))
    })
}

/// A test's words. One that was ended at its deadline is a learner's endless loop, who has no deadline to change.
fn in_words(said: &Said) -> String {
    let Some((_, after)) = said
        .message
        .split_once("was still running at its deadline of ")
    else {
        return said.message.clone();
    };
    let seconds = after
        .split_once(" s")
        .map_or("some", |(seconds, _)| seconds);
    format!(
        "It never came to its end: it was still running after {seconds} seconds, and was ended. Look in your file for a loop or a wait \
         that never ends."
    )
}

/// What is wrong with the exercise's file, where it holds nothing that a compiler could say something of.
fn nothing_to_build(chapter: &Chapter) -> Option<NoExercise> {
    let (what, back) = match fs::read(chapter.exercise()) {
        Ok(text) if text.iter().all(u8::is_ascii_whitespace) => {
            ("is empty".to_owned(), Back::Reset)
        }
        Ok(text) if std::str::from_utf8(&text).is_err() => {
            ("holds no text".to_owned(), Back::Reset)
        }
        Ok(_) => return None,
        Err(_) if !chapter.as_shipped().is_file() => (
            "is gone, and its chapter's folder with it".to_owned(),
            Back::Folder(format!("chapters/{}", chapter.name)),
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => ("is gone".to_owned(), Back::Reset),
        Err(error) => (format!("can't be read: {error}"), Back::Reset),
    };
    Some(NoExercise { what, back })
}

impl NotBuilt {
    fn new(refused: Refused, chapter: &Chapter) -> Self {
        let whose = whose(&refused.errors, &chapter.name);
        NotBuilt {
            said: refused.said,
            first: refused.errors.into_iter().next(),
            whose,
        }
    }
}

/// Errors in the checker may be the exercise's, which no longer has what the checker asks for. The file that declares the tests asks
/// only the checker.
fn whose(errors: &[Fault], chapter: &str) -> Whose {
    let folder = Path::new("chapters").join(chapter);
    let is = |fault: &Fault, file: &str| fault.file == folder.join(file);
    let of_exercise =
        |fault: &&Fault| is(fault, "src/exercise.rs") || is(fault, "tests/checker.rs");
    match errors.first() {
        None => Whose::Cargo,
        Some(_) if errors.iter().any(|fault| of_exercise(&fault)) => Whose::Exercise,
        Some(first) if is(first, DECLARED_IN) => {
            Whose::Workbook(folder.join("tests/checker.rs").display().to_string())
        }
        Some(first) => Whose::Workbook(first.file.display().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(file: &str) -> Fault {
        Fault {
            file: file.into(),
            place: format!("{file}:1:1"),
            message: "no".to_owned(),
        }
    }

    #[test]
    fn whose_fault_it_is_is_told_by_the_files_that_the_compiler_names() {
        let of = |files: &[&str]| {
            let errors: Vec<_> = files.iter().map(|file| fault(file)).collect();
            whose(&errors, "global-caches")
        };
        let checker = || Whose::Workbook("chapters/global-caches/tests/checker.rs".to_owned());
        assert_eq!(of(&[]), Whose::Cargo);
        assert_eq!(
            of(&["chapters/global-caches/src/exercise.rs"]),
            Whose::Exercise
        );
        // It has lost a function that the checker calls.
        assert_eq!(
            of(&["chapters/global-caches/tests/checker.rs"]),
            Whose::Exercise
        );
        // An emptied checker.
        assert_eq!(of(&["chapters/global-caches/tests/exercise.rs"]), checker());
        let leaky = "chapters/global-caches/src/leaky.rs";
        assert_eq!(of(&[leaky]), Whose::Workbook(leaky.to_owned()));
    }

    #[test]
    fn an_endless_loop_is_told_without_the_deadline_of_a_test() {
        let said = |message: &str| Said {
            passed: false,
            message: message.to_owned(),
            evidence: None,
        };
        let hang = "`behaviour` was still running at its deadline of 30 s, and was ended with all that it had started. Give it a later \
            #[deadline(seconds = ..)]";
        let told = in_words(&said(hang));
        assert!(
            told.contains("30 seconds") && told.contains("loop"),
            "{told}"
        );
        assert!(!told.contains("deadline"), "{told}");
        assert_eq!(
            in_words(&said("`behaviour` panicked")),
            "`behaviour` panicked"
        );
    }
}
