//! A process seen from outside: what the kernel tells of it in `/proc`.

use super::TriageError;
use super::evidence::{Moment, Part};
use super::sampling::{Named, Source};
use crate::model::kind::Kind;
use crate::readings::memory::{self, Rollup};
use crate::readings::process::{Open, kernel};
use std::io;
use std::time::{Duration, Instant};

/// A process, and which one of all that have had its number.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: u32,
    program: String,
    /// When it began, in the kernel's ticks since the machine did: a number is given again, a time isn't.
    began: u64,
    /// What was open when the look began, and when that was.
    before: Option<(Instant, Open)>,
}

/// What the kernel tells of each process in one line.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    program: String,
    state: char,
    is_of_the_kernel: bool,
    began: u64,
}

impl Process {
    pub(super) fn find(id: u32) -> Result<Self, TriageError> {
        if !cfg!(target_os = "linux") {
            let why = "what a process holds is read on Linux alone, from /proc";
            let reason = io::Error::new(io::ErrorKind::Unsupported, why);
            return Err(TriageError::Unread { id, reason });
        }
        let stat = stat(id)?.ok_or(TriageError::NoSuchProcess(id))?;
        if stat.is_of_the_kernel {
            return Err(TriageError::OfTheKernel(id));
        }
        let process = Process {
            id,
            program: stat.program,
            began: stat.began,
            before: None,
        };
        // So that a refusal is told at once.
        process.rollup()?;
        process.open()?;
        Ok(process)
    }

    pub(super) fn name(&self) -> String {
        format!("process {} ({})", self.id, self.program)
    }

    /// The kernel's sums of its memory.
    pub(super) fn rollup(&self) -> Result<Rollup, TriageError> {
        self.read("the memory", memory::rollup)
    }

    fn open(&self) -> Result<Open, TriageError> {
        self.read("what is open in", Open::of_pid)
    }

    /// What a reading gives, once it is sure that it was of this process.
    fn read<T>(
        &self,
        what: &'static str,
        read: impl FnOnce(u32) -> io::Result<T>,
    ) -> Result<T, TriageError> {
        let id = self.id;
        let value = read(id);
        self.check()?;
        value.map_err(|reason| match reason.kind() {
            io::ErrorKind::PermissionDenied => TriageError::NotPermitted { id, what },
            _ => TriageError::Unread { id, reason },
        })
    }

    /// Whether it is there, and still the same.
    pub(super) fn check(&self) -> Result<(), TriageError> {
        match stat(self.id)? {
            Some(stat) if stat.began != self.began => Err(TriageError::Reused(self.id)),
            Some(_) => Ok(()),
            None => Err(TriageError::Ended(self.id)),
        }
    }
}

impl Source for Process {
    fn name(&self) -> String {
        Process::name(self)
    }

    fn begin(&mut self) -> Result<(), TriageError> {
        self.before = Some((Instant::now(), self.open()?));
        Ok(())
    }

    fn read(&mut self) -> Result<Moment, TriageError> {
        let status = kernel::text(&format!("/proc/{}/status", self.id)).unwrap_or_default();
        let rollup = self.rollup()?;
        let anonymous = rollup.anonymous.saturating_sub(rollup.lazily_freed);
        let shared = kib(&status, "RssShmem:");
        let mapped = rollup.resident.saturating_sub(rollup.anonymous);
        Ok(Moment {
            seconds: 0.0,
            resident: Some(rollup.resident),
            anonymous: Some(anonymous + rollup.swapped),
            lazily_freed: Some(rollup.lazily_freed),
            files: Some(mapped.saturating_sub(shared.unwrap_or(0))),
            shared,
            live: None,
            allocator_free: None,
            highest: kib(&status, "VmHWM:"),
            counts: kernel::counts_of(self.id),
        })
    }

    /// The kernel walks the process' page tables for each reading, and what it maps meanwhile has to wait.
    fn waits_times(&self) -> u32 {
        10
    }

    /// It takes no time to name what is open.
    fn naming_share(&self) -> f64 {
        0.0
    }

    fn named(&mut self, kinds: &[Kind], _within: Duration) -> Vec<Named> {
        let (Some((since, before)), Ok(now)) = (&self.before, self.open()) else {
            return Vec::new();
        };
        let seconds = since.elapsed().as_secs_f64();
        let mut named: Vec<Named> = now
            .since(before)
            .into_iter()
            .filter(|group| kinds.contains(&group.kind))
            .map(|group| Named {
                kind: group.kind,
                name: group.name,
                per_second: group.count as f64 / seconds,
                site: None,
            })
            .collect();
        named.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
        named
    }

    fn parts(&mut self) -> Vec<Part> {
        let Ok(mapped) = memory::mapped(self.id) else {
            return Vec::new();
        };
        let part = |what: &str, bytes| Part {
            what: what.to_owned(),
            bytes,
        };
        vec![
            part("heap and other anonymous memory", mapped.heap),
            part("lazily freed", mapped.lazily_freed),
            part("stacks", mapped.stacks),
            part("shared memory", mapped.shared),
            part("the program's file", mapped.program),
            part("other files", mapped.files),
        ]
    }

    fn knows_live(&self) -> bool {
        false
    }
}

/// `None` when there is no such process, or only what is left until its parent asks how it ended.
fn stat(id: u32) -> Result<Option<Stat>, TriageError> {
    let line = match kernel::text(&format!("/proc/{id}/stat")) {
        Ok(line) => line,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(reason) => return Err(TriageError::Unread { id, reason }),
    };
    Ok(parsed(&line).filter(|stat| !matches!(stat.state, 'Z' | 'X' | 'x')))
}

fn is_gone(error: &io::Error) -> bool {
    const NO_SUCH_PROCESS: i32 = 3;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS)
}

/// `4711 (a (strange) name) S 1 ..`: the name may have anything in it, so its end is the last bracket.
fn parsed(line: &str) -> Option<Stat> {
    /// The kernel's `PF_KTHREAD`.
    const KERNEL_THREAD: u64 = 0x0020_0000;
    let (before, after) = line.rsplit_once(')')?;
    let (_, program) = before.split_once('(')?;
    let mut words = after.split_ascii_whitespace();
    // Of all words these are the 3rd, the 9th and the 22nd.
    let state = words.next()?.chars().next()?;
    let flags: u64 = words.nth(5)?.parse().ok()?;
    let began = words.nth(12)?.parse().ok()?;
    Some(Stat {
        program: program.to_owned(),
        state,
        is_of_the_kernel: flags & KERNEL_THREAD != 0,
        began,
    })
}

/// A line of `status`, in bytes.
fn kib(status: &str, field: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    let value: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(value << 10)
}

#[cfg(test)]
mod tests {
    use super::{Process, Stat, TriageError, parsed};

    #[test]
    fn a_line_of_stat_is_read_whatever_the_program_is_called() {
        let line =
            "4711 (a) b (c) S 4 5 6 7 8 4194304 10 11 12 13 14 15 16 17 18 19 20 21 98765 23 24";
        let expected = Stat {
            program: "a) b (c".to_owned(),
            state: 'S',
            is_of_the_kernel: false,
            began: 98_765,
        };
        assert_eq!(parsed(line), Some(expected));
        for broken in ["", "4711", "4711 (a) S 1 2", "4711 (a"] {
            assert_eq!(parsed(broken), None, "{broken}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn another_process_under_the_same_number_is_not_taken_for_it() {
        let mut process = Process::find(std::process::id()).expect("this process");
        assert!(process.check().is_ok());
        process.began += 1;
        assert!(matches!(process.check(), Err(TriageError::Reused(_))));
    }
}
