//! On the system's allocator: from the climbing graph to the verdict, and the memory given back.

use super::shared::{
    PAUSE, ROUNDS, kernel, load, load_for, mark, resident_and_live, rest, table, triage,
};
use crate::incident::plot::draw;
use crate::incident::scene::{Metrics, On, Scene, Service};
use crate::incident::story::{Size, Step, Story};
use crate::show::progress;
use crate::show::scale::bytes;
use detectors::Profile;
use detectors::profile::TopOptions;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use workbook::problem::{Problem, Result};

/// Those who ask for figures: the graph, and the steps. Each has a connection to the debug port.
const OURS: f64 = 2.0;

/// The pool ends a connection after 15 s, and looks that often.
const IDLE_AT_MOST: Duration = Duration::from_mins(1);

/// What stands for the five quiet minutes that its authors waited.
const QUIET: Duration = Duration::from_secs(10);

/// The service, and what its debug port told after the load.
pub(super) async fn climb(
    scene: &Scene,
    size: &Size,
    story: &mut Story,
) -> Result<(Step, (Service, Metrics))> {
    let service = scene.service(On::Glibc, size.kept_bytes).await?;
    let began = service.graph.now();
    let before = service.metrics().await?;
    let count = ROUNDS * u64::from(size.at_once);
    let report = load(&service, "the climb", count).await?;
    let loaded = service.graph.now();
    rest("at rest", PAUSE).await;
    let after = service.metrics().await?;
    let rows = [("before", &before), ("5 s after", &after)];
    story.plot(
        "climb.svg",
        draw(
            "The climb: what monitoring sees, and what the program holds",
            &resident_and_live(&service.graph.since(began)),
            &[mark(loaded, "the load ends")],
        ),
    );
    let holds = after.resident() >= size.resident_from && after.live() <= size.live_to;
    let step = Step {
        title: "Memory climbs and stays",
        question: "The graph only climbs. Does it come down when nobody asks?",
        commands: vec![load_command(&service, size, count)],
        evidence: format!("{report}\n{}", table(&rows)),
        conclusion: format!(
            "{} are resident, and {} are live: {:.0} times as much. It doesn't come down by itself.",
            bytes(after.resident()),
            bytes(after.live()),
            after.resident() / after.live().max(1.0)
        ),
        holds,
        disturbed: Vec::new(),
        plot: Some("climb.svg"),
    };
    Ok((step, (service, after)))
}

pub(super) async fn which_figure(service: &Service) -> Result<Step> {
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
    Ok(Step {
        title: "Is monitoring right?",
        question: "The heap profile says one figure, monitoring another. Which one lies?",
        commands: vec![
            format!("curl http://{}/metrics", service.debug),
            format!("grep Rss /proc/{id}/status /proc/{id}/smaps_rollup"),
            format!("cat /proc/{id}/cgroup   # and memory.stat in the folder that it names"),
        ],
        evidence,
        conclusion: "Neither lies. The kernel counts pages in RAM, whoever asks it. The heap profile counts blocks that are \
                     not freed. A page that the allocator keeps is in the first figure and not in the second."
            .to_owned(),
        holds: most <= 1.05 * least,
        disturbed: Vec::new(),
        plot: None,
    })
}

pub(super) async fn heap(service: &Service, story: &mut Story) -> Result<Profile> {
    let text = service.get("/debug/pprof/heap").await?;
    let profile = Profile::from_bytes("heap", &text).map_err(told_by_profile)?;
    story.files.push(("heap.pb.gz", text));
    Ok(profile)
}

pub(super) async fn by_space(service: &Service, heap: &Profile, size: &Size) -> Result<Step> {
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
    let metrics = service.metrics().await?;
    let _ = writeln!(evidence, "{:>10}  live, counted", bytes(metrics.live()));
    let _ = write!(evidence, "\n{}", top(heap, "inuse_space")?);
    Ok(Step {
        title: "The heap profile, by space",
        question: "What is in use, and who made it?",
        commands: vec![
            format!(
                "curl -o heap.pb.gz http://{}/debug/pprof/heap",
                service.debug
            ),
            "leaks top heap.pb.gz   # or: go tool pprof -top heap.pb.gz".to_owned(),
        ],
        evidence,
        conclusion: format!(
            "{} are in use, by estimate: the profile is sampled. The handler asks the cluster, parses, and copies hosts out: it \
             makes what is in use. {:.0} times as much was allocated in all, and freed. That is memory pressure, and no leak; and \
             it isn't {}.",
            bytes(in_use),
            allocated / in_use.max(1.0),
            bytes(metrics.resident())
        ),
        // The profile is a sample: the exact figure was judged by the first step.
        holds: in_use <= 2.0 * size.live_to,
        disturbed: Vec::new(),
        plot: None,
    })
}

