//! The report of a process whose memory is full, written at the moment at which a request is refused.

use super::{Accounts, resident};
use crate::allocator::{self, Reserve, Stack};
use crate::model::place::Frame;
use crate::profile::{Symbols, TopOptions, resolve_stacks, write_whole};
use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What the report may need. It counts as used until then, and the kernel doesn't back it.
const RESERVE_BYTES: usize = 32 << 20;

/// Frames of the request that is refused.
const FRAMES_MAX: usize = 12;

/// Functions of what is live.
const ROWS_MAX: usize = 10;

/// Has the process say what it holds when a request for memory is refused: on standard error, and in `file` if there is one.
///
/// Without it Rust ends the process with one line, `memory allocation of 65536 bytes failed`. This comes before that line, and
/// tells how much was refused, to whom, what is live by site, and where resident memory goes. Then the process ends as it would
/// have, by `SIGABRT`.
///
/// ```
/// use detectors::ProfilingAllocator;
/// use detectors::allocator::Reporting;
///
/// #[global_allocator]
/// static ALLOCATOR: ProfilingAllocator<Reporting> = ProfilingAllocator::new(Reporting::system());
///
/// # fn run() -> std::io::Result<()> {
/// detectors::memory::set_limit(300 << 20)?;
/// detectors::memory::report_when_full(None)?;
/// # Ok(())
/// # }
/// ```
///
/// # When it can and when it can't
///
/// A request is refused where there is a limit to refuse it: [`set_limit`], `ulimit -d`, `ulimit -v`. A container's limit, which
/// is a cgroup's, refuses nothing: the kernel kills the process with `SIGKILL` when it *touches* one page too many, and no code of
/// it runs any more. So set the process a limit of its own some per cent below the container's: it is reached first, and tells.
/// Where pages are refused nowhere, as on a machine that overcommits and has no limit, nothing is reported either.
///
/// The report itself needs memory: 32 MiB are reserved for it, which count towards the limit and are not resident. While it is
/// written, which takes about a second, other threads that need memory wait for it. Whoever goes on after a refusal, by
/// `try_reserve`, is reported as well, once in ten seconds and three times at most.
///
/// # Errors
///
/// When the program's allocator isn't a [`Reporting`](allocator::Reporting) one, when this was called before, or when there is no memory to reserve.
pub fn report_when_full(file: Option<PathBuf>) -> io::Result<()> {
    // Before there is a report: what is refused here is no news.
    if !allocator::tells_refusals() {
        let why = "this program's allocator doesn't tell when it refuses; make it \
                   ProfilingAllocator::new(detectors::allocator::Reporting::system())";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let reserve = Reserve::new(RESERVE_BYTES).ok_or(io::ErrorKind::OutOfMemory)?;
    let prepared = Prepared {
        file,
        reserve: Mutex::new(Some(reserve)),
    };
    if PREPARED.set(prepared).is_err() {
        let why = "it was asked for before: a process has one such report";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    allocator::report_by(report);
    Ok(())
}

/// What [`report_when_full`] does, for a program of tests, as far as its allocator can. A test may still ask for it by itself.
pub fn report_in_tests() {
    let reserve = allocator::tells_refusals().then(|| Reserve::new(RESERVE_BYTES));
    if let Some(Some(reserve)) = reserve {
        UNLESS_ASKED.get_or_init(|| Prepared {
            file: None,
            reserve: Mutex::new(Some(reserve)),
        });
        allocator::report_by(report);
    }
}

/// Limits the memory that this process may have for itself to so many bytes, by `RLIMIT_DATA`: heap, stacks of threads, and all
/// else that is private and can be written to. A request beyond that is refused.
///
/// It is not `RLIMIT_AS`, which also counts what is mapped and never used: the program's file, and addresses that an allocator
/// keeps for later.
///
/// # Errors
///
/// When the system refuses, as it does for more than the limit that cannot be raised; on other systems than Linux always.
pub fn set_limit(bytes: u64) -> io::Result<()> {
    super::system::set_limit(bytes)
}

/// What the system allows this process at most.
pub(super) struct Limit {
    pub(super) what: &'static str,
    pub(super) used: u64,
    pub(super) at_most: u64,
}

struct Prepared {
    file: Option<PathBuf>,
    reserve: Mutex<Option<Reserve>>,
}

static PREPARED: OnceLock<Prepared> = OnceLock::new();

/// The same for a test that didn't ask.
static UNLESS_ASKED: OnceLock<Prepared> = OnceLock::new();

/// Runs within the allocator: in the thread that was refused `size` bytes, while the others may hold any lock but the allocator's.
fn report(size: usize) {
    let Some(prepared) = PREPARED.get().or_else(|| UNLESS_ASKED.get()) else {
        return;
    };
    // The first lines need no memory, so they come whatever happens later.
    let live = allocator::stats();
    let mut head = Fixed::default();
    let _ = head.refusal(size, live.live_bytes, live.live_blocks);
    write_out(head.text());

    let mut reserve = prepared
        .reserve
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    drop(reserve.take());
    let stack = Stack::here();
    let details = Details {
        stack: stack.frames(),
    }
    .to_string();
    write_out(details.as_bytes());
    if let Some(file) = &prepared.file {
        let whole = [head.text(), details.as_bytes()].concat();
        let told = match write_whole(file, &whole) {
            Ok(()) => format!("\nThis report is kept in {}\n", file.display()),
            Err(error) => format!(
                "\nThis report can't be kept in {}: {error}\n",
                file.display()
            ),
        };
        write_out(told.as_bytes());
    }
    // For a program that goes on.
    *reserve = Reserve::new(RESERVE_BYTES);
}

/// Without `std::io::stderr`'s lock: another thread may hold that, and wait for memory.
#[cfg(unix)]
fn write_out(mut text: &[u8]) {
    use std::os::fd::AsFd;
    let stderr = io::stderr();
    while let Ok(written @ 1..) = rustix::io::write(stderr.as_fd(), text) {
        text = &text[written..];
    }
}

#[cfg(not(unix))]
fn write_out(text: &[u8]) {
    let _ = io::Write::write_all(&mut io::stderr(), text);
}

/// Text in a buffer of its own; what finds no room is left out.
struct Fixed {
    bytes: [u8; 1_024],
    length: usize,
}

impl Default for Fixed {
    fn default() -> Self {
        Fixed {
            bytes: [0; 1_024],
            length: 0,
        }
    }
}

impl Fixed {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn refusal(&mut self, size: usize, live_bytes: u64, live_blocks: u64) -> fmt::Result {
        let (size, bytes) = (Grouped(size as u64), Grouped(live_bytes));
        write!(
            self,
            "\nMemory is full: a request for {size} bytes was refused.\n\n"
        )?;
        writeln!(
            self,
            "{bytes:>16} bytes are live, in {} blocks",
            Grouped(live_blocks)
        )?;
        if let Ok(resident) = resident() {
            let (all, lazily) = (Grouped(resident.resident), Grouped(resident.lazily_freed));
            writeln!(
                self,
                "{all:>16} bytes are resident, {lazily} of them lazily freed"
            )?;
        }
        for Limit {
            what,
            used,
            at_most,
        } in super::system::limits().into_iter().flatten()
        {
            let (used, at_most) = (Grouped(used), Grouped(at_most));
            writeln!(self, "{used:>16} bytes are {what}, of {at_most} at most")?;
        }
        let reserve = Grouped(RESERVE_BYTES as u64);
        writeln!(
            self,
            "{reserve:>16} bytes of these were kept back for this report"
        )?;
        Ok(())
    }
}

impl fmt::Write for Fixed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let fits = text.len().min(room.len());
        room[..fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.length += fits;
        Ok(())
    }
}

/// `1,234,567`, without allocating.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0_u8; 26];
        let (mut at, mut left, mut digits) = (text.len(), self.0, 0);
        while digits == 0 || left > 0 {
            if digits > 0 && digits % 3 == 0 {
                at -= 1;
                text[at] = b',';
            }
            at -= 1;
            text[at] = b"0123456789"[(left % 10) as usize];
            left /= 10;
            digits += 1;
        }
        f.pad(std::str::from_utf8(&text[at..]).unwrap_or_default())
    }
}

