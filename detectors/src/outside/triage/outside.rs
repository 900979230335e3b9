//! A process seen from outside: what the kernel tells of it in `/proc`.

use super::TriageError;
use super::cgroup::ControlGroup;
use super::collector::Collector;
use super::doubled::Doubled;
use super::evidence::{Moment, Part};
use super::headroom::Headroom;
use super::sampling::{GrowingGroup, Source};
use crate::model::kind::Kind;
use crate::readings::kernel::{self, Rollup, Stat, Whose};
use crate::readings::memory;
use crate::readings::process::Open;
use std::io;
use std::path::Path;
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
    /// The large mappings that there were.
    mapped: Vec<u64>,
    /// Who counts its memory, where that is known.
    group: Option<ControlGroup>,
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
            mapped: Vec::new(),
            group: ControlGroup::find_of(id).ok(),
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
        self.read("the memory", |id| kernel::rollup(Whose::Of(id)))
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

    /// The sizes of what it has mapped for itself, without files. A block that is large enough has a mapping of its own.
    fn large_mappings(&self) -> Vec<u64> {
        let mut sizes = Vec::new();
        let listed = kernel::each_mapping(Whose::Of(self.id), |mapping| {
            if mapping.is_anonymous() && mapping.is_writable() {
                sizes.push(mapping.range.len() as u64);
            }
        });
        // What can't be listed tells nothing.
        listed.map_or_else(|_| Vec::new(), |()| sizes)
    }

    /// How long it has run.
    fn age(&self) -> Option<Duration> {
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let up: f64 = uptime.split(' ').next()?.parse().ok()?;
        let began = self.began as f64 / rustix::param::clock_ticks_per_second() as f64;
        Duration::try_from_secs_f64(up - began).ok()
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
        self.mapped = self.large_mappings();
        Ok(())
    }

    fn read(&mut self) -> Result<Moment, TriageError> {
        let whose = Whose::Of(self.id);
        let status = kernel::status_of(whose, ["RssShmem:", "VmHWM:"]);
        let [shared, highest] = status.unwrap_or_default();
        let rollup = self.rollup()?;
        let anonymous = rollup.anonymous.saturating_sub(rollup.lazily_freed);
        let mapped = rollup.resident.saturating_sub(rollup.anonymous);
        Ok(Moment {
            resident: Some(rollup.resident),
            anonymous: Some(anonymous + rollup.swapped),
            lazily_freed: Some(rollup.lazily_freed),
            files: Some(mapped.saturating_sub(shared.unwrap_or(0))),
            shared,
            highest,
            counts: kernel::counts(whose),
            ..Moment::default()
        })
    }

    /// The kernel walks the process' page tables for each reading, and what it maps meanwhile has to wait.
    fn waits_times(&self) -> u32 {
        10
    }

    fn headroom(&self) -> Option<Headroom> {
        let machine = Headroom::of_this_machine()?;
        Some(machine.or_tighter(self.group.as_ref().and_then(Source::headroom)))
    }

    /// What was open when the look began is enough.
    fn mark(&mut self) {}

    fn named(&mut self, kinds: &[Kind]) -> Vec<GrowingGroup> {
        let (Some((since, before)), Ok(now)) = (&self.before, self.open()) else {
            return Vec::new();
        };
        let seconds = since.elapsed().as_secs_f64();
        let mut named: Vec<GrowingGroup> = now
            .since(before)
            .into_iter()
            .filter(|group| kinds.contains(&group.kind))
            .map(|group| GrowingGroup {
                kind: group.kind,
                name: group.name,
                per_second: group.count as f64 / seconds,
                site: None,
            })
            .collect();
        named.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
        named
    }

    /// A mapping that is there no more, and one of twice its size. An allocator's head may lie in either.
    fn doubled(&mut self) -> Option<Doubled> {
        let now = self.large_mappings();
        let mut gone: Vec<u64> = self.mapped.clone();
        let mut new = Vec::new();
        for size in now {
            match gone.iter().position(|then| *then == size) {
                Some(at) => _ = gone.swap_remove(at),
                None => new.push(size),
            }
        }
        let pairs = new
            .iter()
            .flat_map(|to| gone.iter().map(move |from| (*from, *to)));
        let (from, to) = pairs
            .filter(|(from, to)| Doubled::is_double(*from, *to))
            .max()?;
        Some(Doubled {
            what: "a mapping".to_owned(),
            site: None,
            from,
            to,
            age: self.age(),
        })
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

    fn collector(&self) -> Option<Collector> {
        Collector::of(self.id)
    }
}

/// `None` when there is no such process, or only what is left until its parent asks how it ended.
fn stat(id: u32) -> Result<Option<Stat>, TriageError> {
    let unread = |reason| TriageError::Unread { id, reason };
    let stat = kernel::stat(id).map_err(unread)?;
    // A container without it has processes all the same.
    if stat.is_none() && !Path::new("/proc/self").exists() {
        let why = "/proc isn't mounted here, where the kernel tells of processes: mount -t proc proc /proc";
        return Err(unread(io::Error::new(io::ErrorKind::NotFound, why)));
    }
    Ok(stat)
}

#[cfg(test)]
mod tests {
    use super::{Process, TriageError};

    #[test]
    #[cfg(target_os = "linux")]
    fn another_process_under_the_same_number_is_not_taken_for_it() {
        let mut process = Process::find(std::process::id()).expect("this process");
        assert!(process.check().is_ok());
        process.began += 1;
        assert!(matches!(process.check(), Err(TriageError::Reused(_))));
    }
}