pub(super) fn by_objects(heap: &Profile) -> Result<Step> {
    let top = top(heap, "inuse_objects")?;
    let holds = top.contains("host_of");
    Ok(Step {
        title: "The heap profile, by objects",
        question: "Few bytes, but perhaps many objects: are the appended hosts kept?",
        commands: vec!["leaks top heap.pb.gz --sample-type inuse_objects".to_owned()],
        evidence: top,
        conclusion: "The strings of the appended hosts stand out, and they are the last answers, which the service keeps for \
                     whoever asks again, within a bound. So look for the holder, and not for the maker: nothing else holds \
                     them."
            .to_owned(),
        holds,
        disturbed: Vec::new(),
        plot: None,
    })
}

pub(super) async fn connections(service: &Service, after_load: &Metrics) -> Result<Step> {
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
    Ok(Step {
        title: "The socket table",
        question: "Does the client library of the search cluster leave connections hanging?",
        commands: vec![format!(
            "curl -s http://{}/metrics | grep -E '^process_(tcp_sockets|open_fds)'",
            service.debug
        )],
        evidence,
        conclusion: "Two sockets listen: one for customers, one is the debug port. After the load as many connections to the cluster are \
                     open as requests were on their way at once, each waiting in the pool for the next request. Idle ones end after 15 s. \
                     What is left is whoever asks for these figures. None is left for each request, so no body is held unread."
            .to_owned(),
        holds: established(after_load) <= 64.0 && established(&idle) <= OURS,
        disturbed: Vec::new(),
        plot: None,
    })
}

pub(super) async fn tasks(service: &Service) -> Result<Step> {
    let metrics = service.metrics().await?;
    let text = service.get("/debug/pprof/tasks?debug=1").await?;
    let evidence: Vec<String> = String::from_utf8_lossy(&text)
        .lines()
        .take(8)
        .map(str::to_owned)
        .collect();
    Ok(Step {
        title: "The task profile",
        question: "Does a task outlive the request that spawned it?",
        commands: vec![format!(
            "curl 'http://{}/debug/pprof/tasks?debug=1'",
            service.debug
        )],
        evidence: evidence.join("\n"),
        conclusion: format!(
            "{} tasks are alive: the listeners, and one for each open connection. No orphans.",
            metrics.tasks()
        ),
        holds: metrics.tasks() <= 64.0,
        disturbed: Vec::new(),
        plot: None,
    })
}

pub(super) async fn collect(service: &Service) -> Result<Step> {
    let before = service.metrics().await?;
    service.get("/debug/pprof/heap?gc=1").await?;
    let after = service.metrics().await?;
    Ok(Step {
        title: "Ask the runtime to collect",
        question: "The authors called runtime.GC(), and then debug.FreeOSMemory(). What is the first of these in Rust?",
        commands: vec![format!("curl 'http://{}/debug/pprof/heap?gc=1'", service.debug)],
        evidence: table(&[("before", &before), ("after", &after)]),
        conclusion: "Nothing. A Rust heap has no garbage: what nobody owns is freed at once, and a profile shows what is \
                     live. So there is nothing to collect, and the graph doesn't move."
            .to_owned(),
        holds: after.resident() >= 0.9 * before.resident(),
        disturbed: Vec::new(),
        plot: None,
    })
}

pub(super) async fn wait(service: &Service) -> Result<Step> {
    let before = service.metrics().await?;
    rest("nobody asks", QUIET).await;
    let after = service.metrics().await?;
    Ok(Step {
        title: "Wait",
        question: "Go returns memory after five quiet minutes. Does this allocator?",
        commands: vec![format!(
            "sleep {}   # shortened from five minutes: glibc has no timer, so none can run out",
            QUIET.as_secs()
        )],
        evidence: table(&[("before", &before), ("after", &after)]),
        conclusion: "Nothing is returned. glibc gives the system what is free at the end of its heap, when something is freed \
                     there. A small block that stays near the end pins all that lies below it."
            .to_owned(),
        holds: after.resident() >= 0.9 * before.resident(),
        disturbed: Vec::new(),
        plot: None,
    })
}

