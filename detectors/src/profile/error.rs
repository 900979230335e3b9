use std::fmt;
use std::path::PathBuf;

/// Why a profile could not be read, made or shown.
///
/// Every text names the input, the reason and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileError {
    /// No file lies at the path.
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The file exists and can't be read: a folder, or one without permission.
    Unreadable {
        /// The path that was asked for.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file could not be written. What was there before is untouched.
    Unwritable {
        /// The path that was to be written.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The input would take more memory than a profile is worth.
    TooLarge {
        /// The input's name.
        input: String,
        /// Which bound it passed.
        reason: String,
    },
    /// The input ends in the middle of something.
    Truncated {
        /// The input's name.
        input: String,
        /// What was being read when it ended.
        reason: String,
    },
    /// The input is something else than a profile.
    NotAProfile {
        /// The input's name.
        input: String,
        /// What it looks like instead.
        reason: String,
    },
    /// The input is a profile that contradicts itself.
    Malformed {
        /// The input's name.
        input: String,
        /// The contradiction.
        reason: String,
    },
    /// There are no samples to make a profile of, or to show of one.
    NoSamples {
        /// The input's name.
        input: String,
    },
    /// The profile has no values of this type.
    UnknownSampleType {
        /// The input's name.
        input: String,
        /// The type that was asked for.
        wanted: String,
        /// The types that there are, in the file's order.
        known: Vec<String>,
    },
    /// The regular expression doesn't compile.
    BadPattern {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No function's name matches.
    NoMatch {
        /// The input's name.
        input: String,
        /// The expression that was asked for.
        pattern: String,
        /// The functions with the largest flat values, as a help for the next try.
        largest: Vec<String>,
    },
    /// No sample has such a label.
    NoLabel {
        /// The input's name.
        input: String,
        /// What was asked for: `tenant=acme`.
        wanted: String,
        /// The label's values, or the labels' names where there is none of this name.
        known: Vec<String>,
    },
    /// Two profiles measure different things, so one can't be taken from the other.
    DifferentSampleTypes {
        /// The profile's name, and its types with units.
        profile: (String, Vec<String>),
        /// The base's name, and its types with units.
        base: (String, Vec<String>),
    },
    /// Nothing in the profile has a width that could be drawn.
    NothingToDraw {
        /// The input's name.
        input: String,
        /// The type that was to be drawn.
        sample_type: String,
    },
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { path } => write!(
                f,
                "no profile at {}: check the path; Profile::write makes one, and so does a test with DETECTORS_OUT=DIR",
                path.display()
            ),
            Self::Unreadable { path, reason } => write!(
                f,
                "can't read {}: {reason}; give a file that you may read",
                path.display()
            ),
            Self::Unwritable { path, reason } => write!(
                f,
                "can't write {}: {reason}; give a folder that you may write to, with space left",
                path.display()
            ),
            Self::TooLarge { input, reason } => write!(
                f,
                "{input} is too large: {reason}; take the profile over a shorter time, or at a lower rate"
            ),
            Self::Truncated { input, reason } => write!(
                f,
                "{input} is cut short: it ends {reason}; fetch or copy it again"
            ),
            Self::NotAProfile { input, reason } => write!(
                f,
                "{input} is not a profile: {reason}; give a pprof file, gzipped or plain, or dhat's JSON"
            ),
            Self::Malformed { input, reason } => write!(
                f,
                "{input} is a damaged profile: {reason}; take or copy it again"
            ),
            Self::NoSamples { input } => write!(
                f,
                "{input} has no samples: nothing had been seen when it was taken; give the program some work and take it again"
            ),
            Self::UnknownSampleType {
                input,
                wanted,
                known,
            } => write!(
                f,
                "{input} has no sample type \"{wanted}\"; choose one of {}",
                known.join(", ")
            ),
            Self::BadPattern { pattern, reason } => write!(
                f,
                "\"{pattern}\" is not a regular expression: {reason}; escape special characters with \\"
            ),
            Self::NoMatch {
                input,
                pattern,
                largest,
            } => write!(
                f,
                "no function in {input} matches \"{pattern}\"; the largest are {}",
                largest.join(", ")
            ),
            Self::NoLabel {
                input,
                wanted,
                known,
            } if known.is_empty() => write!(
                f,
                "no sample of {input} has the label {wanted}, nor any other; set labels around the work in the program, and take it again"
            ),
            Self::NoLabel {
                input,
                wanted,
                known,
            } => write!(
                f,
                "no sample of {input} has the label {wanted}; there is {}",
                known.join(", ")
            ),
            Self::DifferentSampleTypes { profile, base } => write!(
                f,
                "{} measures {}, and {} measures {}; compare two profiles of the same kind",
                profile.0,
                profile.1.join(", "),
                base.0,
                base.1.join(", ")
            ),
            Self::NothingToDraw { input, sample_type } => write!(
                f,
                "{input} has nothing above zero for {sample_type}; choose another sample type"
            ),
        }
    }
}

impl std::error::Error for ProfileError {}
