//! dhat as a heap source: exact, one profiler for each process, and slow enough to be for tests only.

use super::{Detail, HeapReading, HeapSource, ReadError};
use crate::profile::{self, DhatOptions, Profile};
use std::hint::black_box;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

/// Deep enough to pass the frames of an async runtime and reach the workload; dhat's own default of 10
/// ends inside the standard library in a debug build.
const WHOLE_STACK_FRAMES: usize = 64;

/// One frame is the least that dhat takes, and counting needs none.
const COUNTING_FRAMES: usize = 1;

/// Reads the heap through [dhat](https://docs.rs/dhat).
///
/// The test file or binary declares dhat's allocator:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: dhat::Alloc = dhat::Alloc;
/// # fn main() {}
/// ```
///
/// dhat counts every thread of the process and allows one profiler at a time. Declare the test with
/// [`tests!`](crate::tests), which gives it a process of its own.
#[derive(Debug, Default)]
pub struct DhatSource {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    // Goes first: the turn is over once dhat has another one's place free.
    profiler: dhat::Profiler,
    /// Where dhat writes its profile; `None` while only counting.
    output: Option<tempfile::TempPath>,
    _turn: Turn,
}

/// How long a watch waits for another one of its process.
const PATIENCE: Duration = Duration::from_mins(2);

/// The only one that counts by dhat just now: dhat has one profiler for the whole process.
#[derive(Debug)]
struct Turn;

/// Whose turn it is.
static TURN: (Mutex<Option<ThreadId>>, Condvar) = (Mutex::new(None), Condvar::new());

impl Turn {
    /// Waits until no other watch counts by dhat.
    fn take() -> Result<Self, ReadError> {
        let (holder, over) = &TURN;
        let this = std::thread::current().id();
        let taken = holder.lock().unwrap_or_else(PoisonError::into_inner);
        let is_others = |holder: &mut Option<ThreadId>| holder.is_some_and(|holder| holder != this);
        let waited = over.wait_timeout_while(taken, PATIENCE, is_others);
        let (mut holder, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if holder.is_some() {
            return Err(ReadError::new(
                "another watch of this process counts by dhat, which has one profiler for all of it",
                "declare the test with detectors::tests!, which gives each a process of its own",
            ));
        }
        *holder = Some(this);
        Ok(Turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (holder, over) = &TURN;
        *holder.lock().unwrap_or_else(PoisonError::into_inner) = None;
        over.notify_one();
    }
}

impl HeapSource for DhatSource {
    fn name(&self) -> &'static str {
        "dhat"
    }

    fn stacks(&self) -> String {
        format!("by unwinder, {WHOLE_STACK_FRAMES} frames deep at most")
    }

    fn lacks(&self) -> Vec<String> {
        // dhat keeps what it finds names for, and no addresses.
        let stripped = || {
            "dhat tells no site at all in a stripped program; a detectors::ProfilingAllocator tells its place".to_owned()
        };
        let lacks = profile::lacks().into_iter();
        lacks.chain(profile::is_stripped().then(stripped)).collect()
    }

    fn start(&mut self, detail: Detail) -> Result<(), ReadError> {
        assert!(
            self.running.is_none(),
            "detectors: this heap source is counting already; stop it before you start it again"
        );
        let turn = Turn::take()?;
        let builder = dhat::Profiler::builder();
        let (builder, output) = match detail {
            Detail::Counts => (
                builder.testing().trim_backtraces(Some(COUNTING_FRAMES)),
                None,
            ),
            Detail::Stacks => {
                let output = tempfile::Builder::new()
                    .prefix("dhat-")
                    .suffix(".json")
                    .tempfile()
                    .map_err(|error| no_profile(&error))?
                    .into_temp_path();
                let builder = builder
                    .trim_backtraces(Some(WHOLE_STACK_FRAMES))
                    .file_name(&output);
                (builder, Some(output))
            }
        };
        self.running = Some(Running {
            profiler: builder.build(),
            output,
            _turn: turn,
        });

        // Without dhat's allocator every reading would be zero, and zero looks like steady.
        drop(black_box(Box::new(black_box(0_u64))));
        if self.read().total_blocks == 0 {
            self.running = None;
            return Err(ReadError {
                reason: "dhat sees no allocation of this process".to_owned(),
                next:
                    "write detectors::memory_tests! instead of tests!, or declare its allocator in the program: \
                     #[global_allocator] static ALLOCATOR: detectors::DhatAllocator = detectors::DhatAllocator;"
                        .to_owned(),
            });
        }
        Ok(())
    }

    fn read(&self) -> HeapReading {
        if self.running.is_none() {
            return HeapReading::default();
        }
        let stats = dhat::HeapStats::get();
        HeapReading {
            blocks: stats.curr_blocks as u64,
            bytes: stats.curr_bytes as u64,
            peak_bytes: stats.max_bytes as u64,
            total_blocks: stats.total_blocks,
            total_bytes: stats.total_bytes,
        }
    }

    fn stop(&mut self) -> Result<Option<Profile>, ReadError> {
        let Some(Running {
            profiler,
            output,
            _turn,
        }) = self.running.take()
        else {
            return Ok(None);
        };
        drop(profiler);
        let Some(output) = output else {
            return Ok(None);
        };
        let json = std::fs::read_to_string(&output).map_err(|error| no_profile(&error))?;
        Profile::from_dhat(&json, &DhatOptions::default())
            .map(Some)
            .map_err(|error| no_profile(&error))
    }
}

fn no_profile(error: &dyn std::error::Error) -> ReadError {
    ReadError {
        reason: format!("dhat's profile can't be kept: {error}"),
        next: "give the temporary folder (TMPDIR) a few megabytes and write access".to_owned(),
    }
}
