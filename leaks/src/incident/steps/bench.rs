//! The bench: the instruments that can be turned on a service, whichever of the two it is. What the look means is said by whoever takes it.

use super::shared::{kernel, rest, table};
use crate::incident::scene::{Metrics, Service};
use crate::incident::story::{Size, Step};
use crate::show::progress;
use crate::show::scale::bytes;
use detectors::Profile;
use detectors::profile::{ProfileError, TopOptions};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use workbook::problem::{Problem, Result};

/// Those who ask for figures: the graph, and the steps. Each has a connection to the debug port.
const OURS: f64 = 2.0;

/// The pool ends a connection after 15 s, and looks that often.
const IDLE_AT_MOST: Duration = Duration::from_mins(1);

/// What stands for the five quiet minutes that the story's authors waited.
const QUIET: Duration = Duration::from_secs(10);

/// More sockets or tasks than the few requests at once can have.
const FEW: f64 = 64.0;

/// What an instrument showed, before anybody concludes from it.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) title: &'static str,
    pub(super) commands: Vec<String>,
    pub(super) evidence: String,
}

impl Look {
    pub(super) fn step(
        self,
        question: &'static str,
        conclusion: impl Into<String>,
        holds: bool,
    ) -> Step {
        Step {
            title: self.title,
            question,
            commands: self.commands,
            evidence: self.evidence,
            conclusion: conclusion.into(),
            holds,
            disturbed: Vec::new(),
            plot: None,
        }
    }
}

/// Resident memory by all who count it, and whether they agree.
pub(super) async fn machine(service: &Service) -> Result<(Look, bool)> {
    let metrics = service.metrics().await?;
    let id = service.id();
    let status = kernel(id, "status", "VmRSS:")?;
    let smaps = kernel(id, "smaps_rollup", "Rss:")?;
    let group = group_memory(id);
    let figures = [metrics.resident(), status, smaps];
    let (least, most) = (
        figures.iter().copied().fold(f64::INFINITY, f64::min),
        figures.iter().copied().fold(0.0, f64::max),
    );
    let mut evidence = format!(
        "{:>10}  the service's own /metrics\n{:>10}  VmRSS in /proc/{id}/status\n{:>10}  Rss in /proc/{id}/smaps_rollup\n",
        bytes(figures[0]),
        bytes(figures[1]),
        bytes(figures[2])
    );
    let _ = match group {
        Some(group) => writeln!(
            evidence,
            "{:>10}  `docker stats`: {} of its control group, less files that nobody uses;\n{:>12}all {} processes of the group together",
            bytes(group.bytes),
            group.figure,
            "",
            group.processes,
        ),
        None => writeln!(
            evidence,
            "{:>10}  `docker stats`: no memory controller has this process in a group",
            "not read"
        ),
    };
    let look = Look {
        title: "Is monitoring right?",
        commands: vec![
            format!("curl http://{}/metrics", service.debug),
            format!("grep Rss /proc/{id}/status /proc/{id}/smaps_rollup"),
            format!("cat /proc/{id}/cgroup   # and memory.stat in the folder that it names"),
        ],
        evidence,
    };
    Ok((look, most <= 1.05 * least))
}

/// The heap profile, and the file that it was read from.
pub(super) async fn heap(service: &Service) -> Result<(Profile, Vec<u8>)> {
    let file = service.get("/debug/pprof/heap").await?;
    let profile = Profile::from_bytes("heap", &file).map_err(told_by_profile)?;
    Ok((profile, file))
}

/// A heap profile's totals, in bytes, and what is counted at the same time.
pub(super) struct Space {
    pub(super) in_use: f64,
    pub(super) allocated: f64,
    pub(super) now: Metrics,
}

pub(super) async fn space(service: &Service, heap: &Profile) -> Result<(Look, Space)> {
    let mut evidence = String::new();
    let (mut in_use, mut allocated) = (0.0, 0.0);
    for kind in heap.sample_types() {
        let total = heap.total(&kind.name).map_err(told_by_profile)?;
        let figure = if kind.unit == "bytes" {
            bytes(total as f64)
        } else {
            total.to_string()
        };
        match &*kind.name {
            "inuse_space" => in_use = total as f64,
            "alloc_space" => allocated = total as f64,
            _ => {}
        }
        let _ = writeln!(evidence, "{figure:>10}  {}", kind.name);
    }
    let now = service.metrics().await?;
    let _ = writeln!(evidence, "{:>10}  live, counted", bytes(now.live()));
    let _ = write!(evidence, "\n{}", top(heap, "inuse_space")?);
    let look = Look {
        title: "The heap profile, by space",
        commands: vec![
            format!(
                "curl -o heap.pb.gz http://{}/debug/pprof/heap",
                service.debug
            ),
            "leaks top heap.pb.gz   # or: go tool pprof -top heap.pb.gz".to_owned(),
        ],
        evidence,
    };
    let space = Space {
        in_use,
        allocated,
        now,
    };
    Ok((look, space))
}

pub(super) fn objects(heap: &Profile) -> Result<Look> {
    Ok(Look {
        title: "The heap profile, by objects",
        commands: vec!["leaks top heap.pb.gz --sample-type inuse_objects".to_owned()],
        evidence: top(heap, "inuse_objects")?,
    })
}

