//! Heap profiles on disk, for when the process is killed.

mod folder;
mod ring;

use super::headroom::{self, Room};
use crate::allocator;
use crate::outside::kept::{KeptBecause, KeptMoment};
use crate::profile::Profile;
use crate::readings::kernel::{self, Whose};
use ring::{Quota, Ring};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// How often live memory and headroom are looked at, unless profiles are due more often.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait after a profile couldn't be written.
const RETRY: Duration = Duration::from_secs(10);

/// Less growth than this is no new peak.
const PEAK_BYTES_LEAST: u64 = 1 << 20;

/// A process that was killed for memory tells nothing any more. Profiles that it kept on disk do.
///
/// A thread of its own writes a heap profile at once, then every five minutes, at each new peak of live memory, and when less than a tenth
/// is left below the limit. It looks once a second: a peak that is gone by then isn't seen. The limit is that of the control group, or of
/// the machine where the group has none. `leaks autopsy DIR`, or [`Autopsy`](crate::triage::Autopsy), says afterwards what grew, when and how fast.
///
/// ```no_run
/// # #[global_allocator]
/// # static ALLOCATOR: detectors::ProfilingAllocator = detectors::ProfilingAllocator::system();
/// use detectors::debug::KeptProfiles;
///
/// let keeping = KeptProfiles::new("/var/lib/shop/heap").start()?;
/// // Serve. Profiles are kept until `keeping` is dropped.
/// # drop(keeping);
/// # Ok::<(), detectors::debug::KeepError>(())
/// ```
///
/// # Files
///
/// Each is a profile in pprof's format, named `heap-<milliseconds since 1970>-<process>-<why>.pb.gz`. A comment in it tells the
/// [moment](crate::triage::KeptMoment): live and resident memory, and the limit. A file is there whole or not at all, also when the
/// process is killed while it writes. The folder and the files are their owner's alone.
///
/// A profile names functions and has figures. It has nothing of what lies in memory.
///
/// # Quota
///
/// Each start of a process has a quota of its own: 48 files and 64 MiB, unless told otherwise. The oldest goes first, but never the very
/// first and never the one with the most live memory. Several processes may share a folder, since none removes another's files. So what
/// earlier starts left stays, and is yours to remove.
///
/// # Costs
///
/// Nothing on a request's way. The thread reads a few figures once a second. To make a profile takes some megabytes for a moment, and
/// the last peak's profile stays in memory, for `/debug/pprof/heap?at=peak`.
pub struct KeptProfiles {
    folder: Option<PathBuf>,
    quota: Quota,
    rules: Rules,
    tell: Tell,
}

type Tell = Box<dyn FnMut(&str) + Send>;

impl KeptProfiles {
    /// Keeps them in this folder, which is made where it isn't there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        KeptProfiles {
            folder: Some(folder.into()),
            quota: Quota {
                files_max: 48,
                bytes_max: 64 << 20,
            },
            rules: Rules {
                every: Some(Duration::from_mins(5)),
                peak_step: 0.1,
                headroom: Some(0.1),
            },
            tell: Box::new(|problem| {
                // Nothing can be done where even that fails.
                let _ = writeln!(io::stderr(), "{problem}");
            }),
        }
    }

    /// Keeps the profile of the highest live memory, in memory alone: for `/debug/pprof/heap?at=peak`.
    pub fn of_the_peak() -> Self {
        let mut kept = KeptProfiles::new("");
        kept.folder = None;
        kept.rules.every = None;
        kept.rules.headroom = None;
        kept
    }

    /// Keeps one at least so often.
    #[must_use]
    pub fn every(mut self, time: Duration) -> Self {
        self.rules.every = Some(time.max(Duration::from_millis(1)));
        self
    }

    /// Keeps so many files at most, three at least: the first, the highest and the last.
    #[must_use]
    pub fn files_max(mut self, files: usize) -> Self {
        self.quota.files_max = files.max(3);
        self
    }

    /// Keeps so many bytes at most.
    #[must_use]
    pub fn bytes_max(mut self, bytes: u64) -> Self {
        self.quota.bytes_max = bytes;
        self
    }

    /// Live memory is at a new peak when it is higher than at any profile before by this share, and by 1 MiB at least. A tenth unless
    /// told otherwise.
    #[must_use]
    pub fn peak_step(mut self, share: f64) -> Self {
        self.rules.peak_step = share.max(0.0);
        self
    }

    /// Keeps one when less than this share of the limit is left. A tenth unless told otherwise.
    #[must_use]
    pub fn headroom(mut self, share: f64) -> Self {
        self.rules.headroom = Some(share);
        self
    }

    /// Tells what keeps profiles from the folder here, once, in place of standard error.
    #[must_use]
    pub fn telling(mut self, tell: impl FnMut(&str) + Send + 'static) -> Self {
        self.tell = Box::new(tell);
        self
    }

    /// Starts to keep them. A folder that takes no files is no error: that is told once, and tried again.
    ///
    /// # Errors
    ///
    /// When others can write to the folder, when the allocator takes no profiles, or when the system gives no thread.
    pub fn start(self) -> Result<Keeping, KeepError> {
        if !allocator::is_in_use() {
            return Err(KeepError::NoProfiles);
        }
        if let Some(folder) = &self.folder {
            folder::refuse_shared(folder)?;
            folder::remove_left_over(folder);
        }
        let looks = self.rules.every.map_or(LOOK, |every| every.min(LOOK));
        let mut keeper = Keeper {
            ring: self.folder.map(|folder| Ring::new(folder, self.quota)),
            rules: self.rules,
            seen: Seen::default(),
            began_ms: milliseconds_since_1970(),
            tell: Some(self.tell),
            not_before: None,
        };
        let (end, ended) = mpsc::channel();
        let thread = kernel::start_own("kept profiles", move || keeper.run(looks, &ended));
        Ok(Keeping {
            end: Some(end),
            thread: Some(thread.map_err(KeepError::NoThread)?),
        })
    }
}

