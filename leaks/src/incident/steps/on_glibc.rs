//! On the system's allocator: from the climbing graph to the verdict, and the memory given back.

use super::shared::{PAUSE, ROUNDS, kernel, load, mark, resident_and_live, rest, table, triage};
use crate::incident::plot::draw;
use crate::incident::scene::{Metrics, Scene, Service};
use crate::incident::story::{Size, Step, Story};
use crate::show::scale::bytes;
use detectors::Profile;
use detectors::profile::TopOptions;
use std::fmt::Write as _;
use std::time::Duration;
use workbook::problem::{Problem, Result};

/// What stands for the five quiet minutes that its authors waited.
const QUIET: Duration = Duration::from_secs(10);

pub(super) async fn climb(service: &Service, size: &Size, story: &mut Story) -> Result<Step> {
    let began = service.graph.now();
    let before = service.metrics().await?;
    let count = ROUNDS * u64::from(size.at_once);
    let report = load(service, "the climb", count).await?;
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
    Ok(Step {
        title: "Memory climbs and stays",
        question: "The graph only climbs. Does it come down when nobody asks?",
        commands: vec![load_command(service, size, count)],
        evidence: format!("{report}\n{}", table(&rows)),
        conclusion: format!(
            "{} are resident, and {} are live: {:.0} times as much. It doesn't come down by itself.",
            bytes(after.resident()),
            bytes(after.live()),
            after.resident() / after.live().max(1.0)
        ),
        holds,
        plot: Some("climb.svg"),
    })
}

pub(super) async fn which_figure(service: &Service) -> Result<Step> {
    let metrics = service.metrics().await?;
    let id = service.id();
    let status = kernel(id, "status", "VmRSS:")?;
    let smaps = kernel(id, "smaps_rollup", "Rss:")?;
    let limit = kernel_group(id);
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
    let _ = match limit {
        Some(group) => writeln!(
            evidence,
            "{:>10}  the control group's memory.current",
            bytes(group)
        ),
        None => writeln!(
            evidence,
            "{:>10}  the control group: this machine has no memory controller for it",
            "not read"
        ),
    };
    Ok(Step {
        title: "Is monitoring right?",
        question: "The heap profile says one figure, monitoring another. Which one lies?",
        commands: vec![
            format!("curl http://{}/metrics", service.debug),
            format!("grep Rss /proc/{id}/status /proc/{id}/smaps_rollup"),
        ],
        evidence,
        conclusion: "Neither lies. The kernel counts pages in RAM, whoever asks it. The heap profile counts blocks that are \
                     not freed. A page that the allocator keeps is in the first figure and not in the second."
            .to_owned(),
        holds: most <= 1.05 * least,
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
        plot: None,
    })
}

pub(super) async fn connections(service: &Service) -> Result<Step> {
    let metrics = service.metrics().await?;
    let sockets = metrics.sockets();
    let mut evidence = String::new();
    for (state, count) in &sockets {
        let _ = writeln!(evidence, "{count:>6}  {state}");
    }
    let _ = writeln!(
        evidence,
        "{:>6}  open descriptors in all",
        metrics.descriptors()
    );
    Ok(Step {
        title: "The socket table",
        question: "Does the client library of the search cluster leave connections hanging?",
        commands: vec![format!(
            "curl -s http://{}/metrics | grep -E '^process_(tcp_sockets|open_fds)'",
            service.debug
        )],
        evidence,
        conclusion: "Two listening sockets. Of the connections, as many as requests were on their way at once wait in the pool to \
                     the cluster; the others are those who ask for these figures. None is left per request, so no body is held \
                     unread."
            .to_owned(),
        holds: sockets.iter().map(|(_, count)| count).sum::<f64>() <= 64.0,
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
        plot: None,
    })
}

pub(super) async fn collect(service: &Service) -> Result<Step> {
    let before = service.metrics().await?;
    service.get("/debug/pprof/heap?gc=1").await?;
    let after = service.metrics().await?;
    Ok(Step {
        title: "Ask the runtime to collect",
        question: "The authors called runtime.GC() here. What is that in Rust?",
        commands: vec![format!("curl 'http://{}/debug/pprof/heap?gc=1'", service.debug)],
        evidence: table(&[("before", &before), ("after", &after)]),
        conclusion: "Nothing. A Rust heap has no garbage: what nobody owns is freed at once, and a profile shows what is \
                     live. So there is nothing to collect, and the graph doesn't move."
            .to_owned(),
        holds: after.resident() >= 0.9 * before.resident(),
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
        plot: None,
    })
}

pub(super) async fn load_again(service: &Service, size: &Size, story: &mut Story) -> Result<Step> {
    let began = service.graph.now();
    let count = 2 * u64::from(size.at_once);
    let mut marks = Vec::new();
    let mut rows = vec![("before".to_owned(), service.metrics().await?)];
    for number in ["first", "second"] {
        marks.push(mark(service.graph.now(), &format!("the {number} load")));
        load(service, &format!("the {number} load"), count).await?;
        marks.push(mark(service.graph.now(), "pause"));
        rest("pause", PAUSE).await;
        rows.push((format!("after the {number}"), service.metrics().await?));
    }
    let rows: Vec<(&str, &Metrics)> = rows.iter().map(|(name, row)| (&**name, row)).collect();
    let (first, second) = (rows[1].1, rows[2].1);
    story.plot(
        "reuse.svg",
        draw(
            "The same load twice: the second one finds its pages",
            &resident_and_live(&service.graph.since(began)),
            &marks,
        ),
    );
    let more = second.resident() - first.resident();
    Ok(Step {
        title: "Load, pause, load",
        question: "If it were a leak, each load would add to it. Does the second one?",
        commands: vec![
            load_command(service, size, count),
            format!("sleep {}   # and the same load again", PAUSE.as_secs()),
            load_command(service, size, count),
        ],
        evidence: table(&rows),
        conclusion: format!(
            "The second load adds {} to {}. It is served from what the allocator kept: not a leak, and still wasteful.",
            bytes(more.max(0.0)),
            bytes(first.resident())
        ),
        holds: more <= 0.15 * first.resident(),
        plot: Some("reuse.svg"),
    })
}

pub(super) async fn verdict(scene: &Scene, service: &Service, story: &mut Story) -> Result<Step> {
    let url = format!("http://{}", service.debug);
    let seen = triage(scene, &["triage", "--url", &url, "--for", "6s"]).await?;
    story.verdict.clone_from(&seen.word);
    story.findings = seen.document["findings"].clone();
    story.readings = seen.document["readings"].clone();
    Ok(Step {
        title: "The verdict",
        question: "What does an instrument say that was told nothing of all this?",
        commands: vec![format!("leaks triage --url {url} --for 6s")],
        evidence: seen.text,
        conclusion: format!(
            "The verdict is {}: live memory is flat and low, resident memory is not. It took six seconds.",
            seen.word
        ),
        holds: seen.word == "retention",
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

/// What the process' control group counts, where there is a memory controller for it.
fn kernel_group(id: u32) -> Option<f64> {
    let groups = std::fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let current = format!("/sys/fs/cgroup{path}/memory.current");
    std::fs::read_to_string(current).ok()?.trim().parse().ok()
}
