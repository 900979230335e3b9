//! A word that a failure defines, and how a check becomes a failure.

use super::class::Class;
use super::verdict::Verdict;
use super::words::wrapped;
use std::fmt::{self, Display, Formatter};

/// A word of the workbook.
#[derive(Debug, Clone)]
pub(crate) struct Concept {
    pub(crate) word: &'static str,
    pub(crate) definition: &'static str,
    pub(crate) page: &'static str,
}

impl From<Verdict> for Concept {
    fn from(verdict: Verdict) -> Self {
        Concept {
            word: verdict.word(),
            definition: verdict.definition(),
            page: "words",
        }
    }
}

impl From<Class> for Concept {
    fn from(class: Class) -> Self {
        Concept {
            word: class.name(),
            definition: class.definition(),
            page: class.name(),
        }
    }
}

impl Display for Concept {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Concept {
            word,
            definition,
            page,
        } = self;
        let text = format!("{word}: {definition} (The Leak Workbook, page `{page}`)");
        write!(f, "{}", wrapped(&text))
    }
}

/// The value itself, where its check passed.
///
/// # Panics
///
/// With the complaint, at the caller's line.
#[track_caller]
pub(crate) fn passed<T>(value: &T, check: Result<(), String>) -> &T {
    match check {
        Ok(()) => value,
        Err(complaint) => panic!("{complaint}"),
    }
}