impl fmt::Debug for KeptProfiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptProfiles")
            .field("folder", &self.folder)
            .field("quota", &self.quota)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// Profiles are kept until this is dropped, which waits for one that is being written.
#[derive(Debug)]
#[must_use = "profiles are kept until it is dropped"]
pub struct Keeping {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Keeping {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was told when it came.
            let _ = thread.join();
        }
    }
}

/// Why no profiles are kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeepError {
    /// Others than this process' user can write to the folder.
    OthersCanWrite {
        /// The folder.
        folder: PathBuf,
        /// Whether it belongs to this process' user.
        is_own: bool,
    },
    /// The program's allocator takes no profiles.
    NoProfiles,
    /// The system gives no thread.
    NoThread(io::Error),
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeepError::OthersCanWrite { folder, is_own } => {
                let folder = folder.display();
                write!(
                    f,
                    "others can write to {folder}, and could change what is kept there; "
                )?;
                if *is_own {
                    write!(f, "take that from them: chmod go-w {folder}")
                } else {
                    write!(f, "it is another user's: name a folder of your own")
                }
            }
            KeepError::NoProfiles => f.write_str(
                "this program's allocator keeps no profile; declare a detectors::ProfilingAllocator as its #[global_allocator]",
            ),
            KeepError::NoThread(error) => write!(f, "the system gives no thread: {error}"),
        }
    }
}

impl Error for KeepError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            KeepError::NoThread(error) => Some(error),
            _ => None,
        }
    }
}

/// When a profile is kept.
#[derive(Debug, Clone, Copy)]
struct Rules {
    every: Option<Duration>,
    peak_step: f64,
    headroom: Option<f64>,
}

/// What there was when profiles were kept.
#[derive(Debug, Default)]
struct Seen {
    last: Option<Instant>,
    live_max: u64,
    is_short: bool,
}

impl Rules {
    /// Why to keep one now, if at all.
    fn ask(&self, seen: &Seen, now: Instant, live: u64, left: Option<f64>) -> Option<KeptBecause> {
        let step = (seen.live_max as f64 * self.peak_step).max(PEAK_BYTES_LEAST as f64);
        let is_peak = live.saturating_sub(seen.live_max) as f64 >= step;
        let is_due = |last| {
            self.every
                .is_some_and(|every| now.duration_since(last) >= every)
        };
        match seen.last {
            None if self.every.is_some() => Some(KeptBecause::First),
            Some(_) if self.is_short(left) && !seen.is_short => Some(KeptBecause::Headroom),
            _ if is_peak => Some(KeptBecause::Peak),
            Some(last) if is_due(last) => Some(KeptBecause::Due),
            _ => None,
        }
    }

    fn is_short(&self, left: Option<f64>) -> bool {
        let least = self.headroom.zip(left);
        least.is_some_and(|(least, left)| left < least)
    }

    /// Twice as much is left as would be short: what goes up and down around the line is told once.
    fn is_wide(&self, left: Option<f64>) -> bool {
        let least = self.headroom.zip(left);
        least.is_some_and(|(least, left)| left >= 2.0 * least)
    }
}

struct Keeper {
    ring: Option<Ring>,
    rules: Rules,
    seen: Seen,
    began_ms: u64,
    /// Gone once it was called.
    tell: Option<Tell>,
    not_before: Option<Instant>,
}

