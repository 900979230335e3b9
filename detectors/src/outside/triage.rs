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
//! Three kinds of subject:
//!
//! | subject | read from | knows | doesn't know |
//! |---|---|---|---|
//! | [`Triage::of_pid`]: any process of this machine, in any language | the kernel's `/proc` | resident memory by kind, sockets, descriptors, threads | which memory is live |
//! | [`Triage::of_cgroup`], [`Triage::of_container_of`]: a container | the control group that counts its memory, of version 1 or 2 | what is charged to its limit by kind, files on a tmpfs and the kernel's among it; the limit, and who was killed by it | which memory is live; sockets, descriptors, threads |
//! | [`Triage::of_service`]: a service with the endpoints of `debug` | its own `/metrics` and profiles | live memory, tasks, the line that makes what grows, and whose the rest of resident memory is | which files are open |
//! | the same, of any service with pprof's profiles, such as one in Go | its heap profile, its goroutines, and the metrics beside them | what the profile counts as live, tasks, the line | what isn't in that profile; resident memory, where no metrics tell it |
//!
//! # What an observation entitles one to say
//!
//! | seen | said | because |
//! |---|---|---|
//! | sockets, descriptors, threads or tasks rise in every window | `leak` | each of them is live until the process ends it |
//! | live memory rises in every window | `leak` | as in a watch |
//! | live memory rests, and what the allocator gave to others than Rust rises, or what is mapped beside it | `leak`, of the class `foreign-memory` | nobody but C code, or whoever maps for itself, can have it |
//! | live memory rests, resident memory climbs, and the allocator's free memory with it | `inconclusive`: the allocator keeps more and more | it may give it back, or not |
//! | live memory rests, and resident memory wasn't read, or climbs without figures of an allocator | `inconclusive` | whose it is can't be seen |
//! | each floor is higher than the one before, by however little | never calm | noise falls as often as it rises |
//! | anonymous memory rises in every window, seen from outside | `leak`, and what else it could be | it has no file behind it and was not given back; an allocator that keeps more and more, and a collector that has not run yet, look the same |
//! | the same, in a program whose runtime has a garbage collector: Go, JavaScript, Java, .NET, Ruby, Erlang, by the files that it has mapped | `leak` from four times as much on, and in Java and .NET never; `inconclusive` below | so much may come before it collects |
//! | it rises while lazily freed memory falls by as much | `inconclusive` | the process takes back what it had freed: resident memory says nothing yet |
//! | files on a tmpfs, or shared memory, rise in every window of a control group | `leak` | they are in nobody's resident memory, and nothing drops them |
//! | the kernel's memory for a control group rises, without what it drops by itself | `leak`, and what it may be | sockets, mappings and files that are open have their part in it |
//! | page cache of a control group rises | no leak; told beside the verdict, and so is what the kernel keeps for its pages | the kernel drops it when the group needs the room |
//! | mapped files rise | no leak; told beside the verdict | the kernel drops their pages when it needs the room |
//! | half of resident memory is lazily freed (64 MiB or more), and nothing rises | `retention` | the process has given these pages up, by the kernel's own count |
//! | live memory is a fifth of resident memory or less (and 64 MiB less), and nothing rises | `retention` | the rest holds no block |
//! | resident memory is high and flat, seen from outside | `steady` | whether it is live can't be seen from there, and is not guessed |
//! | memory falls back from four times what stays | `pressure` | the peak is what has to be paid for |
//! | live memory rests, and what a service's hash tables hold rises in every window | `leak` | entries go into room that is there already, until the table doubles |
//! | live memory moves, and the number of live blocks rises in every window | `leak` | a buffer that comes or goes is one block, however large |
//! | nothing rises, but one block gave way to one of twice the size | `inconclusive` | what fills a vector between two doublings isn't seen |
//! | the rise is not clear of the noise, or not even | `inconclusive`, and how long to look | more time makes it clear |
//!
//! Beside each verdict, a service of up to 1 GiB is asked for its tasks that can never wake, once, when the look is over
//! ([`TriageEvidence::never_wake`]). For the answer it is copied twice: see `debug` for what that costs it. Go's services tell their goroutines, where they
//! are built with that experiment of Go's.
//!
//! # How long it takes, and how often it is wrong
//!
//! Unless it is told for how long, a look asks itself after 30, 60 and 120 s whether a leak is clear, and ends if so; a calm word takes
//! three minutes. Asked four times, the rule accuses fewer than 1 in 100 of the series that a test computes of noise, saw-teeth, steps,
//! and warm-ups that end within the first seconds; and 1 in 16 of walks by chance, whose steps add up to growth. What fills at an even
//! pace for longer than half a minute is growth for as long as that: look again. A verdict that isn't `leak` says which growth it excludes.
//!
//! # Where it can mislead you
//!
//! - It sees what happens while it looks, and nothing else. An idle process that leaks with each request is `steady`.
//! - A vector may lie between two doublings for as long as the look, and a table too: how full hash tables are is told by the debug port of
//!   `debug`, of those of 256 KiB or more that were sampled. A vector that fills memory which was in RAM before is seen by nobody.
//! - A garbage collector that runs less often than once in the look leaves a plain climb. Those of common runtimes are known, and nothing is
//!   accused that they may let come; of any other, look for longer than its period.
//! - Under a load that climbs for as long as the look, sockets and memory climb with it.
//! - Shared memory that rises is accused as well: a file on a `tmpfs` is such memory.
//! - A control group of version 1 tells the kernel's memory as one figure: dentries and inodes, which the kernel drops by itself, are in it.
//! - A control group counts a page for whoever touched it first: page cache and shared memory may be another group's.
//! - Each reading costs the process a little, since the kernel walks its page tables: at most a tenth of the time is spent on it.
//!
//! Only Linux tells. Elsewhere [`Triage::of_pid`] returns an error that says so.

