//! Whether a piece of code leaves something open: taken as a baseline, found as a value, asserted in words.

use super::open::{Group, Open};
use super::waits::Waits;
use crate::model::class::Class;
use crate::model::complaint::{Complaint, Concept, passed};
use crate::model::kind::Kind;
use crate::model::this_test;
use crate::model::verdict::Verdict;
use crate::model::words::{count, frame_from_here, grouped, whose, wrapped};
use crate::readings::spawn_site;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::time::Duration;

/// How long it may take to close, unless told otherwise.
const WITHIN: Duration = Duration::from_secs(1);

/// Finds what a piece of code leaves open: sockets, descriptors, threads.
///
/// ```should_panic
/// use detectors::process::OpenCheck;
///
/// let check = OpenCheck::new("the import")?;
/// std::mem::forget(tempfile::tempfile()?);
/// check.find()?.assert_none(); // one file is left open: this fails
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Where it can mislead you
///
/// - It sees the whole process. What another thread opens meanwhile is left open as well: see [`tests!`](crate::tests!).
/// - What the first call opens for good, such as a runtime's `eventpoll`, is left open by the first call. Let the code run once
///   before.
/// - Where as many are closed as are opened in one group, nothing is new.
#[derive(Debug, Clone)]
pub struct OpenCheck {
    name: String,
    baseline: Open,
    ignored: Vec<String>,
    within: Duration,
}

impl OpenCheck {
    /// A check whose baseline is what is open now. The name goes into the failure's text.
    ///
    /// # Errors
    ///
    /// Where the system doesn't tell: on Linux when `/proc` isn't mounted, elsewhere always.
    pub fn new(name: impl Into<String>) -> io::Result<Self> {
        Ok(OpenCheck {
            name: name.into(),
            baseline: Open::now()?,
            ignored: Vec::new(),
            within: WITHIN,
        })
    }

    /// Leaves out groups whose name has this text in it: `threads named backend`, `127.0.0.1:9200`. May be called again for more.
    #[must_use]
    pub fn ignoring(mut self, group: impl Into<String>) -> Self {
        self.ignored.push(group.into());
        self
    }

    /// How long it may take to close; a second unless told otherwise. It waits only as long as something is open.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// What is left open once what was about to close has closed.
    ///
    /// Returns as soon as nothing is left. Else it looks again after 0.2 ms, 0.4 ms and so on, never waiting more than 20 ms at
    /// once, until the time is up. It blocks its thread: within a runtime use [`find_async`](OpenCheck::find_async).
    ///
    /// # Errors
    ///
    /// Where the system doesn't tell any more, as without a descriptor to read `/proc` through.
    pub fn find(&self) -> io::Result<LeftOpen> {
        let mut waits = Waits::new(self.within);
        loop {
            let left = self.left(waits.waited())?;
            match waits.next().filter(|_| left.count() > 0) {
                Some(wait) => std::thread::sleep(wait),
                None => return Ok(left),
            }
        }
    }

    /// As [`find`](OpenCheck::find), while the runtime goes on: what its tasks hold can close.
    ///
    /// # Errors
    ///
    /// As [`find`](OpenCheck::find).
    ///
    /// # Panics
    ///
    /// On a runtime without timers.
    #[cfg(feature = "tokio")]
    pub async fn find_async(&self) -> io::Result<LeftOpen> {
        let mut waits = Waits::new(self.within);
        // A task that has been woken, and has only to run to be done.
        tokio::task::yield_now().await;
        loop {
            let left = self.left(waits.waited())?;
            match waits.next().filter(|_| left.count() > 0) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Ok(left),
            }
        }
    }

    fn left(&self, waited: Duration) -> io::Result<LeftOpen> {
        let grown = Open::now()?.since(&self.baseline);
        let (ignored, groups): (Vec<Group>, Vec<Group>) = grown.into_iter().partition(|group| {
            let is_in = |text: &String| group.name.contains(text.as_str());
            self.ignored.iter().any(is_in)
        });
        Ok(LeftOpen {
            name: self.name.clone(),
            groups,
            ignored: ignored.iter().map(|group| group.count).sum(),
            waited,
        })
    }
}

/// What a [`OpenCheck`] found left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOpen {
    name: String,
    groups: Vec<Group>,
    ignored: u64,
    waited: Duration,
}

impl LeftOpen {
    /// How many sockets, descriptors and threads are left, without those that were to be ignored.
    pub fn count(&self) -> u64 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// What is alike, with how many more there are than at the baseline.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How many were ignored, as it was asked for.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// `steady` when nothing is left, `leak` when something is.
    pub fn verdict(&self) -> Verdict {
        if self.count() == 0 {
            Verdict::Steady
        } else {
            Verdict::Leak
        }
    }

    /// Whether nothing is left.
    ///
    /// # Errors
    ///
    /// With the failure's text.
    pub fn check_none(&self) -> Result<(), Complaint> {
        match self.verdict() {
            Verdict::Steady => Ok(()),
            _ => Err(Complaint::new(self)),
        }
    }

    /// Fails the test when something is left open.
    ///
    /// # Panics
    ///
    /// With the text of [`check_none`](LeftOpen::check_none).
    #[track_caller]
    pub fn assert_none(&self) -> &Self {
        passed(self, self.check_none())
    }

    /// Files alone are cleanup that comes too late; what else is left has no class by itself.
    fn concept(&self) -> Concept {
        let is_files = |group: &Group| group.kind == Kind::Descriptors;
        if self.groups.iter().all(is_files) {
            Class::DeferredCleanup.into()
        } else {
            Verdict::Leak.into()
        }
    }
}

/// The failure of a test, or a line that says that nothing is left.
impl Display for LeftOpen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let saw = match self.count() {
            0 => "nothing".to_owned(),
            left => format!("{} left", grouped(left.cast_signed())),
        };
        let name = &self.name;
        let expected = format!("{name}: expected nothing left open, saw {saw}");
        writeln!(f, "{}", wrapped(&expected))?;
        let ignored = match self.ignored {
            0 => String::new(),
            ignored => format!("; {} more ignored", grouped(ignored.cast_signed())),
        };
        let because = format!(
            "because: that many more are open than at the baseline, after {} ms of waiting for them to close{ignored}",
            self.waited.as_millis()
        );
        writeln!(f, "{}", wrapped(&because))?;
        if self.verdict() == Verdict::Steady {
            return Ok(());
        }
        writeln!(f)?;
        for group in &self.groups {
            let unit = match group.kind {
                Kind::Sockets => "socket",
                Kind::Threads => "thread",
                _ => "descriptor",
            };
            writeln!(
                f,
                "{}: {}",
                count(group.count.cast_signed(), unit),
                group.name
            )?;
            if let Some(site) = group.spawned_at {
                for resolved in spawn_site::resolve(&[site]) {
                    let whose = whose(resolved.origin);
                    writeln!(f, "  spawned by {}", frame_from_here(&resolved.frame))?;
                    writeln!(f, "  {whose}, signature {}", resolved.signature)?;
                }
            } else if group.kind == Kind::Threads {
                writeln!(
                    f,
                    "  what would tell who started it: detectors::process::spawn_thread"
                )?;
            }
        }
        writeln!(f, "\n{}", self.concept())?;
        write!(f, "\nnext: run it again, alone\n  {}", this_test::again())
    }
}
