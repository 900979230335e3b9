//! The six words that a measurement can end with.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a measurement says, in one word.
///
/// ```text
///                     did it grow once warm?
///                    no /       |        \ can't tell
///       steady, or warming-up   |         inconclusive
///       (grew, then stopped)   yes
///                               |
///                   live memory, tasks, ... : leak
///                   the peak only           : pressure
///                   resident memory only    : retention
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing grows once warm.
    Steady,
    /// It grew, then stopped.
    WarmingUp,
    /// Something live grows in every window.
    Leak,
    /// The peak is many times what stays.
    Pressure,
    /// Live memory is flat and low, resident memory is not.
    Retention,
    /// The noise is larger than the signal, or too little was read.
    Inconclusive,
}

impl Verdict {
    /// Every verdict, in the order of the book.
    pub const ALL: [Verdict; 6] = [
        Verdict::Steady,
        Verdict::WarmingUp,
        Verdict::Leak,
        Verdict::Pressure,
        Verdict::Retention,
        Verdict::Inconclusive,
    ];

    /// The word itself: `warming-up`.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Steady => "steady",
            Verdict::WarmingUp => "warming-up",
            Verdict::Leak => "leak",
            Verdict::Pressure => "pressure",
            Verdict::Retention => "retention",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// What the word means, in one line.
    pub fn definition(self) -> &'static str {
        match self {
            Verdict::Steady => "nothing grows once warm",
            Verdict::WarmingUp => "it grew, then stopped",
            Verdict::Leak => "something live grows in every window",
            Verdict::Pressure => "the peak is many times what stays",
            Verdict::Retention => "live memory is flat and low, resident memory is not",
            Verdict::Inconclusive => "the noise is larger than the signal, or too little was read",
        }
    }

    /// Whether growth has been ruled out: `steady` and `warming-up`.
    pub fn is_calm(self) -> bool {
        matches!(self, Verdict::Steady | Verdict::WarmingUp)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(word: &str) -> Result<Self, UnknownVerdict> {
        let mut all = Verdict::ALL.into_iter();
        all.find(|verdict| verdict.as_str() == word)
            .ok_or_else(|| UnknownVerdict(word.to_owned()))
    }
}

/// A word that is no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVerdict(String);

impl fmt::Display for UnknownVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Verdict::ALL.map(Verdict::as_str);
        write!(
            f,
            "`{}` is no verdict; the verdicts are: {}",
            self.0,
            known.join(", ")
        )
    }
}

impl std::error::Error for UnknownVerdict {}

#[cfg(test)]
mod tests {
    use super::Verdict;

    #[test]
    fn each_word_is_read_back_and_no_other() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.as_str().parse(), Ok(verdict));
        }
        let unknown = "calm".parse::<Verdict>().expect_err("no verdict");
        assert!(unknown.to_string().contains("`calm` is no verdict"));
    }
}
