//! What a control group tells beside the verdict: its limit, its past, and whose its memory is.

use crate::model::words::{bytes, figure};
use serde::Serialize;
use std::fmt;

/// A container, as the control group that counts its memory tells of it at the end of a look. All memory is in bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Container {
    /// The group's folder.
    pub path: String,
    /// Of the kernel's control groups: 1 or 2.
    pub version: u8,
    /// All that is counted against its limit.
    pub charged: u64,
    /// The same without inactive page cache: what Kubernetes calls the working set.
    pub working_set: u64,
    /// Page cache that was not used lately, and lazily freed memory.
    pub inactive_files: u64,
    /// The part of anonymous memory that lies in huge pages.
    pub huge_pages: Option<u64>,
    /// What is swapped out.
    pub swapped: Option<u64>,
    /// The highest that was ever counted.
    pub peak: Option<u64>,
    /// The limit with the least headroom, its own or an ancestor's; `None` where there is none.
    pub limit: Option<Limit>,
    /// In how long the limit is reached at the rate of this look, in seconds; `None` unless something grows below a limit.
    pub seconds_to_limit: Option<u64>,
    /// How many processes of the group the kernel has killed for memory since the group was made.
    pub kills: Option<u64>,
    /// How many of them while this look lasted.
    pub kills_meanwhile: u64,
    /// How long processes waited for memory.
    pub pressure: Option<Pressure>,
    /// The processes with the most resident memory, five at most, the largest first.
    pub processes: Vec<OfContainer>,
    /// How many processes the group has in all.
    pub processes_all: usize,
}

/// A limit on memory, and what is left below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Limit {
    /// The folder of the group that has it.
    pub of: String,
    /// The kernel's name for it: `memory.max`, `memory.high`.
    pub name: &'static str,
    /// In bytes.
    pub bytes: u64,
    /// What is left until that group's working set reaches it, in bytes.
    pub headroom: u64,
}

/// The kernel's pressure stall information: the share of time, in percent, in which processes waited for memory.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pressure {
    /// One process at least, over 10 s.
    pub some_avg10: f64,
    /// One process at least, over 60 s.
    pub some_avg60: f64,
    /// All at once, over 10 s.
    pub full_avg10: f64,
    /// All at once, over 60 s.
    pub full_avg60: f64,
}

/// A process of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OfContainer {
    /// Its number.
    pub id: u32,
    /// Its program's name.
    pub program: String,
    /// In RAM and swapped out, in bytes.
    pub resident: u64,
    /// How much more that is than when the look began: all of it where the process came since.
    pub grew_by: i64,
    /// Whether it came since the look began.
    pub is_new: bool,
}

/// A line for each thing that an operator asks of a container.
impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.charges(f)?;
        self.limits(f)?;
        self.past(f)?;
        for process in &self.processes {
            writeln!(f, "{process}")?;
        }
        match self.processes_all.saturating_sub(self.processes.len()) {
            0 => Ok(()),
            1 => writeln!(f, "and one more process"),
            more => writeln!(f, "and {more} more processes"),
        }
    }
}

impl Container {
    fn charges(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (charged, working_set) = (bytes(self.charged), bytes(self.working_set));
        write!(
            f,
            "{charged} are charged to it. What Kubernetes calls the working set is {working_set}"
        )?;
        if self.inactive_files > 0 {
            let inactive = bytes(self.inactive_files);
            write!(
                f,
                ": without {inactive} of page cache that wasn't used lately, or lazily freed"
            )?;
        }
        f.write_str(".")?;
        let huge = self.huge_pages.map(|huge| (huge, "lie in huge pages"));
        let swapped = self.swapped.map(|swapped| (swapped, "are swapped out"));
        for (part, what) in [huge, swapped].into_iter().flatten() {
            if part > 0 {
                write!(f, " {} {what}.", bytes(part))?;
            }
        }
        writeln!(f)
    }

    fn limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.limit {
            Some(limit) => write!(f, "{limit}.")?,
            None => f.write_str("No limit is set, in it or above it.")?,
        }
        if let Some(seconds) = self.seconds_to_limit {
            let time = time(seconds);
            write!(f, " At this rate the limit is reached in {time}.")?;
        }
        if let Some(peak) = self.peak {
            write!(f, " The peak was {}.", bytes(peak))?;
        }
        writeln!(f)
    }

    fn past(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kills, self.kills_meanwhile) {
            (None, _) => {}
            (Some(0), _) => writeln!(f, "Nothing in it was killed for memory before.")?,
            (Some(all), 0) => writeln!(f, "Killed for memory before: {}.", times(all))?,
            (Some(all), meanwhile) => writeln!(
                f,
                "Killed for memory: {}, and {} of that while this look lasted.",
                times(all),
                times(meanwhile)
            )?,
        }
        match self.pressure {
            Some(pressure) => writeln!(f, "{pressure}"),
            None => Ok(()),
        }
    }
}

/// `The tightest limit is memory.max of /sys/fs/cgroup/a: 512 MiB, with 80 MiB left`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, name, .. } = self;
        let (limit, left) = (bytes(self.bytes), bytes(self.headroom));
        write!(
            f,
            "The tightest limit is {name} of {of}: {limit}, with {left} left"
        )
    }
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Pressure: some process waited for memory {}% of the last 10 s and {}% of the last 60 s; all of them at once {}% and {}%.",
            figure(self.some_avg10),
            figure(self.some_avg60),
            figure(self.full_avg10),
            figure(self.full_avg60)
        )
    }
}

/// `process 4711 (python3) has 90 MiB, 20 MiB more than when the look began`.
impl fmt::Display for OfContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, program, .. } = self;
        write!(f, "process {id} ({program}) has {}", bytes(self.resident))?;
        let moved = bytes(self.grew_by.unsigned_abs());
        match self.grew_by {
            _ if self.is_new => f.write_str(", and came during the look"),
            0 => f.write_str(", as when the look began"),
            1.. => write!(f, ", {moved} more than when the look began"),
            _ => write!(f, ", {moved} less than when the look began"),
        }
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// `40 s`, `12 min`, `3 h 10 min`, `5 days`.
fn time(seconds: u64) -> String {
    let minutes = seconds / 60;
    match minutes {
        0..2 => format!("{seconds} s"),
        2..60 => format!("{minutes} min"),
        60..2_880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_time_is_told_as_a_person_tells_it() {
        let told = [40, 119, 720, 11_400, 172_800].map(time);
        assert_eq!(told, ["40 s", "119 s", "12 min", "3 h 10 min", "2 days"]);
    }
}