/// Sockets by state 5 s after the load and once idle connections have ended, and whether they have: few before, and none later.
pub(super) async fn sockets(service: &Service, after_load: &Metrics) -> Result<(Look, bool)> {
    let established = |metrics: &Metrics| metrics.in_state("ESTABLISHED");
    let deadline = Instant::now() + IDLE_AT_MOST;
    let mut line = progress::Line::new();
    let idle = loop {
        let now = service.metrics().await?;
        if established(&now) <= OURS || Instant::now() > deadline {
            break now;
        }
        line.draw(
            "idle connections end",
            &format!("{} left", established(&now)),
        );
        sleep(Duration::from_secs(1)).await;
    };
    drop(line);
    let mut evidence = format!("{:>11}  {:>10}\n", "after 5 s", "later");
    let mut row = |of: &str, figure: &dyn Fn(&Metrics) -> f64| {
        let _ = writeln!(
            evidence,
            "{:>11}  {:>10}  {of}",
            figure(after_load),
            figure(&idle)
        );
    };
    for (state, _) in after_load.sockets() {
        row(&state, &|metrics| metrics.in_state(&state));
    }
    row("open descriptors in all", &Metrics::descriptors);
    let look = Look {
        title: "The socket table",
        commands: vec![format!(
            "curl -s http://{}/metrics | grep -E '^process_(tcp_sockets|open_fds)'",
            service.debug
        )],
        evidence,
    };
    let are_few = established(after_load) <= FEW && established(&idle) <= OURS;
    Ok((look, are_few))
}

/// Living tasks by who spawned them; how many there are, and whether that is few.
pub(super) async fn tasks(service: &Service) -> Result<(Look, f64, bool)> {
    let metrics = service.metrics().await?;
    let text = service.get("/debug/pprof/tasks?debug=1").await?;
    let evidence: Vec<String> = String::from_utf8_lossy(&text)
        .lines()
        .take(8)
        .map(str::to_owned)
        .collect();
    let look = Look {
        title: "The task profile",
        commands: vec![format!(
            "curl 'http://{}/debug/pprof/tasks?debug=1'",
            service.debug
        )],
        evidence: evidence.join("\n"),
    };
    Ok((look, metrics.tasks(), metrics.tasks() <= FEW))
}

/// What changes by a look that shows two moments.
pub(super) struct Change {
    pub(super) before: Metrics,
    pub(super) after: Metrics,
}

impl Change {
    /// Nothing left the graph, but for what any process' figure moves by.
    pub(super) fn is_none(&self) -> bool {
        self.after.resident() >= 0.9 * self.before.resident()
    }

    fn table(&self) -> String {
        table(&[("before", &self.before), ("after", &self.after)])
    }
}

pub(super) async fn collect(service: &Service) -> Result<(Look, Change)> {
    let before = service.metrics().await?;
    service.get("/debug/pprof/heap?gc=1").await?;
    let after = service.metrics().await?;
    let change = Change { before, after };
    let look = Look {
        title: "Ask the runtime to collect",
        commands: vec![format!(
            "curl 'http://{}/debug/pprof/heap?gc=1'",
            service.debug
        )],
        evidence: change.table(),
    };
    Ok((look, change))
}

pub(super) async fn wait(service: &Service) -> Result<(Look, Change)> {
    let before = service.metrics().await?;
    rest("nobody asks", QUIET).await;
    let after = service.metrics().await?;
    let change = Change { before, after };
    let look = Look {
        title: "Wait",
        commands: vec![format!(
            "sleep {}   # shortened from five minutes: glibc has no timer, so none can run out",
            QUIET.as_secs()
        )],
        evidence: change.table(),
    };
    Ok((look, change))
}

pub(super) async fn trim(service: &Service) -> Result<(Look, Change)> {
    let before = service.metrics().await?;
    let said = service.post("/freememory").await?;
    let after = service.metrics().await?;
    let change = Change { before, after };
    let look = Look {
        title: "Ask for it back",
        commands: vec![format!("curl -X POST http://{}/freememory", service.debug)],
        evidence: format!("{said}\n{}", change.table()),
    };
    Ok((look, change))
}

/// A load by hand, of customers from `first` on; bash makes them of the braces.
pub(super) fn load_command(service: &Service, size: &Size, first: u64, count: u64) -> String {
    format!(
        "leaks load --url=http://{}/apex/large-{{{first:02}..99}}.example \\\n    --at-once {} --count {count} --for 2m --within 2m",
        service.public, size.at_once
    )
}

fn top(profile: &Profile, sample_type: &str) -> Result<String> {
    let options = TopOptions::default().rows_max(8);
    let top = profile.top_with(Some(sample_type), &options);
    Ok(top.map_err(told_by_profile)?.to_string())
}

fn told_by_profile(error: ProfileError) -> Problem {
    Problem::new("the service's heap profile can't be read").because(error)
}

/// What the memory controller says of a process' control group, and how many processes it says that of.
struct Group {
    bytes: f64,
    figure: &'static str,
    processes: usize,
}

/// What `docker stats` computes: the group's figure, less the pages of files that were not used of late. Version 2 of control groups
/// may be there without a memory controller, where version 1 has it.
fn group_memory(id: u32) -> Option<Group> {
    let groups = std::fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (root, figure, inactive) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.current", "inactive_file "),
            "memory" => (
                "/sys/fs/cgroup/memory",
                "memory.usage_in_bytes",
                "total_inactive_file ",
            ),
            _ => return None,
        };
        // In a container the path may be the host's, and the group lies at the root.
        [format!("{root}{path}"), root.to_owned()]
            .iter()
            .find_map(|folder| {
                let read = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).ok();
                let used: f64 = read(figure)?.trim().parse().ok()?;
                let stat = read("memory.stat")?;
                let unused = stat.lines().find_map(|line| line.strip_prefix(inactive));
                let unused: f64 = unused?.trim().parse().ok()?;
                Some(Group {
                    bytes: used - unused,
                    figure,
                    processes: read("cgroup.procs")?.lines().count(),
                })
            })
    })
}
