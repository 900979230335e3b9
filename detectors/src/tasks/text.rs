//! Tasks that were left behind, in words.

use super::left::Left;
use super::site;
use crate::artefacts::OUT_VARIABLE;
use crate::assert::{Concept, same_test};
use crate::text::{count, frame_from_here, from_here, grouped, whose, wrapped};
use crate::{Class, Verdict};
use std::fmt::{self, Display, Formatter};

impl Left {
    fn expected_and_saw(&self) -> String {
        let Left {
            name, waited, alive, before, ..
        } = self;
        let saw = match self.verdict() {
            Verdict::Steady => "none".to_owned(),
            Verdict::Inconclusive => "inconclusive".to_owned(),
            _ => format!("{} left", tasks(self.tasks())),
        };
        let waited = waited.as_secs_f64();
        let ignored = match self.ignored {
            0 => String::new(),
            ignored => format!(", and {} ignored", grouped(ignored.cast_signed())),
        };
        format!(
            "{}\n{}",
            wrapped(&format!("{name}: expected no task left behind, saw {saw}")),
            wrapped(&format!(
                "because: {before} were alive at the baseline, and {alive} are after {waited:.1} s in which they could \
                 end{ignored}"
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
        let why = if self.verdict() == Verdict::Inconclusive {
            format!(
                "{unknown} of an unknown site may be among those to ignore ({}). What would settle it: {by}",
                self.ignores.join(", ")
            )
        } else {
            format!("the site of {unknown} isn't known. To know it: {by}")
        };
        Some(why)
    }

    fn concept(&self) -> Concept {
        match self.verdict() {
            Verdict::Leak => Class::OrphanedTasks.into(),
            verdict => verdict.into(),
        }
    }
}

/// The failure of a test, or a line that says that nothing is left.
impl Display for Left {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.expected_and_saw())?;
        if self.verdict() == Verdict::Steady {
            return Ok(());
        }
        writeln!(f)?;
        let spawn_sites: Vec<_> = self.sites.iter().map(|(site, _)| *site).collect();
        for (resolved, (spawn_site, left)) in site::resolve(&spawn_sites).iter().zip(&self.sites) {
            writeln!(f, "{} from", tasks(*left))?;
            writeln!(f, "  {}", frame_from_here(&resolved.frame))?;
            writeln!(f, "  {}, signature {}", whose(resolved.origin), resolved.signature)?;
            if let Some(spawning) = resolved.stack.first().filter(|first| **first != resolved.frame) {
                writeln!(f, "  spawned by {}", frame_from_here(spawning))?;
            }
            let waiting = self.waiting.iter().find(|stack| stack.site == Some(*spawn_site));
            if let Some(line) = waiting.and_then(super::AwaitStack::own_line) {
                writeln!(f, "  one of them waits at {}", frame_from_here(line))?;
            }
        }
        if let Some(advice) = self.advice() {
            writeln!(f, "{}", wrapped(&advice))?;
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
                "run it again and keep the profile of what is alive\n  {OUT_VARIABLE}=\"$PWD/target/memory\" {}",
                same_test()
            ),
        }
    }
}

fn tasks(tasks: u64) -> String {
    count(tasks.cast_signed(), "task")
}
