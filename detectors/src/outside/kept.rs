//! The moment of a heap profile that was kept on disk: one of the profile's comments tells it, so that a file is whole by itself.

use crate::profile::Profile;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the comment begins with: Go's tools leave out those that begin with a hash.
const COMMENT: &str = "# kept: ";

/// What a file's name begins with, and how it ends.
pub(super) const NAME: (&str, &str) = ("heap-", ".pb.gz");

/// What a file that is being written begins with, and how it ends.
pub(super) const UNFINISHED: (&str, &str) = (".heap-", ".tmp");

/// Whether a file's name is of this kind.
pub(super) fn is_named(name: &str, (begin, end): (&str, &str)) -> bool {
    name.starts_with(begin) && name.ends_with(end)
}

/// Why a profile was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeptBecause {
    /// It is the first of its process.
    First,
    /// The time since the one before had passed.
    Due,
    /// More memory was live than at any profile before.
    Peak,
    /// Little was left below the limit.
    Headroom,
}

impl KeptBecause {
    /// Its word, as a file's name has it.
    pub fn as_str(self) -> &'static str {
        match self {
            KeptBecause::First => "first",
            KeptBecause::Due => "due",
            KeptBecause::Peak => "peak",
            KeptBecause::Headroom => "headroom",
        }
    }
}

impl fmt::Display for KeptBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What there was when a profile was kept. Memory is in bytes, and times are milliseconds since 1970. What wasn't read is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptMoment {
    /// Why it was kept.
    pub why: KeptBecause,
    /// The process' number.
    pub process: u32,
    /// When that process began to keep profiles: two processes of one number differ in it.
    pub began_ms: u64,
    /// When the profile was kept.
    pub at_ms: u64,
    /// Allocated and not freed, by the allocator's own count.
    pub live: u64,
    /// In RAM, by the kernel's count.
    pub resident: Option<u64>,
    /// What the process may use: its control group's limit, or else the machine's memory.
    pub limit: Option<u64>,
    /// How much of that was used by all who share it, less what the kernel can drop.
    pub used: Option<u64>,
}

impl KeptMoment {
    /// The moment that a profile tells; `None` where it tells none.
    #[cfg(feature = "triage")]
    pub(super) fn of(profile: &Profile) -> Option<Self> {
        let mut comments = profile.comments();
        let text = comments.find_map(|comment| comment.strip_prefix(COMMENT))?;
        serde_json::from_str(text).ok()
    }

    /// The profile, telling this moment.
    #[cfg(feature = "debug")]
    pub(super) fn told_by(&self, profile: Profile) -> Profile {
        let text = serde_json::to_string(self).expect("numbers and words are JSON");
        let nanoseconds = i64::try_from(self.at_ms).map_or(0, |at| at.saturating_mul(1_000_000));
        profile.taken_at(nanoseconds, &format!("{COMMENT}{text}"))
    }

    /// The name of its file: `heap-1764537882123-4711-peak.pb.gz`.
    #[cfg(feature = "debug")]
    pub(super) fn file_name(&self) -> String {
        let (begin, end) = NAME;
        format!("{begin}{}-{}-{}{end}", self.at_ms, self.process, self.why)
    }
}