/// The authors' experiment: restart, load for x and five seconds longer, stop, load for x. The service stays.
pub(super) async fn load_again(
    scene: &Scene,
    size: &Size,
    story: &mut Story,
) -> Result<(Step, Service)> {
    let service = scene.service(On::Glibc, size.kept_bytes).await?;
    let began = service.graph.now();
    let count = ROUNDS * u64::from(size.at_once);
    let mut marks = vec![mark(began, "load, for x")];
    let restarted = service.metrics().await?;
    load(&service, "load, for x", count).await?;
    let loaded = service.metrics().await?;
    marks.push(mark(service.graph.now(), "5 s longer"));
    load_for(&service, "and 5 s longer", PAUSE).await?;
    marks.push(mark(service.graph.now(), "stop"));
    rest("stopped", PAUSE).await;
    let stopped = service.metrics().await?;
    marks.push(mark(service.graph.now(), "x again"));
    load(&service, "load again, for x", count).await?;
    rest("at rest", PAUSE).await;
    let again = service.metrics().await?;
    story.plot(
        "reuse.svg",
        draw(
            "Load, stop, the same load: the second one finds its pages",
            &resident_and_live(&service.graph.since(began)),
            &marks,
        ),
    );
    let rows = [
        ("restarted", &restarted),
        ("x", &loaded),
        ("5 s longer, and stopped", &stopped),
        ("x again", &again),
    ];
    let first = stopped.resident() - restarted.resident();
    let second = again.resident() - stopped.resident();
    let step = Step {
        title: "Load, pause, load",
        question: "If it were a leak, the same load would add the same again. Does the second one?",
        commands: vec![
            load_command(&service, size, count),
            format!(
                "{}   # 5 s longer",
                load_command(&service, size, 1_000).replace("--for 2m", "--for 5s")
            ),
            format!("sleep {}", PAUSE.as_secs()),
            load_command(&service, size, count),
        ],
        evidence: format!(
            "{}\nthe first load added {}, the second one {}",
            table(&rows),
            bytes(first.max(0.0)),
            bytes(second.max(0.0))
        ),
        conclusion: format!(
            "After a restart the first load takes {} from the system. The second one is of the same requests, and takes {}: it is \
             served from what the allocator kept. Not a leak, and still wasteful.",
            bytes(first.max(0.0)),
            bytes(second.max(0.0))
        ),
        holds: stopped.resident() >= size.resident_from && second <= 0.1 * first,
        disturbed: Vec::new(),
        plot: Some("reuse.svg"),
    };
    Ok((step, service))
}

pub(super) async fn verdict(
    scene: &Scene,
    service: &Service,
    seconds: u64,
    story: &mut Story,
) -> Result<Step> {
    let url = format!("http://{}", service.debug);
    let time = format!("{seconds}s");
    let seen = triage(scene, &["triage", "--url", &url, "--for", &time]).await?;
    story.verdict.clone_from(&seen.word);
    story.findings = seen.document["findings"].clone();
    story.readings = seen.document["readings"].clone();
    Ok(Step {
        title: "The verdict",
        question: "What does an instrument say that was told nothing of all this?",
        commands: vec![format!("leaks triage --url {url} --for {time}")],
        evidence: seen.text,
        conclusion: format!(
            "The verdict is {}: live memory is flat and low, resident memory is not. It took {seconds} seconds.",
            seen.word
        ),
        holds: seen.word == "retention",
        disturbed: Vec::new(),
        plot: None,
    })
}

pub(super) async fn trim(service: &Service) -> Result<Step> {
    let before = service.metrics().await?;
    let said = service.post("/freememory").await?;
    let after = service.metrics().await?;
    Ok(Step {
        title: "Ask for it back",
        question: "Is the memory held by the allocator, or do live blocks lie on all of its pages?",
        commands: vec![format!("curl -X POST http://{}/freememory", service.debug)],
        evidence: format!(
            "{said}\n{}",
            table(&[("before", &before), ("after", &after)])
        ),
        conclusion: format!(
            "It was held: asked, glibc gives {} back. Were the pages fragmented, it would have had nothing to give.",
            bytes(before.resident() - after.resident())
        ),
        holds: after.resident() <= 0.4 * before.resident(),
        disturbed: Vec::new(),
        plot: None,
    })
}

/// A load by hand; bash makes a hundred customers of the braces.
fn load_command(service: &Service, size: &Size, count: u64) -> String {
    format!(
        "leaks load --url=http://{}/apex/large-{{00..99}}.example \\\n    --at-once {} --count {count} --for 2m --within 2m",
        service.public, size.at_once
    )
}

fn top(profile: &Profile, sample_type: &str) -> Result<String> {
    let options = TopOptions::default().rows_max(8);
    let top = profile.top_with(Some(sample_type), &options);
    Ok(top.map_err(told_by_profile)?.to_string())
}

fn told_by_profile(error: detectors::profile::ProfileError) -> Problem {
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
