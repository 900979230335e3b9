//! Whether tasks are stuck: found as a value, asserted in words.

use super::left::{DUMP_WITHIN, spawning_line};
use super::outlook::{AliveTask, NoOutlooks, Outlook, Outlooks, Rule, Why, outlooks};
use super::waiting::await_stacks;
use crate::model::complaint::{Complaint, Concept, passed};
use crate::model::this_test;
use crate::model::verdict::Verdict;
use crate::model::words::{bytes, count, frame_from_here, whose, wrapped};
use crate::readings::spawn_site::{self, SpawnSite};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

/// Of each spawn site so many tasks are asked where they wait.
const OF_EACH_SITE: usize = 4;

/// The tasks that can never wake, as a [`TaskCheck`](super::TaskCheck) found them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckTasks {
    name: String,
    told: Result<Outlooks, NoOutlooks>,
    /// Without those that were to be ignored.
    stuck: Vec<AliveTask>,
    ignored: u64,
}

pub(super) async fn find(
    name: &str,
    runtime: &Handle,
    to_ignore: &[String],
    within: Duration,
) -> StuckTasks {
    let started = Instant::now();
    let told = loop {
        let told = outlooks(runtime).await;
        let is_settled = told
            .as_ref()
            .is_ok_and(|told| told.tasks().iter().all(is_settled));
        if told.is_err() || is_settled || started.elapsed() >= within {
            break told;
        }
    };
    let all = told.as_ref().map(|told| told.stuck().cloned().collect());
    let all: Vec<AliveTask> = all.unwrap_or_default();
    let (ignored, mut stuck): (Vec<AliveTask>, Vec<AliveTask>) = all
        .into_iter()
        .partition(|task| is_ignored(task.site, to_ignore));
    say_where_they_wait(runtime, &mut stuck).await;
    StuckTasks {
        name: name.to_owned(),
        told,
        stuck,
        ignored: ignored.len() as u64,
    }
}

fn is_settled(task: &AliveTask) -> bool {
    matches!(task.outlook, Outlook::CanWake(_) | Outlook::NeverWakes(_))
}

fn is_ignored(site: Option<SpawnSite>, ignores: &[String]) -> bool {
    let line = site.filter(|_| !ignores.is_empty());
    let line = line.map(|site| spawning_line(&site.resolve()));
    line.is_some_and(|line| ignores.iter().any(|ignored| line.contains(ignored)))
}

/// It is more than was asked for: where it can't be had, the rest is still worth telling. It polls each task, so it comes last; and a
/// runtime with threads is better not asked without need.
async fn say_where_they_wait(runtime: &Handle, stuck: &mut [AliveTask]) {
    if stuck.is_empty() || runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
        return;
    }
    let Ok(stacks) = await_stacks(runtime, DUMP_WITHIN, OF_EACH_SITE).await else {
        return;
    };
    for task in stuck {
        let own = stacks.iter().find(|stack| stack.task == Some(task.id));
        task.waits = own.cloned();
    }
}

impl StuckTasks {
    /// The stuck tasks, without those that were to be ignored.
    pub fn stuck(&self) -> &[AliveTask] {
        &self.stuck
    }

    /// How many were ignored, as it was asked for.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// What becomes of each alive task, or why that can't be told.
    ///
    /// # Errors
    ///
    /// As of [`outlooks`](super::outlooks).
    pub fn outlooks(&self) -> Result<&Outlooks, &NoOutlooks> {
        self.told.as_ref()
    }

    /// `steady` when no task is stuck, `leak` when some are, `inconclusive` when nothing can be told.
    pub fn verdict(&self) -> Verdict {
        match &self.told {
            Err(_) => Verdict::Inconclusive,
            Ok(_) if self.stuck.is_empty() => Verdict::Steady,
            Ok(_) => Verdict::Leak,
        }
    }

    /// Whether none is stuck.
    ///
    /// # Errors
    ///
    /// With the failure's text: some are, or it couldn't be told.
    pub fn check_none_stuck(&self) -> Result<(), Complaint> {
        match self.verdict() {
            Verdict::Steady => Ok(()),
            _ => Err(Complaint::new(self)),
        }
    }

    /// Fails the test when tasks are stuck.
    ///
    /// # Panics
    ///
    /// With the text of [`check_none_stuck`](StuckTasks::check_none_stuck).
    #[track_caller]
    pub fn assert_none_stuck(&self) -> &Self {
        passed(self, self.check_none_stuck())
    }