mod autopsy;
mod cgroup;
mod collector;
mod container;
mod doubled;
mod error;
mod evidence;
mod grown;
mod headroom;
mod held;
mod judgement;
mod never_wake;
mod outside;
mod profiled;
mod quantity;
mod rule;
mod sampling;
mod service;
mod squeeze;
mod tables;

pub use crate::outside::held::Held;
pub use crate::outside::kept::{KeptBecause, KeptMoment};
pub use autopsy::{Autopsy, AutopsyError, KeptFile, SkippedFile};
pub use container::{Container, Limit, OfContainer, Pressure};
pub use error::TriageError;
pub use evidence::{Growth, Moment, Part, Smallest, Span, TriageEvidence};
pub use headroom::Headroom;
pub use never_wake::NeverWake;
pub use service::Fetches;
pub use squeeze::Squeezed;

use cgroup::ControlGroup;
use outside::Process;
use sampling::Source;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// When a look asks itself whether a leak is clear, unless it is told how long to look. Each time is twice the one before, but for the
/// last: three minutes tell 4 kB a second from nothing.
const TIMES: [u64; 4] = [30, 60, 120, 180];

/// Less time has no room for windows.
const SHORTEST: Duration = Duration::from_secs(1);

/// A look at a process that runs. See the [module](self) for what it can tell.
pub struct Triage {
    subject: Subject,
    /// When it may end, the last of them at the latest.
    times: Vec<Duration>,
    squeezes: bool,
}

enum Subject {
    Process(Process),
    Group(ControlGroup),
    Service(Box<dyn Source + Send>),
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

    /// Looks at a container by the control group in this folder, of version 2 or 1: all its processes, and what is charged to it beside them.
    ///
    /// # Errors
    ///
    /// When no control group is there, or none that counts memory, or it may not be read.
    pub fn of_cgroup(path: impl AsRef<Path>) -> Result<Self, TriageError> {
        let group = ControlGroup::find(path.as_ref())?;
        Ok(Triage::of(Subject::Group(group)))
    }

    /// Looks at the container that a process is in: at the control group that counts its memory.
    ///
    /// # Errors
    ///
    /// When there is no such process, or it is in no group that counts memory but the whole machine's; elsewhere than on Linux always.
    pub fn of_container_of(id: u32) -> Result<Self, TriageError> {
        let group = ControlGroup::find_of(id)?;
        Ok(Triage::of(Subject::Group(group)))
    }

