//! What the profiles tell that a process kept until it ended.

use super::evidence::Growth;
use super::grown::{self, Sites};
use crate::model::class::Class;
use crate::model::kind::Kind;
use crate::model::verdict::Verdict;
use crate::model::words::grouped;
use crate::outside::kept::{KeptMoment, NAME, UNFINISHED, is_named};
use crate::profile::Profile;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Fewer profiles show no course: any three figures may rise by chance.
const PROFILES_LEAST: usize = 4;

/// A smaller rise is none.
const RISE_LEAST: i64 = 1 << 20;

/// Growth that goes on keeps at least this much of its early pace, as in a look at a running process.
const PACE_KEPT: f64 = 0.5;

/// What the heap profiles in a folder tell of one process that kept them: what grew, when and how fast. The feature `debug` has
/// `KeptProfiles`, which keeps them.
///
/// ```no_run
/// use detectors::triage::Autopsy;
///
/// let autopsy = Autopsy::of("/var/lib/shop/heap", None)?;
/// println!("{autopsy}");
/// # Ok::<(), detectors::triage::AutopsyError>(())
/// ```
///
/// # The verdict
///
/// It is `leak` when the lowest live memory of each third of the time is higher than that of the third before, by more than ever fell
/// between two profiles and by 1 MiB at least, and when the last rise is at least half of the one before. The first profile, from before
/// any work, is left out where it can be. Everything else is `inconclusive`: a few moments are too few for a calm word.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Autopsy {
    /// The process' number.
    pub process: u32,
    /// The one word.
    pub verdict: Verdict,
    /// Always `None`: who holds the memory can't be asked any more. It is there for readers of any evidence.
    pub class: Option<Class>,
    /// Why this verdict: one sentence with the deciding figures.
    pub because: String,
    /// What would turn `inconclusive` into an answer; `None` for `leak`.
    pub settle_by: Option<String>,
    /// What grew from the first profile to the last, by site, the most first. Profiles are sampled, so these are estimates.
    pub findings: Vec<Growth>,
    /// How many bytes the first and the last profile are apart by those samples, in all sites that grew.
    pub sites_grew_bytes: i64,
    /// How much more was live at the last profile than at the first, by the allocator's own count.
    pub live_grew_bytes: i64,
    /// How many seconds lie between them.
    pub seconds: f64,
    /// The profiles of this process, oldest first.
    pub readings: Vec<KeptFile>,
    /// The numbers of other processes that kept profiles here, and of earlier ones with this number.
    pub others: Vec<u32>,
    /// What lies in the folder and was not read.
    pub skipped: Vec<SkippedFile>,
}

/// A profile in the folder.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct KeptFile {
    /// The file.
    pub path: PathBuf,
    /// What there was when it was written.
    #[serde(flatten)]
    pub moment: KeptMoment,
}

/// A file that is no profile of this kind, or a damaged one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkippedFile {
    /// The file.
    pub path: PathBuf,
    /// Why it was skipped.
    pub why: String,
}

impl Autopsy {
    /// Reads what lies in the folder of the newest process there, or of the newest one with this number.
    ///
    /// # Errors
    ///
    /// When the folder can't be read, or has no profile of such a process.
    pub fn of(folder: impl AsRef<Path>, process: Option<u32>) -> Result<Self, AutopsyError> {
        let folder = folder.as_ref();
        let (mut files, skipped) = read(folder).map_err(|reason| AutopsyError::Unread {
            folder: folder.to_owned(),
            reason,
        })?;
        files.sort_by_key(|file| (file.moment.at_ms, file.moment.began_ms));
        let is_wanted = |file: &&KeptFile| process.is_none_or(|id| file.moment.process == id);
        let newest = files
            .iter()
            .rfind(is_wanted)
            .map(|file| of_start(&file.moment));
        let Some(newest) = newest else {
            return Err(AutopsyError::Nothing {
                folder: folder.to_owned(),
                process,
                known: files.iter().map(|file| file.moment.process).collect(),
                skipped,
            });
        };
        let (readings, others): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| of_start(&file.moment) == newest);
        let others: BTreeSet<_> = others.iter().map(|file| of_start(&file.moment)).collect();
        let others = others.into_iter().map(|(id, _)| id).collect();
        Ok(examine(readings, others, skipped))
    }

    /// The first profile and the last one, which are the same where there is one.
    pub fn ends(&self) -> Option<(&KeptFile, &KeptFile)> {
        self.readings.first().zip(self.readings.last())
    }
}

/// What one start of a process is known by.
fn of_start(moment: &KeptMoment) -> (u32, u64) {
    (moment.process, moment.began_ms)
}

