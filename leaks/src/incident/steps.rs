//! The story, step by step. Each asks one question, runs what would answer it, and concludes from what came.
//!
//! The steps and their order are those of the incident that the workbook grew from; what is measured is this machine's.

use super::plot::{Colour, Line, Mark, draw};
use super::scene::{Customers, Metrics, On, Point, Scene, Service};
use super::{Size, Step, Story};
use crate::load::Pace;
use crate::problem::{Problem, Result};
use crate::progress;
use crate::scale::bytes;
use detectors::Profile;
use detectors::profile::TopOptions;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The pause of the incident's experiment.
const PAUSE: Duration = Duration::from_secs(5);

/// What stands for the five quiet minutes that its authors waited.
const QUIET: Duration = Duration::from_secs(10);

/// A load that has this many requests for each client has touched every thread's arena.
const ROUNDS: u64 = 4;

/// What jemalloc is told, for each of the three ways in which memory can leave, or not.
const LAZILY: &str = "dirty_decay_ms:100,muzzy_decay_ms:-1,background_thread:true";
const AFTER_20_SECONDS: &str = "dirty_decay_ms:20000,muzzy_decay_ms:0,background_thread:true";
const AS_IT_COMES: &str = "dirty_decay_ms:10000,muzzy_decay_ms:0";

/// Tells the whole story, each step as soon as it is over.
pub(super) async fn tell(
    scene: &Scene,
    size: &Size,
    mut told: impl FnMut(&Step, &Story) -> Result<()>,
) -> Result<Story> {
    let mut story = Story::default();
    let mut add = |story: &mut Story, step: Step| {
        story.steps.push(step);
        let step = &story.steps[story.steps.len() - 1];
        told(step, story)
    };

    let service = scene.service(On::Glibc, size.kept_bytes).await?;
    let climb = climb(&service, size, &mut story).await?;
    add(&mut story, climb)?;
    add(&mut story, which_figure(&service).await?)?;
    let heap = heap(&service, &mut story).await?;
    add(&mut story, by_space(&service, &heap, size)?)?;
    add(&mut story, by_objects(&service, &heap)?)?;
    add(&mut story, connections(&service).await?)?;
    add(&mut story, tasks(&service).await?)?;
    add(&mut story, collect(&service).await?)?;
    add(&mut story, wait(&service).await?)?;
    let again = load_again(&service, size, &mut story).await?;
    add(&mut story, again)?;
    let verdict = verdict(scene, &service, &mut story).await?;
    add(&mut story, verdict)?;
    add(&mut story, trim(&service).await?)?;
    drop(service);

    let lazily = lazily_freed(scene, size, &mut story).await?;
    add(&mut story, lazily)?;
    let timers = timers(scene, size).await?;
    add(&mut story, timers)?;
    let side_by_side = side_by_side(scene, size, &mut story).await?;
    add(&mut story, side_by_side)?;
    let control = control(scene, size, &mut story).await?;
    add(&mut story, control)?;
    Ok(story)
}

