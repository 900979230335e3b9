//! What a check has to complain of, and how that becomes a test's failure.

use super::class::Class;
use super::verdict::Verdict;
use super::words::wrapped;
use std::fmt::{self, Display, Formatter};

/// What is wrong with what was measured, for whoever has to mend it.
///
/// Its text says what was expected, what was seen and why, shows the figures, defines the concept, and ends with the next
/// command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint(String);

impl Complaint {
    pub(crate) fn new(text: impl Display) -> Self {
        Complaint(text.to_string())
    }
}

impl Display for Complaint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Complaint {}

/// The value itself, where its check passed.
///
/// # Panics
///
/// With the complaint, at the caller's line.
#[track_caller]
pub(crate) fn passed<T>(value: &T, check: Result<(), Complaint>) -> &T {
    match check {
        Ok(()) => value,
        Err(complaint) => panic!("{complaint}"),
    }
}

/// A word that a complaint defines.
#[derive(Debug, Clone)]
pub(crate) struct Concept {
    pub(crate) word: &'static str,
    pub(crate) definition: &'static str,
    /// Where the library's documentation has more on it.
    pub(crate) see: &'static str,
}

impl From<Verdict> for Concept {
    fn from(verdict: Verdict) -> Self {
        Concept {
            word: verdict.as_str(),
            definition: verdict.definition(),
            see: "detectors::Verdict",
        }
    }
}

impl From<Class> for Concept {
    fn from(class: Class) -> Self {
        Concept {
            word: class.as_str(),
            definition: class.definition(),
            see: "detectors::Class",
        }
    }
}

impl Display for Concept {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Concept {
            word,
            definition,
            see,
        } = self;
        let text = format!("{word}: {definition} (documented at {see})");
        write!(f, "{}", wrapped(&text))
    }
}
