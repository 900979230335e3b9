//! What grows, by how much, from where; by which instrument, and what that could have seen at all.

use super::kind::Kind;
use super::place::Site;
use super::words::grouped;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What is counted.
    pub kind: Kind,
    /// How much stays for each iteration, in the kind's unit; `None` where only growth itself is known. Under `pressure`, how much
    /// is allocated in each.
    pub per_iteration: Option<f64>,
    /// The same for the site's function with all that it calls (*cum*); `None` where no site is known.
    #[serde(default)]
    pub cum_per_iteration: Option<f64>,
    /// The allocation's site as text, `function (path:line)`; `None` where no site is known.
    pub site: Option<String>,
    /// The allocation's site in parts.
    pub at: Option<Site>,
    /// Where tasks grow: what may become of those that were spawned there; `None` where that wasn't asked or couldn't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlook: Option<SiteOutlook>,
}

/// What may become of the tasks that were spawned at one line, at the end of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SiteOutlook {
    /// How many are alive.
    pub alive: u64,
    /// How many of them nothing can ever wake: they are stuck.
    pub never_wake: u64,
    /// How many couldn't be judged.
    pub not_decided: u64,
    /// By what the others may wake, and how many, most first. Those that run aren't among them. Where one line's tasks differ, an old pointer may
    /// speak for some.
    pub woken_by: Vec<(String, u64)>,
}

/// `640 are alive, and nothing can ever wake them`.
impl fmt::Display for SiteOutlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |tasks: u64| grouped(tasks.cast_signed());
        let (are, them) = if self.alive == 1 {
            ("is", "it")
        } else {
            ("are", "them")
        };
        write!(f, "{} {are} alive", number(self.alive))?;
        if self.never_wake == self.alive {
            return write!(f, ", and nothing can ever wake {them}");
        }
        if let [(by, tasks)] = &self.woken_by[..]
            && *tasks == self.alive
        {
            return write!(f, ", and may be woken by {by}");
        }
        // Where they disagree, an old pointer may speak for some of them: whom, isn't said.
        let may_wake: u64 = self.woken_by.iter().map(|(_, tasks)| tasks).sum();
        if may_wake == self.alive {
            return f.write_str(", and may be woken");
        }
        let told = [
            (self.never_wake, "can never wake"),
            (may_wake, "may be woken"),
            (self.not_decided, "couldn't be told"),
        ];
        let told = told.iter().filter(|(tasks, _)| *tasks > 0);
        let told: Vec<String> = told
            .map(|(tasks, what)| format!("{} {what}", number(*tasks)))
            .collect();
        match &told[..] {
            [] => f.write_str(", and due to run"),
            told => write!(f, ": {}", told.join(", ")),
        }
    }
}
/// The smallest steady leak that a run could have told from none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SmallestLeak {
    /// Blocks for each iteration.
    pub blocks_per_iteration: f64,
    /// Bytes for each iteration.
    pub bytes_per_iteration: f64,
    /// Bytes for each iteration of what no Rust allocator sees: on the C library's heap, or mapped. `None` where that wasn't read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_bytes_per_iteration: Option<f64>,
}

/// The instrument that took the readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Instrument {
    /// Its name: `dhat`.
    pub name: String,
    /// How stacks were taken.
    pub stacks: String,
    /// What this build lacks, and how to build it in; empty when nothing.
    pub lacks: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::SiteOutlook;

    fn told(alive: u64, never_wake: u64, woken_by: &[(&str, u64)], not_decided: u64) -> String {
        let woken_by = woken_by
            .iter()
            .map(|(by, tasks)| ((*by).to_owned(), *tasks));
        let outlook = SiteOutlook {
            alive,
            never_wake,
            not_decided,
            woken_by: woken_by.collect(),
        };
        outlook.to_string()
    }

    #[test]
    fn what_may_become_of_tasks_is_told_in_one_line() {
        let timer = "the runtime's timer";
        assert_eq!(
            told(1, 1, &[], 0),
            "1 is alive, and nothing can ever wake it"
        );
        assert_eq!(
            told(1_024, 1_024, &[], 0),
            "1,024 are alive, and nothing can ever wake them"
        );
        assert_eq!(
            told(7, 0, &[(timer, 7)], 0),
            "7 are alive, and may be woken by the runtime's timer"
        );
        assert_eq!(
            told(10, 3, &[(timer, 4), ("a thread", 1)], 2),
            "10 are alive: 3 can never wake, 5 may be woken, 2 couldn't be told"
        );
        let two = [(timer, 4), ("a thread", 1)];
        assert_eq!(told(5, 0, &two, 0), "5 are alive, and may be woken");
        assert_eq!(told(2, 0, &[], 0), "2 are alive, and due to run");
    }
}