async fn climb(service: &Service, size: &Size, story: &mut Story) -> Result<Step> {
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
        commands: vec![format!(
            "leaks load --url http://{}/apex/large-00.example .. large-99.example --at-once {} --count {count}",
            service.public, size.at_once
        )],
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

async fn which_figure(service: &Service) -> Result<Step> {
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
        question: "Two figures can't both be right: 7 MB and 400 MB. Which one lies?",
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

async fn heap(service: &Service, story: &mut Story) -> Result<Profile> {
    let text = service.get("/debug/pprof/heap").await?;
    let profile = Profile::from_bytes("heap", &text).map_err(told_by_profile)?;
    story.files.push(("heap.pb.gz", text));
    Ok(profile)
}

fn by_space(service: &Service, heap: &Profile, size: &Size) -> Result<Step> {
    let mut evidence = String::new();
    let mut in_use = 0.0;
    for kind in heap.sample_types() {
        let total = heap.total(&kind.name).map_err(told_by_profile)?;
        let figure = if kind.unit == "bytes" {
            bytes(total as f64)
        } else {
            total.to_string()
        };
        if kind.name == "inuse_space" {
            in_use = total as f64;
        }
        let _ = writeln!(evidence, "{figure:>10}  {}", kind.name);
    }
    let _ = write!(evidence, "\n{}", top(heap, "inuse_space")?);
    Ok(Step {
        title: "The heap profile, by space",
        question: "What is in use, and who made it?",
        commands: vec![
            format!(
                "leaks top heap.pb.gz   (http://{}/debug/pprof/heap)",
                service.debug
            ),
            format!(
                "go tool pprof -top http://{}/debug/pprof/heap",
                service.debug
            ),
        ],
        evidence,
        conclusion: format!(
            "{} are in use. `collect` asks the cluster, parses, and copies hosts out: it makes what is in use. What was \
             ever allocated is hundreds of times more, and was freed. That is memory pressure, and no leak; and it isn't {}.",
            bytes(in_use),
            bytes(size.resident_from)
        ),
        // The profile is a sample: the exact figure was judged by the first step.
        holds: in_use <= 2.0 * size.live_to,
        plot: None,
    })
}

fn by_objects(service: &Service, heap: &Profile) -> Result<Step> {
    let top = top(heap, "inuse_objects")?;
    let holds = top.contains("host_of") || top.contains("collect");
    Ok(Step {
        title: "The heap profile, by objects",
        question: "Few bytes, but perhaps many objects: are the appended hosts kept?",
        commands: vec![format!(
            "leaks top heap.pb.gz --sample-type inuse_objects   (http://{}/debug/pprof/heap)",
            service.debug
        )],
        evidence: top,
        conclusion: "The strings of the appended hosts stand out, and they are the last answers, which the service keeps for \
                     whoever asks again, within a bound. So look for the holder, and not for the maker: nothing else holds \
                     them."
            .to_owned(),
        holds,
        plot: None,
    })
}

async fn connections(service: &Service) -> Result<Step> {
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
        commands: vec![format!("curl http://{}/metrics   (process_tcp_sockets)", service.debug)],
        evidence,
        conclusion: "A few listening sockets, and a few connections that wait in pools: as many as requests were on their way \
                     at once. None is left per request, so no body is held unread."
            .to_owned(),
        holds: sockets.iter().map(|(_, count)| count).sum::<f64>() <= 64.0,
        plot: None,
    })
}