fn read(folder: &Path) -> io::Result<(Vec<KeptFile>, Vec<SkippedFile>)> {
    let mut files = Vec::new();
    let mut skipped = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match kept_in(&path) {
            Ok(moment) => files.push(KeptFile { path, moment }),
            Err(why) => skipped.push(SkippedFile { path, why }),
        }
    }
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((files, skipped))
}

fn kept_in(path: &Path) -> Result<KeptMoment, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if is_named(&name, UNFINISHED) {
        return Err("its process ended while it was written".to_owned());
    }
    // A pipe would be waited for.
    if !is_named(&name, NAME) || !path.symlink_metadata().is_ok_and(|about| about.is_file()) {
        return Err("it isn't a file that a process kept".to_owned());
    }
    let profile = Profile::read(path).map_err(|error| error.to_string())?;
    KeptMoment::of(&profile).ok_or_else(|| "it tells no moment at which it was kept".to_owned())
}

fn examine(readings: Vec<KeptFile>, others: Vec<u32>, skipped: Vec<SkippedFile>) -> Autopsy {
    let series: Vec<(u64, i64)> = readings
        .iter()
        .map(|file| (file.moment.at_ms, file.moment.live.cast_signed()))
        .collect();
    let (first, last) = (series.first(), series.last());
    let ends = first.zip(last).unwrap_or((&(0, 0), &(0, 0)));
    let seconds = ends.1.0.saturating_sub(ends.0.0) as f64 / 1_000.0;
    let sites_at = |file: Option<&KeptFile>| -> Sites {
        let profile = file.and_then(|file| Profile::read(&file.path).ok());
        profile
            .map(|profile| grown::sites(&profile))
            .unwrap_or_default()
    };
    let (then, now) = (sites_at(readings.first()), sites_at(readings.last()));
    let more = grown::more(&now, &then);
    let findings = more.iter().map(|(name, site, more)| Growth {
        kind: Kind::Bytes,
        per_iteration: None,
        per_second: *more as f64 / seconds.max(0.001),
        site: Some((*name).clone()),
        origin: Some(site.origin),
    });
    let judged = judge(&series);
    Autopsy {
        process: readings.first().map_or(0, |file| file.moment.process),
        verdict: judged.verdict,
        class: None,
        because: judged.because,
        settle_by: judged.settle_by,
        findings: findings.collect(),
        sites_grew_bytes: more.iter().map(|(.., more)| more).sum(),
        live_grew_bytes: ends.1.1 - ends.0.1,
        seconds,
        readings,
        others,
        skipped,
    }
}

struct Judged {
    verdict: Verdict,
    because: String,
    settle_by: Option<String>,
}

impl Judged {
    fn open(because: String, settle_by: &str) -> Self {
        Judged {
            verdict: Verdict::Inconclusive,
            because,
            settle_by: Some(settle_by.to_owned()),
        }
    }
}

/// Live memory by milliseconds, oldest first.
fn judge(series: &[(u64, i64)]) -> Judged {
    const OFTENER: &str = "keep profiles more often, such as `leaks serve --keep-every 1m`, or look at the next start while it runs";
    let profiles = series.len();
    if profiles < PROFILES_LEAST {
        let because = match profiles {
            1 => "there is one profile, which shows no course".to_owned(),
            _ => format!(
                "there are {profiles} profiles, and {PROFILES_LEAST} are the least that show a course"
            ),
        };
        return Judged::open(because, OFTENER);
    }
    let floors = floors(series);
    let [Some(early), Some(middle), Some(late)] = floors else {
        let because = "a third of the time has no profile".to_owned();
        return Judged::open(because, OFTENER);
    };
    let (first, last) = (middle - early, late - middle);
    let clear = deepest_fall(series).max(RISE_LEAST);
    let figures = format!(
        "its lowest was {}, then {}, then {} bytes in the thirds of the time",
        grouped(early),
        grouped(middle),
        grouped(late)
    );
    if first < clear || last < clear {
        let because = format!(
            "live memory doesn't rise clearly over every third: {figures}, and only rises of {} bytes are clear of how it moves",
            grouped(clear)
        );
        return Judged::open(
            because,
            "look at the next start while it runs: leaks triage tells leaks, pressure and retention apart",
        );
    }
    // The thirds are equally long, so their rises are paces.
    if (last as f64) < PACE_KEPT * first as f64 {
        let because = format!("live memory rises ever more slowly: {figures}");
        return Judged::open(
            because,
            "give the next start more time before it is judged: what fills ends to rise, and what leaks doesn't",
        );
    }
    Judged {
        verdict: Verdict::Leak,
        because: format!("live memory rises over every third: {figures}"),
        settle_by: None,
    }
}

