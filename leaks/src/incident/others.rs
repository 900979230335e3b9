//! Who else uses the processor: what disturbs a step that then sees something else than the story says.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

/// A twentieth of the machine is what any machine does beside.
const NOTICED: f64 = 0.05;

/// What all processes have used until now.
#[derive(Debug)]
pub(super) struct Others {
    at: Instant,
    busy: u64,
    processes: BTreeMap<u32, Process>,
}

#[derive(Debug, Clone)]
struct Process {
    name: String,
    parent: u32,
    ticks: u64,
    /// Of its children that have ended.
    of_children: u64,
}

impl Others {
    pub(super) fn now() -> Self {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = processes.filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((id, Process::of(&stat)?))
        });
        Others {
            at: Instant::now(),
            busy: busy(&fs::read_to_string("/proc/stat").unwrap_or_default()).unwrap_or(0),
            processes: processes.collect(),
        }
    }

    /// What others have used since then, in words; `None` when that is too little to disturb a step.
    pub(super) fn since(self) -> Option<String> {
        let now = Others::now();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // The kernel counts in hundredths of a second.
        let cores_of = |ticks: u64| ticks as f64 / 100.0 / (now.at - self.at).as_secs_f64();
        let ours = now.ours(std::process::id());
        let used = |processes: &BTreeMap<u32, Process>, id: u32| {
            processes.get(&id).map_or(0, |process| process.ticks)
        };
        let gained = |id: u32| used(&now.processes, id).saturating_sub(used(&self.processes, id));
        let ended = |all: &Others| {
            let this = all.processes.get(&std::process::id());
            this.map_or(0, |this| this.of_children)
        };
        let by_us = ours.iter().map(|id| gained(*id)).sum::<u64>() + ended(&now) - ended(&self);
        let by_others = cores_of((now.busy - self.busy).saturating_sub(by_us));
        if by_others < NOTICED * cores as f64 {
            return None;
        }
        let mut names: BTreeMap<&str, u64> = BTreeMap::new();
        for (id, process) in &now.processes {
            if !ours.contains(id) {
                *names.entry(&process.name).or_default() += gained(*id);
            }
        }
        let most = names.into_iter().max_by_key(|(_, ticks)| *ticks);
        let most = most.filter(|(_, ticks)| cores_of(*ticks) > by_others / 4.0);
        let busiest = most.map_or_else(String::new, |(name, _)| format!(", `{name}` the most"));
        Some(format!(
            "other processes used {by_others:.1} of {cores} cores{busiest}"
        ))
    }

    /// This process, and all that it and its children have started.
    fn ours(&self, this: u32) -> Vec<u32> {
        let mut ours = vec![this];
        let mut at = 0;
        while let Some(parent) = ours.get(at).copied() {
            let children = self.processes.iter();
            let children = children.filter(|(_, process)| process.parent == parent);
            ours.extend(children.map(|(id, _)| *id));
            at += 1;
        }
        ours
    }
}

impl Process {
    /// `4711 (a name) S 1 ..`: the name may have spaces and brackets in it.
    fn of(stat: &str) -> Option<Self> {
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let field = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Process {
            name: name.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            ticks: field(11)? + field(12)?,
            of_children: field(13)? + field(14)?,
        })
    }
}

/// Hundredths of a second in which a core had work, or another machine had the core.
fn busy(stat: &str) -> Option<u64> {
    let all = stat.lines().next()?.strip_prefix("cpu ")?;
    let figures: Vec<u64> = all
        .split_whitespace()
        .filter_map(|figure| figure.parse().ok())
        .collect();
    let [
        user,
        nice,
        system,
        _idle,
        _waiting,
        interrupts,
        soft,
        stolen,
        ..,
    ] = figures[..]
    else {
        return None;
    };
    Some(user + nice + system + interrupts + soft + stolen)
}

#[cfg(test)]
mod tests {
    use super::{Others, Process, busy};
    use std::process::Command;

    #[test]
    fn a_name_may_have_brackets_and_spaces() {
        let stat = "7 (a (b) c) S 3 7 7 0 -1 4 0 0 0 0 11 12 13 14 20 0 1 0";
        let process = Process::of(stat).expect("a process");
        assert_eq!(process.name, "a (b) c");
        assert_eq!(
            (process.parent, process.ticks, process.of_children),
            (3, 23, 27)
        );
        assert!(Process::of("7 nothing").is_none());
    }

    #[test]
    fn idle_and_waiting_are_not_busy() {
        assert_eq!(busy("cpu  1 2 3 1000 1000 4 5 6 0 0\ncpu0 1\n"), Some(21));
        assert_eq!(busy("nothing"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_child_does_is_ours() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("a child");
        let ours = Others::now().ours(std::process::id());
        assert!(ours.contains(&child.id()), "{ours:?}");
        child.kill().expect("it runs");
        child.wait().expect("it was ours");
    }
}
