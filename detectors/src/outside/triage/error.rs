//! What keeps a triage from an answer.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a process or a service can't be looked at.
#[derive(Debug)]
#[non_exhaustive]
pub enum TriageError {
    /// No process has that number.
    NoSuchProcess(u32),
    /// It is a thread of the kernel's own, which has no memory to look at.
    OfTheKernel(u32),
    /// It belongs to another user, or protects itself.
    NotPermitted {
        /// The process' number.
        id: u32,
        /// The reading that was refused.
        what: &'static str,
    },
    /// It ended while it was looked at.
    Ended(u32),
    /// It ended, and its number went to another process.
    Reused(u32),
    /// The system tells nothing, or not this.
    Unread {
        /// The process' number.
        id: u32,
        /// Why not.
        reason: io::Error,
    },
    /// No control group is in this folder.
    NoSuchGroup(PathBuf),
    /// The control group was removed while it was looked at.
    GroupGone(PathBuf),
    /// There is a control group in this folder, and nothing in it counts memory.
    NoMemoryController {
        /// Its folder.
        path: PathBuf,
        /// Of the control groups that were found: 1 or 2.
        version: u8,
    },
    /// It may not be read.
    GroupNotPermitted(PathBuf),
    /// The system tells nothing of it.
    GroupUnread {
        /// Its folder.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// The process is in no control group that can be looked at.
    NoGroup {
        /// The process' number.
        id: u32,
        /// Why not.
        why: String,
    },
    /// The service didn't answer.
    NoAnswer {
        /// The service's name.
        service: String,
        /// What was asked for.
        path: String,
        /// Why not.
        reason: String,
    },
    /// What answered isn't a debug port: neither of this library's, nor with pprof's profiles.
    NotOurs {
        /// The service's name.
        service: String,
    },
    /// Nobody tells who holds what grows.
    NoHolders {
        /// The subject's name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A squeeze needs a process of this machine, by its number.
    NoProcess,
    /// The kernel can't squeeze a process.
    NoSqueeze(io::Error),
    /// Whoever was told of the progress ended the look.
    Stopped,
}

impl fmt::Display for TriageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TriageError::NoSuchProcess(id) => write!(f, "there is no process {id}"),
            TriageError::OfTheKernel(id) => {
                write!(
                    f,
                    "process {id} is a thread of the kernel's, and has no memory of its own"
                )
            }
            TriageError::NotPermitted { id, what } => write!(
                f,
                "{what} of process {id} may not be read: it is another user's, or protects itself"
            ),
            TriageError::Ended(id) => write!(f, "process {id} ended while it was looked at"),
            TriageError::Reused(id) => write!(
                f,
                "process {id} ended while it was looked at, and its number is another process' now"
            ),
            TriageError::Unread { id, reason } => {
                write!(f, "process {id} can't be read: {reason}")
            }
            TriageError::NoSuchGroup(path) => {
                write!(f, "there is no control group in {}", path.display())
            }
            TriageError::GroupGone(path) => write!(
                f,
                "the control group {} was removed while it was looked at: its processes have ended",
                path.display()
            ),
            TriageError::NoMemoryController { path, version } => write!(
                f,
                "the control group {} is of version {version}, and has no memory controller: nothing in it counts memory",
                path.display()
            ),
            TriageError::GroupNotPermitted(path) => {
                write!(f, "the control group {} may not be read", path.display())
            }
            TriageError::GroupUnread { path, reason } => {
                write!(
                    f,
                    "the control group {} can't be read: {reason}",
                    path.display()
                )
            }
            TriageError::NoGroup { id, why } => {
                write!(f, "process {id} has no control group to look at: {why}")
            }
            TriageError::NoAnswer {
                service,
                path,
                reason,
            } => write!(f, "{service} doesn't answer {path}: {reason}"),
            TriageError::NotOurs { service } => write!(
                f,
                "{service} answers, and it is no debug port: /metrics has no figure of detectors::debug, and there is no profile at /debug/pprof/heap"
            ),
            TriageError::NoHolders { name, reason } => {
                write!(f, "{name} doesn't tell who holds what grows: {reason}")
            }
            TriageError::NoProcess => {
                f.write_str("only a process of this machine can be squeezed, by its number")
            }
            TriageError::NoSqueeze(reason) => write!(
                f,
                "the kernel doesn't take memory from the process: {reason}; a squeeze needs Linux 5.10, the capability CAP_SYS_NICE, and the right to read the process as a debugger does"
            ),
            TriageError::Stopped => f.write_str("the look was ended before its time"),
        }
    }
}

impl std::error::Error for TriageError {}
