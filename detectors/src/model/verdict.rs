//! The six words that a measurement can end with.

use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// The noise is larger than the signal.
    Inconclusive,
}

impl Verdict {
    /// The word itself: `warming-up`.
    pub fn word(self) -> &'static str {
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
            Verdict::Inconclusive => "the noise is larger than the signal",
        }
    }

    /// Whether growth has been ruled out: `steady` and `warming-up`.
    pub fn is_calm(self) -> bool {
        matches!(self, Verdict::Steady | Verdict::WarmingUp)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