    /// Looks at a service by its own word: `asks` fetches from its debug port. Any port with pprof's profiles will do, such as that of a
    /// service in Go; the metrics of `debug` tell more.
    ///
    /// # Errors
    ///
    /// When it doesn't answer, or neither with the metrics of `debug` nor with a heap profile.
    pub fn of_service(
        name: impl Into<String>,
        asks: impl Fetches + 'static,
    ) -> Result<Self, TriageError> {
        let service = service::find(name.into(), Box::new(asks))?;
        Ok(Triage::of(Subject::Service(service)))
    }

    fn of(subject: Subject) -> Self {
        Triage {
            subject,
            times: TIMES.map(Duration::from_secs).to_vec(),
            squeezes: false,
        }
    }

    /// Looks for so long, a second at least, whatever it sees.
    ///
    /// Unless told so, a look ends as soon as a leak is clear, after 30, 60 or 120 s, and otherwise after three minutes: a calm word takes
    /// all of them, since slow growth needs as long to show. In 15 s a look tells what grows faster than 50 kB or a handle a second, where
    /// nothing else moves; in three minutes, 4 kB.
    #[must_use]
    pub fn for_exactly(mut self, time: Duration) -> Self {
        self.times = vec![time.max(SHORTEST)];
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

    /// Has the service tell who holds the memory that grows, and so which class it is, where the evidence is a leak of live memory. The
    /// service notes each block for so long, rounded to seconds, and asks a copy of itself: see `debug` for what that costs it.
    ///
    /// Nothing is asked where no live memory grows. A class is told only where nearly all blocks agree.
    ///
    /// # Errors
    ///
    /// [`TriageError::NoHolders`] when the service doesn't tell it: what is in `evidence` stays as it was.
    pub fn who_holds(
        &self,
        evidence: &mut TriageEvidence,
        time: Duration,
    ) -> Result<(), TriageError> {
        if !evidence.may_be_held() {
            return Ok(());
        }
        let asks = match &self.subject {
            Subject::Service(service) => service.asks(),
            _ => None,
        };
        let reason = "who holds live memory is told by the debug port of `detectors` alone";
        let no_holders = |reason: String| TriageError::NoHolders {
            name: self.name(),
            reason,
        };
        let asks = asks.ok_or_else(|| no_holders(reason.to_owned()))?;
        let held = held::ask(asks, time).map_err(no_holders)?;
        evidence.learn(held);
        Ok(())
    }

    /// What it is called: `process 4711 (python3)`.
    pub fn name(&self) -> String {
        match &self.subject {
            Subject::Process(process) => process.name(),
            Subject::Group(group) => group.name(),
            Subject::Service(service) => service.name(),
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
        self.find_while(|progress| match tell(progress) {
            ControlFlow::Continue(()) => Going::On,
            ControlFlow::Break(()) => Going::Stop,
        })
    }

    /// As [`find_with`](Triage::find_with), where what is told may also say that it is enough: then what was seen until then is judged.
    ///
    /// # Errors
    ///
    /// As [`find_with`](Triage::find_with).
    pub fn find_while(
        &mut self,
        mut tell: impl FnMut(&TriageProgress) -> Going,
    ) -> Result<TriageEvidence, TriageError> {
        let source: &mut dyn Source = match &mut self.subject {
            Subject::Process(process) => process,
            Subject::Group(group) => group,
            Subject::Service(service) => service.as_mut(),
        };
        let look = sampling::look(source, &self.times, &judgement::is_leak, &mut tell)?;
        let mut evidence = judgement::judge(source, &look);
        if source.is_withholding() {
            evidence.withhold();
        } else {
            let now = look.moments.last().copied().unwrap_or_default();
            evidence.never_wake = source.never_wake(&now);
        }
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
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// What becomes of a look after a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
    /// It goes on.
    On,
    /// It ends, and what was seen is judged.
    Enough,
    /// It ends with [`TriageError::Stopped`].
    Stop,
}

/// How far a look has come.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TriageProgress {
    /// For how long it has looked.
    pub looked: Duration,
    /// For how long it will, and longer if nothing is clear then.
    pub of: Duration,
    /// For how long at most.
    pub at_most: Duration,
    /// What was read last.
    pub now: Moment,
    /// How much is left below the subject's limit, as far as that is known: its control group's or the machine's, or what the service tells.
    pub headroom: Option<Headroom>,
}