impl Keeper {
    fn run(&mut self, looks: Duration, ended: &Receiver<()>) {
        loop {
            // What the thread itself allocates is no part of what the service does.
            allocator::uncounted(|| self.look());
            if ended.recv_timeout(looks) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn look(&mut self) {
        let now = Instant::now();
        let live = allocator::stats().live_bytes;
        let room = self.rules.headroom.and_then(|_| headroom::now());
        let left = room.as_ref().map(Room::share);
        if self.rules.is_wide(left) {
            self.seen.is_short = false;
        }
        let Some(why) = self.rules.ask(&self.seen, now, live, left) else {
            return;
        };
        if self.not_before.is_some_and(|time| now < time) {
            return;
        }
        match self.keep(why, live, room) {
            Ok(()) => {
                self.seen.last = Some(now);
                self.seen.live_max = self.seen.live_max.max(live);
                self.seen.is_short |= self.rules.is_short(left);
                self.not_before = None;
            }
            Err(error) => {
                let retry = self.rules.every.map_or(RETRY, |every| every.min(RETRY));
                self.not_before = now.checked_add(retry);
                self.tell_once(&error);
            }
        }
    }

    fn keep(&mut self, why: KeptBecause, live: u64, room: Option<Room>) -> Result<(), String> {
        let [resident] = kernel::status_of(Whose::Own, ["VmRSS:"]).unwrap_or_default();
        let moment = KeptMoment {
            why,
            process: std::process::id(),
            began_ms: self.began_ms,
            at_ms: milliseconds_since_1970(),
            live,
            resident,
            limit: room.map(|room| room.limit),
            used: room.map(|room| room.used),
        };
        let profile = moment.told_by(allocator::profile_or_empty()).to_bytes();
        remember(live, &profile);
        let Some(ring) = &mut self.ring else {
            return Ok(());
        };
        write(ring, &moment, &profile).map_err(|why| {
            let folder = ring.folder().display();
            format!("heap profiles can't be kept in {folder}: {why}. This is told once, and tried again.")
        })
    }

    fn tell_once(&mut self, problem: &str) {
        if let Some(mut tell) = self.tell.take() {
            tell(problem);
        }
    }
}

/// The folder is looked at each time: it may have gone, or been opened to others.
fn write(ring: &mut Ring, moment: &KeptMoment, profile: &[u8]) -> Result<(), Box<dyn Error>> {
    folder::make(ring.folder())?;
    folder::refuse_shared(ring.folder())?;
    Ok(ring.keep(moment, profile)?)
}

fn milliseconds_since_1970() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// The profile of the highest live memory that was kept, with that memory in bytes.
static PEAK: Mutex<Option<(u64, Vec<u8>)>> = Mutex::new(None);

fn peak() -> MutexGuard<'static, Option<(u64, Vec<u8>)>> {
    PEAK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember(live: u64, profile: &[u8]) {
    let mut peak = peak();
    if peak.as_ref().is_none_or(|(highest, _)| live > *highest) {
        *peak = Some((live, profile.to_vec()));
    }
}

/// What `/debug/pprof/heap?at=peak` answers; `None` when nothing is kept.
pub(super) fn peak_profile() -> Option<Profile> {
    let (_, bytes) = peak().clone()?;
    Profile::from_bytes("the peak's profile", &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{Rules, Seen};
    use crate::outside::kept::KeptBecause;
    use std::time::{Duration, Instant};

    const MIB: u64 = 1 << 20;

    #[test]
    fn each_occasion_is_seen_and_no_other() {
        let rules = Rules {
            every: Some(Duration::from_mins(5)),
            peak_step: 0.1,
            headroom: Some(0.1),
        };
        let began = Instant::now();
        let ask = |seen: &Seen, seconds, live, left| {
            let now = began + Duration::from_secs(seconds);
            rules.ask(seen, now, live, Some(left))
        };
        let nothing = Seen::default();
        assert_eq!(ask(&nothing, 0, 0, 0.5), Some(KeptBecause::First));
        let seen = Seen {
            last: Some(began),
            live_max: 100 * MIB,
            is_short: false,
        };
        assert_eq!(ask(&seen, 299, 109 * MIB, 0.1), None);
        assert_eq!(ask(&seen, 299, 110 * MIB, 0.1), Some(KeptBecause::Peak));
        assert_eq!(ask(&seen, 300, 50 * MIB, 0.1), Some(KeptBecause::Due));
        assert_eq!(ask(&seen, 1, 50 * MIB, 0.09), Some(KeptBecause::Headroom));
        let told = Seen {
            is_short: true,
            ..seen
        };
        assert_eq!(ask(&told, 1, 50 * MIB, 0.05), None, "once");
        let small = Seen {
            live_max: MIB,
            ..told
        };
        assert_eq!(ask(&small, 1, 2 * MIB - 1, 0.5), None, "1 MiB at least");
        assert!(rules.is_wide(Some(0.2)) && !rules.is_wide(Some(0.19)));

        let peak_alone = Rules {
            every: None,
            headroom: None,
            ..rules
        };
        assert_eq!(peak_alone.ask(&nothing, began, 0, None), None);
        let first = peak_alone.ask(&nothing, began, MIB, None);
        assert_eq!(first, Some(KeptBecause::Peak));
    }
}
