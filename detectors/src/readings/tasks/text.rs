//! Tasks that were left behind, in words.

use super::left::LeftTasks;
use crate::model::class::Class;
use crate::model::complaint::Concept;
use crate::model::out;
use crate::model::this_test;
use crate::model::verdict::Verdict;
use crate::model::words::{count, frame_from_here, from_here, grouped, whose, wrapped};
use crate::readings::spawn_site;
use std::fmt::{self, Display, Formatter};

impl LeftTasks {
    fn expected_and_saw(&self) -> String {
        let LeftTasks {
            name,
            waited,
            alive,
            before,
            ..
        } = self;
        let saw = match self.verdict() {
            Verdict::Steady => "none".to_owned(),
            Verdict::Inconclusive => "inconclusive".to_owned(),
            _ => format!("{} left", tasks(self.tasks())),
        };
        let were = if *before == 1 { "was" } else { "were" };
        let ignored = match self.ignored {
            0 => String::new(),
            ignored => format!("; {} of them ignored", grouped(ignored.cast_signed())),
        };
        format!(
            "{}\n{}",
            wrapped(&format!("{name}: expected no task left behind, saw {saw}")),
            wrapped(&format!(
                "because: {} {were} alive at the baseline, and {} after {} ms of waiting for them to end{ignored}",
                tasks(*before),
                grouped(alive.cast_signed()),
                waited.as_millis()
            ))
        )
    }

    /// What would tell more, or settle it.
    fn advice(&self) -> Option<String> {
        if self.unknown == 0 || self.is_hooked {
            return None;
        }
        let unknown = tasks(self.unknown);
        let by = if cfg!(tokio_unstable) {
            "build the runtime with detectors::tasks::Builder, or spawn with detectors::tasks::spawn"
        } else {
            "spawn with detectors::tasks::spawn; or build with RUSTFLAGS=\"--cfg tokio_unstable\", and the runtime with \
             detectors::tasks::Builder"
        };
        let lines = if self.verdict() == Verdict::Inconclusive {
            let ignores = self.ignores.join(", ");
            [
                format!("{unknown} of an unknown site may be among those to ignore ({ignores})"),
                format!("what would settle it: {by}"),
            ]
        } else {
            [
                format!("{unknown} from an unknown site"),
                format!("what would tell it: {by}"),
            ]
        };
        Some(lines.map(|line| wrapped(&line)).join("\n"))
    }

    fn concept(&self) -> Concept {
        match self.verdict() {
            Verdict::Leak => Class::OrphanedTasks.into(),
            verdict => verdict.into(),
        }
    }
}

/// The failure of a test, or a line that says that nothing is left.
impl Display for LeftTasks {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.expected_and_saw())?;
        if self.verdict() == Verdict::Steady {
            return Ok(());
        }
        writeln!(f)?;
        let spawn_sites: Vec<_> = self.sites.iter().map(|(site, _)| *site).collect();
        for (resolved, (spawn_site, left)) in
            spawn_site::resolve(&spawn_sites).iter().zip(&self.sites)
        {
            writeln!(f, "{} from", tasks(*left))?;
            writeln!(f, "  {}", frame_from_here(&resolved.frame))?;
            writeln!(
                f,
                "  {}, signature {}",
                whose(resolved.origin),
                resolved.signature
            )?;
            if let Some(spawning) = resolved
                .stack
                .first()
                .filter(|first| **first != resolved.frame)
            {
                writeln!(f, "  spawned by {}", frame_from_here(spawning))?;
            }
            let waiting = self
                .waiting
                .iter()
                .find(|stack| stack.site == Some(*spawn_site));
            if let Some(line) = waiting.and_then(super::AwaitStack::line) {
                writeln!(f, "  one of them waits at {}", frame_from_here(line))?;
            }
        }
        if let Some(advice) = self.advice() {
            writeln!(f, "{advice}")?;
        }
        writeln!(f, "\n{}", self.concept())?;
        write!(f, "\nnext: ")?;
        match &self.profile {
            Some(profile) => write!(
                f,
                "read who spawned what is alive, with this or any other reader of pprof's format\n  go tool pprof -top '{}'",
                from_here(profile).display()
            ),
            None => write!(
                f,
                "run it again and keep the profile of what is alive\n  {}=\"$PWD/target/memory\" {}",
                out::VARIABLE,
                this_test::again()
            ),
        }
    }
}

fn tasks(tasks: u64) -> String {
    count(tasks.cast_signed(), "task")
}