/// The lowest live memory in each third of the time. The first profile, from before any work, counts where its third has no other.
fn floors(series: &[(u64, i64)]) -> [Option<i64>; 3] {
    let mut floors = [None; 3];
    let (Some(first), Some(last)) = (series.first(), series.last()) else {
        return floors;
    };
    let time = last.0.saturating_sub(first.0).max(1);
    for (at, live) in &series[1..] {
        let third = (3 * at.saturating_sub(first.0) / time).min(2);
        let floor = &mut floors[usize::try_from(third).unwrap_or(2)];
        *floor = Some(floor.map_or(*live, |lowest: i64| lowest.min(*live)));
    }
    floors[0].get_or_insert(first.1);
    floors
}

/// The most by which live memory was ever lower than before.
fn deepest_fall(series: &[(u64, i64)]) -> i64 {
    let mut highest = i64::MIN;
    let falls = series.iter().map(|(_, live)| {
        highest = highest.max(*live);
        highest - live
    });
    falls.max().unwrap_or(0)
}

/// The verdict, why, and what grew: what a log wants to say.
impl fmt::Display for Autopsy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let definition = self.verdict.definition();
        writeln!(
            f,
            "process {}: {}, {definition}",
            self.process, self.verdict
        )?;
        writeln!(f, "because {}", self.because)?;
        for growth in &self.findings {
            writeln!(f, "{growth}")?;
        }
        if let Some(settle_by) = &self.settle_by {
            writeln!(f, "what would settle it: {settle_by}")?;
        }
        Ok(())
    }
}

/// What keeps an autopsy from an answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum AutopsyError {
    /// The folder can't be read.
    Unread {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// It has no profile that a process kept, or none of this one.
    Nothing {
        /// The folder.
        folder: PathBuf,
        /// The process that was asked for.
        process: Option<u32>,
        /// The processes of which there are profiles.
        known: BTreeSet<u32>,
        /// What lies in the folder and was not read.
        skipped: Vec<SkippedFile>,
    },
}

impl fmt::Display for AutopsyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AutopsyError::Unread { folder, reason } => {
                write!(f, "can't read {}: {reason}", folder.display())
            }
            AutopsyError::Nothing {
                folder,
                process: Some(id),
                known,
                ..
            } if !known.is_empty() => {
                let known: Vec<String> = known.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "process {id} kept no profile in {}; there are profiles of {}",
                    folder.display(),
                    known.join(", ")
                )
            }
            AutopsyError::Nothing { folder, .. } => {
                write!(f, "no process kept a profile in {}", folder.display())
            }
        }
    }
}

impl std::error::Error for AutopsyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AutopsyError::Unread { reason, .. } => Some(reason),
            AutopsyError::Nothing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    //! Computed series: none of them was measured. The end-to-end tests have real processes.

    use super::{Verdict, judge};

    const MB: i64 = 1_000_000;

    fn verdict(megabytes: &[i64]) -> Verdict {
        let series = (0..)
            .zip(megabytes)
            .map(|(at, live)| (at * 1_000, live * MB));
        judge(&series.collect::<Vec<_>>()).verdict
    }

    #[test]
    fn what_rises_over_every_third_is_a_leak() {
        assert_eq!(verdict(&[10, 20, 30, 40]), Verdict::Leak);
        assert_eq!(
            verdict(&[1, 60, 58, 70, 81, 79, 90, 102, 110]),
            Verdict::Leak
        );
    }

    #[test]
    fn all_else_is_open_and_says_what_would_settle_it() {
        for open in [
            &[10][..],
            &[10, 200, 300],
            &[10, 10, 10, 10, 10, 10],
            // It has warmed up.
            &[1, 50, 90, 100, 101, 102, 102, 103, 104],
            // A saw-tooth whose floors happen to rise.
            &[10, 60, 12, 70, 15, 66, 18, 80],
            // One step.
            &[10, 10, 10, 10, 50, 50, 50, 50],
            // The first was before any work, and nothing grows since.
            &[1, 50, 50, 50, 50, 50, 50, 50],
            &[1, 60, 62, 64],
        ] {
            let series = (0..).zip(open).map(|(at, live)| (at * 1_000, live * MB));
            let judged = judge(&series.collect::<Vec<_>>());
            assert_eq!(judged.verdict, Verdict::Inconclusive, "{open:?}");
            assert!(judged.settle_by.is_some(), "{open:?}");
        }
    }

    #[test]
    fn a_third_without_a_profile_is_open() {
        let series = [(0, MB), (1, 2 * MB), (2, 3 * MB), (1_000, 40 * MB)];
        assert_eq!(judge(&series).verdict, Verdict::Inconclusive);
    }
}
