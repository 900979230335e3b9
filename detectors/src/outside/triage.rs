//! Which of the six verdicts is it, for a process that runs? Looked at from outside, without any change in it.
//!
//! ```no_run
//! use detectors::triage::Triage;
//!
//! let evidence = Triage::of_pid(4711)?.find()?;
//! println!("{evidence}");
//! # Ok::<(), detectors::triage::TriageError>(())
//! ```
//!
//! Two kinds of subject:
//!
//! | subject | read from | knows | doesn't know |
//! |---|---|---|---|
//! | [`Triage::of_pid`]: any process of this machine, in any language | the kernel's `/proc` | resident memory by kind, sockets, descriptors, threads | which memory is live |
//! | [`Triage::of_service`]: a service with the endpoints of `debug` | its own `/metrics` and profiles | live memory, tasks, and the line that makes what grows | resident memory by kind |
//!
//! # What an observation entitles one to say
//!
//! | seen | said | because |
//! |---|---|---|
//! | sockets, descriptors, threads or tasks rise in every window | `leak` | each of them is live until the process ends it |
//! | live memory rises in every window | `leak` | as in a watch |
//! | anonymous memory rises in every window, seen from outside | `leak`, and what else it could be | it has no file behind it and was not given back; an allocator that keeps more and more, and a collector that has not run yet, look the same |
//! | it rises while lazily freed memory falls by as much | `inconclusive` | the process takes back what it had freed: resident memory says nothing yet |
//! | mapped files rise | no leak; told beside the verdict | the kernel drops their pages when it needs the room |
//! | half of resident memory is lazily freed (64 MiB or more), and nothing rises | `retention` | the process has given these pages up, by the kernel's own count |
//! | live memory is a fifth of resident memory or less (and 64 MiB less), and nothing rises | `retention` | the rest holds no block |
//! | resident memory is high and flat, seen from outside | `steady` | whether it is live can't be seen from there, and is not guessed |
//! | memory falls back from four times what stays | `pressure` | the peak is what has to be paid for |
//! | the rise is not clear of the noise, or not even | `inconclusive`, and how long to look | more time makes it clear |
//!
//! # Where it can mislead you
//!
//! - It sees what happens while it looks, and nothing else. An idle process that leaks with each request is `steady`.
//! - A garbage collector that runs less often than once in the look leaves a plain climb. Look for longer than its period.
//! - Under a load that climbs for as long as the look, sockets and memory climb with it.
//! - Shared memory that rises is accused as well: a file on a `tmpfs` is such memory.
//! - Each reading costs the process a little, since the kernel walks its page tables: at most a tenth of the time is spent on it.
//!
//! Only Linux tells. Elsewhere [`Triage::of_pid`] returns an error that says so.

mod error;
mod evidence;
mod judgement;
mod outside;
mod quantity;
mod rule;
mod sampling;
mod service;
mod squeeze;

pub use error::TriageError;
pub use evidence::{Growth, Moment, Part, Smallest, Span, TriageEvidence};
pub use service::Fetches;
pub use squeeze::Squeezed;

use outside::Process;
use sampling::Source;
use service::Service;
use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

/// How long it looks unless told otherwise.
const LOOK: Duration = Duration::from_secs(15);

/// Less time has no room for windows.
const SHORTEST: Duration = Duration::from_secs(1);

/// A look at a process that runs. See the [module](self) for what it can tell.
pub struct Triage {
    subject: Subject,
    time: Duration,
    squeezes: bool,
}

enum Subject {
    Process(Process),
    Service(Service),
}

impl Triage {
    /// Looks at a process of this machine, by its number.
    ///
    /// # Errors
    ///
    /// When there is no such process, or when it is another user's; elsewhere than on Linux always.
    pub fn of_pid(id: u32) -> Result<Self, TriageError> {
        Ok(Triage::of(Subject::Process(Process::find(id)?)))
    }

    /// Looks at a service by its own word: `asks` fetches from its debug port.
    ///
    /// # Errors
    ///
    /// When it doesn't answer, or not with the metrics of `debug`.
    pub fn of_service(
        name: impl Into<String>,
        asks: impl Fetches + 'static,
    ) -> Result<Self, TriageError> {
        let service = Service::find(name.into(), Box::new(asks))?;
        Ok(Triage::of(Subject::Service(service)))
    }

    fn of(subject: Subject) -> Self {
        Triage {
            subject,
            time: LOOK,
            squeezes: false,
        }
    }

    /// How long it looks, at most; 15 s unless told otherwise, and never less than one. In 15 s it tells what grows faster than
    /// 50 kB or a handle a second, where nothing else moves.
    #[must_use]
    pub fn for_at_most(mut self, time: Duration) -> Self {
        self.time = time.max(SHORTEST);
        self
    }

    /// Has the kernel take memory away from the process at the end, as it would under pressure, to see what goes.
    ///
    /// A squeeze needs `CAP_SYS_NICE`, and the right to read the process as a debugger does: root has both, unless it was denied them. It
    /// is for a process of this machine. The process goes on, and waits for each page that it needs again: where there is swap, the pages
    /// come from the disk.
    #[must_use]
    pub fn squeezing(mut self) -> Self {
        self.squeezes = true;
        self
    }

    /// What it is called: `process 4711 (python3)`.
    pub fn name(&self) -> String {
        match &self.subject {
            Subject::Process(process) => process.name(),
            Subject::Service(service) => service.name().to_owned(),
        }
    }

    /// Looks, and returns what it saw. It blocks its thread for as long as it looks.
    ///
    /// # Errors
    ///
    /// When the process ends meanwhile, or can't be read any more.
    pub fn find(&mut self) -> Result<TriageEvidence, TriageError> {
        self.find_with(|_| ControlFlow::Continue(()))
    }

    /// As [`find`](Triage::find), telling how far it has come after each reading. What is told may end the look by
    /// [`ControlFlow::Break`].
    ///
    /// # Errors
    ///
    /// As [`find`](Triage::find); and [`TriageError::Stopped`].
    pub fn find_with(
        &mut self,
        mut tell: impl FnMut(&TriageProgress) -> ControlFlow<()>,
    ) -> Result<TriageEvidence, TriageError> {
        let source: &mut dyn Source = match &mut self.subject {
            Subject::Process(process) => process,
            Subject::Service(service) => service,
        };
        let look = sampling::look(source, self.time, &mut tell)?;
        let mut evidence = judgement::judge(source, &look);
        if self.squeezes {
            let Subject::Process(process) = &self.subject else {
                return Err(TriageError::NoProcess);
            };
            evidence.squeezed = Some(squeeze::squeeze(process)?);
        }
        Ok(evidence)
    }
}

impl fmt::Debug for Triage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Triage")
            .field("name", &self.name())
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// How far a look has come.
#[derive(Debug, Clone, Copy)]
pub struct TriageProgress {
    /// For how long it has looked.
    pub looked: Duration,
    /// For how long it will.
    pub of: Duration,
    /// What was read last.
    pub now: Moment,
}
