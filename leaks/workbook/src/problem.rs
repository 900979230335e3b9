//! What keeps a command from doing its work, in words: the input, the reason, the next step.

use std::fmt;
use std::io;
use std::path::Path;

pub type Result<T> = std::result::Result<T, Problem>;

/// Why a command could not do what was asked. It ends the process with status 2.
#[derive(Debug)]
pub enum Problem {
    /// Something to tell the reader.
    Told {
        what: String,
        why: Option<String>,
        next: Option<String>,
    },
    /// The command's own output could not be written.
    Output(io::Error),
    /// The reader pressed Ctrl-C.
    Interrupted,
}

impl Problem {
    /// A problem with `what`, which names the input.
    pub fn new(what: impl Into<String>) -> Self {
        Problem::Told {
            what: what.into(),
            why: None,
            next: None,
        }
    }

    /// A file or folder that could not be used.
    pub fn file(action: &str, path: &Path, error: &io::Error) -> Self {
        Problem::new(format!("can't {action} {}", crate::say::path(path)))
            .because(error)
            .step_for(error.kind())
    }

    /// Adds what to do about a place that takes no files.
    #[must_use]
    pub fn step_for(self, kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                self.next("Free some space on that disk and try again.")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                self.next("Use a copy of the workbook in a folder that you may write to.")
            }
            _ => self,
        }
    }

    /// Adds the reason.
    #[must_use]
    pub fn because(mut self, reason: impl fmt::Display) -> Self {
        if let Problem::Told { why, .. } = &mut self {
            *why = Some(reason.to_string());
        }
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        if let Problem::Told { next, .. } = &mut self {
            *next = Some(step.into());
        }
        self
    }
}

/// Only a command's own output is written with `?` alone; every other failure names its file.
impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Output(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Told { what, why, next } => {
                f.write_str(what)?;
                if let Some(why) = why {
                    write!(f, ": {why}")?;
                }
                if let Some(next) = next {
                    write!(f, "\n  {next}")?;
                }
                Ok(())
            }
            Problem::Output(error) => write!(f, "can't write the output: {error}"),
            Problem::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Problem {}
