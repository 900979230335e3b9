//! The two instruments at once.

use detectors::allocator::uncounted;
use detectors::heap::{Detail, HeapReading};
use detectors::profile::DhatOptions;
use detectors::{Profile, Scope};
use std::collections::BTreeMap;
use std::hint::black_box;

/// Counting by dhat and by a scope of the process, since the same moment.
#[derive(Debug)]
pub(crate) struct Both {
    dhat: dhat::Profiler,
    dhats_output: tempfile::TempPath,
    scope: Scope,
    /// What dhat saw before the scope began.
    before: HeapReading,
}

/// Objects and bytes allocated, and in use.
type BySite = BTreeMap<String, [i64; 4]>;

/// What stands for every stack that passes none of the test's sites.
const ELSEWHERE: &str = "elsewhere";

impl Both {
    pub(crate) fn start() -> Self {
        let dhats_output = tempfile::NamedTempFile::new()
            .expect("a temporary file")
            .into_temp_path();
        let dhat = uncounted(|| {
            dhat::Profiler::builder()
                .file_name(&dhats_output)
                .trim_backtraces(Some(64))
                .build()
        });
        let scope = Scope::of_process(Detail::Stacks).expect("the profiling allocator is ours");
        let before = by_dhat();
        assert_eq!(scope.read(), HeapReading::default());
        // Otherwise a free of it would count for one of them alone.
        assert_eq!((before.blocks, before.bytes), (0, 0));
        Both {
            dhat,
            dhats_output,
            scope,
            before,
        }
    }

    /// Every figure is the same now. For a moment at which no thread allocates, and a past in which none did at the same time
    /// as another: the order of two threads' steps may look different to the two instruments, and with it the peak.
    pub(crate) fn agree(&self) {
        assert_eq!(self.ours(), self.dhats());
    }

    /// Every figure but the peak is the same now. For a moment at which no thread allocates.
    pub(crate) fn agree_but_for_the_peak(&self) {
        let no_peak = |mut reading: HeapReading| {
            reading.peak_bytes = 0;
            reading
        };
        assert_eq!(no_peak(self.ours()), no_peak(self.dhats()));
    }

    /// Every figure is the same once one block has made a peak above whatever there was. For a moment at which no thread
    /// allocates.
    pub(crate) fn agree_with_a_new_peak(&self) {
        let highest = self.ours().peak_bytes.max(self.dhats().peak_bytes);
        let above = usize::try_from(highest).expect("it was allocated") + (1 << 20);
        drop(black_box(Vec::<u8>::with_capacity(above)));
        assert!(self.ours().peak_bytes > highest);
        self.agree();
    }

    fn ours(&self) -> HeapReading {
        self.scope.read()
    }

    fn dhats(&self) -> HeapReading {
        let mut now = by_dhat();
        now.total_blocks -= self.before.total_blocks;
        now.total_bytes -= self.before.total_bytes;
        now
    }

    /// Ends both. What each site has allocated and holds is the same; gives the sites.
    pub(crate) fn agree_by_site(self) -> BySite {
        uncounted(|| {
            let (ours, dhats) = self.profiles();
            assert_eq!(ours, dhats, "ours, then dhat's");
            ours
        })
    }

    fn profiles(self) -> (BySite, BySite) {
        drop(self.dhat);
        let json = std::fs::read_to_string(&self.dhats_output).expect("dhat has written");
        let dhats =
            Profile::from_dhat(&json, &DhatOptions::default()).expect("it is dhat's profile");
        let mut dhats = by_site(&dhats);
        if let Some(elsewhere) = dhats.get_mut(ELSEWHERE) {
            elsewhere[0] -= self.before.total_blocks.cast_signed();
            elsewhere[1] -= self.before.total_bytes.cast_signed();
        }
        let ours = self.scope.profile().expect("something was allocated");
        (by_site(&ours), dhats)
    }
}

fn by_dhat() -> HeapReading {
    let stats = uncounted(dhat::HeapStats::get);
    let mut reading = HeapReading::live(stats.curr_blocks as u64, stats.curr_bytes as u64);
    reading.peak_bytes = stats.max_bytes as u64;
    reading.total_blocks = stats.total_blocks;
    reading.total_bytes = stats.total_bytes;
    reading
}

/// Sums by the test's own functions: the stacks themselves differ, since each instrument has frames of its own at the leaf.
fn by_site(profile: &Profile) -> BySite {
    let mut sums = BySite::new();
    for stack in profile.stacks() {
        let site = stack.frames.iter().find_map(|frame| {
            let at = frame.function.find("::site_")?;
            Some(frame.function[at + 2..].to_owned())
        });
        let sum = sums
            .entry(site.unwrap_or_else(|| ELSEWHERE.to_owned()))
            .or_default();
        for (sum, value) in sum.iter_mut().zip(stack.values) {
            *sum += value;
        }
    }
    sums.retain(|_, sum| *sum != [0; 4]);
    sums
}