/// What needs names, and so memory.
struct Details<'a> {
    stack: &'a [usize],
}

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\nIt was asked for by\n")?;
        let stacks = resolve_stacks(&[self.stack], Symbols::ThisProcess);
        let frames: Vec<&Frame> = stacks.iter().flatten().collect();
        for frame in frames.iter().take(FRAMES_MAX) {
            writeln!(f, "  {frame}")?;
        }
        if frames.len() > FRAMES_MAX {
            writeln!(f, "  and {} more", frames.len() - FRAMES_MAX)?;
        }
        f.write_str("\nWhat is live, by site, estimated from samples:\n")?;
        let options = TopOptions {
            rows_max: Some(ROWS_MAX),
            ..TopOptions::default()
        };
        let top = allocator::profile().and_then(|profile| profile.top_with(None, &options));
        match top {
            Ok(top) => write!(f, "{top}")?,
            Err(error) => writeln!(f, "{error}")?,
        }
        f.write_str("\nWhere resident memory goes:\n")?;
        match Accounts::now() {
            Ok(accounts) => write!(f, "{accounts}"),
            Err(error) => writeln!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Grouped;

    #[test]
    fn figures_are_grouped_as_everywhere() {
        for value in [0, 7, 999, 1_000, 65_536, 1_234_567, u64::MAX] {
            let expected = match i64::try_from(value) {
                Ok(value) => crate::model::words::grouped(value),
                Err(_) => "18,446,744,073,709,551,615".to_owned(),
            };
            assert_eq!(Grouped(value).to_string(), expected);
        }
    }
}