    /// The stuck tasks by where they were spawned, most first.
    fn by_site(&self) -> Vec<(Option<SpawnSite>, Vec<&AliveTask>)> {
        let mut sites: Vec<(Option<SpawnSite>, Vec<&AliveTask>)> = Vec::new();
        for task in &self.stuck {
            match sites.iter_mut().find(|(site, _)| *site == task.site) {
                Some((_, tasks)) => tasks.push(task),
                None => sites.push((task.site, vec![task])),
            }
        }
        sites.sort_by_key(|(_, tasks)| std::cmp::Reverse(tasks.len()));
        sites
    }
}

/// The failure of a test, or a line that says that no task is stuck.
impl Display for StuckTasks {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let saw = match (self.verdict(), self.stuck.len()) {
            (Verdict::Inconclusive, _) => "inconclusive".to_owned(),
            (_, 0) => "none".to_owned(),
            (_, stuck) => format!("{} stuck", tasks(stuck as u64)),
        };
        let name = &self.name;
        let text = format!("{name}: expected no task that can never wake, saw {saw}");
        writeln!(f, "{}", wrapped(&text))?;
        let because = match &self.told {
            Err(error) => return writeln!(f, "because: {error}").and_then(|()| again(f)),
            Ok(told) => because(told, self.ignored),
        };
        writeln!(f, "{}", wrapped(&because))?;
        if self.stuck.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        for (site, stuck) in self.by_site() {
            of_site(f, site, &stuck)?;
        }
        let concept = Concept {
            word: "stuck",
            definition: DEFINITION,
            see: "detectors::tasks",
        };
        writeln!(f, "\n{concept}")?;
        again(f)
    }
}

const DEFINITION: &str = "a task that waits, and that nothing can ever wake: nobody has a waker of it, or only tasks have that are stuck \
                          themselves";

fn again(f: &mut Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "\nnext: find who was to send, notify, unlock or drop what the task waits for, and run it again\n  {}",
        this_test::again()
    )
}

fn because(told: &Outlooks, ignored: u64) -> String {
    let by = match told.rule() {
        Rule::Counts => {
            "by its count of references; one that itself holds what it waits for is found while a detectors::Scope::of_process lives"
        }
        Rule::Reach => "by its count of references, and by who holds its wakers",
    };
    let undecided = match told.not_decided() {
        0 => String::new(),
        undecided => format!("; {} not decided", tasks(undecided)),
    };
    let ignored = match ignored {
        0 => String::new(),
        ignored => format!("; {} stuck and ignored", tasks(ignored)),
    };
    let alive = tasks(told.tasks().len() as u64);
    let alive = if told.tasks().len() == 1 {
        format!("{alive} is alive")
    } else {
        format!("{alive} are alive")
    };
    format!("because: {alive}, and each was judged twice {by}{undecided}{ignored}")
}

fn of_site(f: &mut Formatter<'_>, site: Option<SpawnSite>, stuck: &[&AliveTask]) -> fmt::Result {
    writeln!(f, "{} from", tasks(stuck.len() as u64))?;
    match site.map(|site| spawn_site::resolve(&[site])) {
        Some(resolved) => {
            for site in resolved {
                writeln!(f, "  {}", frame_from_here(&site.frame))?;
                writeln!(f, "  {}, signature {}", whose(site.origin), site.signature)?;
            }
        }
        None => writeln!(
            f,
            "  an unknown site: spawn with detectors::tasks::spawn, or build with RUSTFLAGS=\"--cfg tokio_unstable\""
        )?,
    }
    let without = stuck
        .iter()
        .filter(|task| task.outlook == Outlook::NeverWakes(Why::NoWaker))
        .count();
    if without > 0 {
        writeln!(f, "  nobody has a waker of {}", tasks(without as u64))?;
    }
    if without < stuck.len() {
        let others = tasks((stuck.len() - without) as u64);
        writeln!(f, "  only stuck tasks have a waker of {others}")?;
    }
    let held_bytes = stuck.iter().map(|task| task.held_bytes).sum();
    let held_blocks: u64 = stuck.iter().map(|task| task.held_blocks).sum();
    let blocks = count(held_blocks.cast_signed(), "block");
    writeln!(f, "  {} held, in {blocks}", bytes(held_bytes))?;
    let mut waits = stuck.iter().filter_map(|task| task.waits.as_ref());
    if let Some(line) = waits.find_map(super::AwaitStack::line) {
        writeln!(f, "  one of them waits at {}", frame_from_here(line))?;
    }
    Ok(())
}

fn tasks(tasks: u64) -> String {
    count(tasks.cast_signed(), "task")
}