async fn tasks(service: &Service) -> Result<Step> {
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

async fn collect(service: &Service) -> Result<Step> {
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

async fn wait(service: &Service) -> Result<Step> {
    let before = service.metrics().await?;
    rest("nobody asks", QUIET).await;
    let after = service.metrics().await?;
    Ok(Step {
        title: "Wait",
        question: "Go returns memory after five quiet minutes. Does this allocator?",
        commands: vec![format!(
            "sleep {}   (shortened from five minutes: glibc has no timer, so none can run out)",
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

async fn load_again(service: &Service, size: &Size, story: &mut Story) -> Result<Step> {
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
        commands: vec![format!(
            "leaks load --url http://{}/apex/large-00.example .. --pattern x/{}s/x   (x: {count} requests)",
            service.public,
            PAUSE.as_secs()
        )],
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

async fn verdict(scene: &Scene, service: &Service, story: &mut Story) -> Result<Step> {
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
            "{}: live memory is flat and low, resident memory is not. It took six seconds.",
            seen.word
        ),
        holds: seen.word == "retention",
        plot: None,
    })
}

async fn trim(service: &Service) -> Result<Step> {
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

async fn lazily_freed(scene: &Scene, size: &Size, story: &mut Story) -> Result<Step> {
    let service = scene.service(On::Jemalloc(LAZILY), size.kept_bytes).await?;
    let began = service.graph.now();
    load(
        &service,
        "on jemalloc, MADV_FREE",
        2 * u64::from(size.at_once),
    )
    .await?;
    let loaded = service.graph.now();
    rest("at rest", PAUSE).await;
    let before = service.metrics().await?;
    let pid = service.id().to_string();
    let squeezed_at = service.graph.now();
    let seen = triage(
        scene,
        &["triage", "--pid", &pid, "--for", "5s", "--squeeze", "--yes"],
    )
    .await?;
    let after = service.metrics().await?;
    rest("for the graph to show it", Duration::from_secs(3)).await;
    let points = service.graph.since(began);
    let mut lines = resident_and_live(&points);
    lines.push(Line {
        name: "lazily freed",
        colour: Colour::Third,
        points: each(&points, Metrics::lazily_freed),
    });
    story.plot(
        "lazily-freed.svg",
        draw(
            "Freed with MADV_FREE: resident until the system needs it",
            &lines,
            &[
                mark(loaded, "the load ends"),
                mark(squeezed_at, "triage, then pressure"),
            ],
        ),
    );
    Ok(Step {
        title: "MADV_FREE",
        question: "Go 1.12 frees pages with MADV_FREE. What does a graph show of memory that is freed so?",
        commands: vec![
            format!("_RJEM_MALLOC_CONF={LAZILY} leaks-on-jemalloc"),
            format!("leaks triage --pid {pid} --for 5s --squeeze --yes"),
        ],
        evidence: format!(
            "{}\n{}",
            table(&[("at rest", &before), ("after the squeeze", &after)]),
            seen.text
        ),
        conclusion: format!(
            "{} of {} are lazily freed: the allocator has given them up, and the system takes them when it needs them. Under \
             pressure they go, and nothing is lost. This is the incident's cause.",
            bytes(before.lazily_freed()),
            bytes(before.resident())
        ),
        holds: before.lazily_freed() >= 0.5 * before.resident()
            && after.resident() <= 0.5 * before.resident()
            && seen.word == "retention",
        plot: Some("lazily-freed.svg"),
    })
}

/// The process is left wholly alone here, and looked at from outside: whoever asks it makes it allocate, and that looks at the clock.
async fn timers(scene: &Scene, size: &Size) -> Result<Step> {
    let service = scene
        .service(On::Jemalloc(AS_IT_COMES), size.kept_bytes)
        .await?;
    load(
        &service,
        "on jemalloc as it comes",
        2 * u64::from(size.at_once),
    )
    .await?;
    service.graph.stop();
    let id = service.id();
    let before = kernel(id, "smaps_rollup", "Rss:")?;
    rest("nobody asks, nor looks", Duration::from_secs(12)).await;
    let waited = kernel(id, "smaps_rollup", "Rss:")?;
    let said = service.post("/freememory").await?;
    let after = kernel(id, "smaps_rollup", "Rss:")?;
    Ok(Step {
        title: "The rule of decay",
        question: "jemalloc returns pages after ten seconds. Does an idle service give them back after ten seconds?",
        commands: vec![
            format!("_RJEM_MALLOC_CONF={AS_IT_COMES} leaks-on-jemalloc   (how it comes)"),
            format!("sleep 12; grep Rss /proc/{id}/smaps_rollup"),
            format!("curl -X POST http://{}/freememory", service.debug),
        ],
        evidence: format!(
            "{:>10}  when the load ends\n{:>10}  12 s later\n{:>10}  asked\n\n{said}",
            bytes(before),
            bytes(waited),
            bytes(after)
        ),
        conclusion: "Most of it stays. The time runs out, and nobody looks at the clock: jemalloc does so when the program \
                     allocates, and an idle one doesn't. background_thread:true gives it somebody who looks."
            .to_owned(),
        holds: waited >= 0.5 * before && after <= 0.5 * waited,
        plot: None,
    })
}

async fn side_by_side(scene: &Scene, size: &Size, story: &mut Story) -> Result<Step> {
    let a = scene
        .service(On::Jemalloc(AFTER_20_SECONDS), size.kept_bytes)
        .await?;
    let b = scene
        .service(On::Jemalloc(AFTER_20_SECONDS), size.kept_bytes)
        .await?;
    let began = a.graph.now();
    let count = 2 * u64::from(size.at_once);
    let (one, other) = tokio::join!(load(&a, "services a and b", count), load_quietly(&b, count));
    one?;
    other?;
    let asked_at = a.graph.now();
    let (before_a, before_b) = (a.metrics().await?, b.metrics().await?);
    a.post("/freememory").await?;
    let (after_a, after_b) = (a.metrics().await?, b.metrics().await?);
    // Its pages are due twenty seconds after the last of them was freed.
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut line = progress::Line::new();
    let last_b = loop {
        let now = b.metrics().await?;
        if now.resident() <= 1.5 * after_a.resident() || Instant::now() > deadline {
            break now;
        }
        line.draw("b follows its rule", &bytes(now.resident()));
        sleep(Duration::from_millis(500)).await;
    };
    drop(line);
    let (points_a, points_b) = (a.graph.since(began), b.graph.since(began));
    let lines = [
        Line {
            name: "a, asked",
            colour: Colour::Resident,
            points: each(&points_a, Metrics::resident),
        },
        Line {
            name: "b, not asked",
            colour: Colour::Third,
            points: each(&points_b, Metrics::resident),
        },
    ];
    story.plot(
        "side-by-side.svg",
        draw(
            "Freed with MADV_DONTNEED: resident memory of two services",
            &lines,
            &[mark(asked_at, "a is asked to free memory")],
        ),
    );
    Ok(Step {
        title: "Two services side by side",
        question: "With MADV_DONTNEED, does memory leave when it is asked to, and by itself when its time has come?",
        commands: vec![
            format!(
                "_RJEM_MALLOC_CONF={AFTER_20_SECONDS} leaks-on-jemalloc   (twice; Go: GODEBUG=madvdontneed=1)"
            ),
            format!("curl -X POST http://{}/freememory   (a alone)", a.debug),
        ],
        evidence: format!(
            "{:>10}  {:>10}\n{:>10}  {:>10}  before\n{:>10}  {:>10}  a was asked\n{:>10}  {:>10}  b's time has come",
            "a",
            "b",
            bytes(before_a.resident()),
            bytes(before_b.resident()),
            bytes(after_a.resident()),
            bytes(after_b.resident()),
            "",
            bytes(last_b.resident())
        ),
        conclusion:
            "One line falls at once, the other after its time. Nothing was ever leaked: found."
                .to_owned(),
        holds: after_a.resident() <= 0.5 * before_a.resident()
            && last_b.resident() <= 1.5 * after_a.resident(),
        plot: Some("side-by-side.svg"),
    })
}

async fn control(scene: &Scene, size: &Size, story: &mut Story) -> Result<Step> {
    let service = scene.service(On::Glibc, u64::from(u32::MAX)).await?;
    let began = service.graph.now();
    load(
        &service,
        "the control run",
        ROUNDS * u64::from(size.at_once),
    )
    .await?;
    let looked_at = service.graph.now();
    let url = format!("http://{}", service.debug);
    let arguments = ["triage", "--url", &url, "--for", "15s"];
    // A usual day: so many customers a second that the service has time to spare. The look begins when that is under way.
    let loading = service.load(
        "customers ask, and every answer is kept",
        Customers::Usual,
        Pace::Open(20.0),
        10_000,
        Duration::from_secs(24),
    );
    let looking = async {
        sleep(Duration::from_secs(4)).await;
        triage(scene, &arguments).await
    };
    let (seen, loaded) = tokio::join!(looking, loading);
    loaded?;
    let seen = seen?;
    let after = service.metrics().await?;
    story.plot(
        "control.svg",
        draw(
            "The control run: every answer is kept",
            &resident_and_live(&service.graph.since(began)),
            &[mark(looked_at, "triage")],
        ),
    );
    story.control.clone_from(&seen.word);
    Ok(Step {
        title: "The control run",
        question: "Would the instrument know a true leak of that size?",
        commands: vec![
            format!(
                "leaks serve --keep-answers {}   (no bound: every answer is kept)",
                u32::MAX
            ),
            format!("leaks triage --url {url} --for 15s   (under load, 20 customers a second)"),
        ],
        evidence: format!("{}\n{}", table(&[("at the end", &after)]), seen.text),
        conclusion: format!(
            "{}: live memory grows with the requests. At {} resident the two graphs look alike; the live line tells them apart.",
            seen.word,
            bytes(after.resident())
        ),
        holds: seen.word == "leak" && after.resident() >= size.resident_from,
        plot: Some("control.svg"),
    })
}

/// What `leaks triage` said.
struct Seen {
    word: String,
    document: serde_json::Value,
    text: String,
}

async fn triage(scene: &Scene, arguments: &[&str]) -> Result<Seen> {
    let json = scene
        .leaks(&[arguments, &["--format", "json"]].concat())
        .await?;
    let document: serde_json::Value = serde_json::from_str(&json)
        .map_err(|error| Problem::new("leaks triage didn't answer in JSON").because(error))?;
    let word = document["verdict"].as_str().unwrap_or("").to_owned();
    let mut text = format!("{word}: {}\n", document["because"].as_str().unwrap_or(""));
    if let Some(fix) = document["next"].as_str() {
        let _ = writeln!(text, "{fix}");
    }
    for finding in document["findings"].as_array().into_iter().flatten() {
        let kind = finding["kind"].as_str().unwrap_or("");
        let each = finding["per_second"]
            .as_f64()
            .map(|each| format!(" {each:.0} a second"))
            .unwrap_or_default();
        let site = finding["site"]
            .as_str()
            .map(|site| format!(" from {}", from_here(site)))
            .unwrap_or_default();
        let _ = writeln!(text, "{kind}{each}{site}");
    }
    Ok(Seen {
        word,
        document,
        text,
    })
}

/// A site as a reader finds it: its file from here on, or from its library on.
fn from_here(site: &str) -> String {
    let Some((function, file)) = site.split_once(" (/") else {
        return site.to_owned();
    };
    let file = format!("/{file}");
    let of_library = file
        .split_once("/registry/src/")
        .and_then(|(_, rest)| rest.split_once('/'));
    let here = std::env::current_dir().unwrap_or_default();
    let file = match of_library {
        Some((_, file)) => file,
        None => file
            .strip_prefix(&format!("{}/", here.display()))
            .unwrap_or(&file),
    };
    format!("{function} ({file}")
}

async fn load(service: &Service, stage: &str, count: u64) -> Result<String> {
    let report = service
        .load(
            stage,
            Customers::Large,
            Pace::Closed,
            count,
            Duration::from_mins(2),
        )
        .await?;
    let load = &report.loads[0];
    let other = report.begun - load.ok.requests;
    Ok(format!(
        "{} answers in {:.0} s, {other} other outcomes",
        load.ok.requests, load.lasted_seconds
    ))
}

/// Beside another load, whose progress is shown.
async fn load_quietly(service: &Service, count: u64) -> Result<String> {
    load(service, "services a and b", count).await
}

/// A pause that belongs to the experiment.
async fn rest(stage: &str, time: Duration) {
    let mut line = progress::Line::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let left = end.saturating_duration_since(Instant::now());
        line.draw(stage, &format!("{:.0} s left", left.as_secs_f64().ceil()));
        sleep(left.min(Duration::from_secs(1))).await;
    }
}

fn top(profile: &Profile, sample_type: &str) -> Result<String> {
    let options = TopOptions {
        rows_max: Some(8),
        ..TopOptions::default()
    };
    let top = profile.top_with(Some(sample_type), &options);
    Ok(top.map_err(told_by_profile)?.to_string())
}

fn told_by_profile(error: detectors::profile::ProfileError) -> Problem {
    Problem::new("the service's heap profile can't be read").because(error)
}

/// A figure in kibibytes from `/proc/ID`, in bytes.
fn kernel(id: u32, file: &str, field: &str) -> Result<f64> {
    let path = format!("/proc/{id}/{file}");
    let failed = || Problem::new(format!("can't read {field} in {path}"));
    let text = std::fs::read_to_string(&path).map_err(|error| failed().because(error))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim().strip_suffix("kB"));
    let number: Option<f64> = number.and_then(|number| number.trim().parse().ok());
    number.map(|kib| kib * 1_024.0).ok_or_else(failed)
}

/// What the process' control group counts, where there is a memory controller for it.
fn kernel_group(id: u32) -> Option<f64> {
    let groups = std::fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let current = format!("/sys/fs/cgroup{path}/memory.current");
    std::fs::read_to_string(current).ok()?.trim().parse().ok()
}

fn resident_and_live(points: &[Point]) -> Vec<Line<'static>> {
    vec![
        Line {
            name: "resident",
            colour: Colour::Resident,
            points: each(points, Metrics::resident),
        },
        Line {
            name: "live",
            colour: Colour::Live,
            points: each(points, Metrics::live),
        },
    ]
}

fn each(points: &[Point], figure: impl Fn(&Metrics) -> f64) -> Vec<(f64, f64)> {
    points
        .iter()
        .map(|point| (point.seconds, figure(&point.metrics)))
        .collect()
}

fn mark(seconds: f64, words: &str) -> Mark {
    Mark {
        seconds,
        words: words.to_owned(),
    }
}

/// A row for each moment: what is resident, lazily freed and live, and what the allocator has from the system.
fn table(rows: &[(&str, &Metrics)]) -> String {
    let mut text = format!(
        "{:>10} {:>12} {:>10} {:>16}\n",
        "resident", "lazily freed", "live", "allocator has"
    );
    for (when, metrics) in rows {
        let _ = writeln!(
            text,
            "{:>10} {:>12} {:>10} {:>16}  {when}",
            bytes(metrics.resident()),
            bytes(metrics.lazily_freed()),
            bytes(metrics.live()),
            bytes(metrics.mapped())
        );
    }
    text
}
